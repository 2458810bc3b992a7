"""What a batch prints: a progress bar and a summary for people, or JSON lines for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .batch import DONE, FAILED, KEPT, PASSED_ON, Outcome, totals

PAST = {"compress": "compressed", "decompress": "restored", "verify": "verified"}


class Report:
    """Failures and files passed on are told as they happen, on standard error; the summary at the end."""

    def __init__(self, action: str, count: int, as_json: bool):
        self.action, self.count, self.as_json = action, count, as_json
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self.progress = Progress(
            TextColumn(action), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=self.errors,
            transient=True, disable=as_json or count < 2 or not self.errors.is_terminal,
        )  # fmt: skip
        self.bar = self.progress.add_task(action, total=count)

    def __enter__(self) -> Report:
        self.progress.start()
        return self

    def __exit__(self, *_) -> None:
        self.progress.stop()

    def file(self, outcome: Outcome) -> None:
        if self.as_json:
            print(json.dumps(asdict(outcome)), flush=True)
        if outcome.status == FAILED:
            self._tell(f"{outcome.source}: {outcome.reason}", "red")
        elif outcome.reason and not self.as_json:
            kind = f"{PASSED_ON}: " if outcome.status == PASSED_ON and outcome.target else ""
            self._tell(f"{outcome.source}: {kind}{outcome.reason}", "yellow")
        self.progress.advance(self.bar)

    def _tell(self, text: str, style: str) -> None:
        """One line, whatever is in the names of files."""
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        self.errors.print(line, style=style, markup=False)

    def summary(self, outcomes: list[Outcome], seconds: float) -> None:
        if self.as_json:
            return
        sums = totals(outcomes)
        if not outcomes:
            print("no files found")
        elif self.action == "verify":
            print(f"{sums[DONE]} verified, {sums[PASSED_ON]} not ours, {sums[FAILED]} bad")
        else:
            kept = f"{sums[KEPT]} kept, " if sums[KEPT] else ""
            print(
                f"{sums[DONE]} {PAST[self.action]}, {kept}{sums[PASSED_ON]} passed on, {sums[FAILED]} failed; "
                f"{_size(sums['bytes_in'])} -> {_size(sums['bytes_out'])}, ratio {sums['ratio']:.2f}; "
                f"{sums['pixels'] / 1e6 / seconds:.2f} megapixels a second"
            )


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
