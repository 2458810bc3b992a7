"""What a batch prints: a progress bar and a summary for people, or JSON lines for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .. import __version__, places
from . import output
from .outcome import DONE, FAILED, KEPT, PASSED_ON, SKIPPED, Outcome, Totals
from .reasons import Tally

MOST_FAILURES = 100  # that are told, a line each; all are counted, and in JSON
BAD, NOTE = "red", "yellow"
Task = TypeVar("Task")


class Report:
    """What is not as usual is told as it happens, on standard error, a few lines a kind; counts and the summary at the end.

    as_json: objects on standard output instead; only failures are told. quiet: only failures are told. to_stderr: the
    summary, too. count: of files, None if it is not known yet.
    shard: of which it is, "I/N"; then JSON tells it of each file, and a last object that all were done.
    dry: nothing was written, which the summary tells.
    """

    def __init__(
        self, action: str, count: int | None, as_json: bool = False, quiet: bool = False, to_stderr: bool = False, shard: str = "",
        dry: bool = False,
    ):  # fmt: skip
        self.action, self.as_json, self.quiet, self.to_stderr = action, as_json, quiet, to_stderr
        self.shard, self.dry = {"shard": shard} if shard else {}, dry
        self.messages = output.messages()
        self.failures, self.notes = Tally(MOST_FAILURES, MOST_FAILURES), Tally()
        self.progress = Progress(
            TextColumn(action), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=self.messages,
            transient=True, disable=as_json or quiet or (count is not None and count < 2) or not self.messages.is_terminal,
        )  # fmt: skip
        self.bar = self.progress.add_task(action, total=count)

    def __enter__(self) -> Report:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def counted(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """The tasks; how many there are is known when the last of them was found."""
        count = 0
        for count, task in enumerate(tasks, 1):  # noqa: B007
            yield task
        self.progress.update(self.bar, total=count)

    def step(self, count: int) -> None:
        """Files whose end is near: their outcomes come when what they are in is complete."""
        self.progress.advance(self.bar, count)

    def file(self, outcome: Outcome, counts: bool = True) -> None:
        """counts: towards the progress, unless `step` has told of it."""
        if self.as_json:
            output.line(json.dumps(outcome.facts() | self.shard))  # ASCII, as names of files may not be UTF-8
        names = (outcome.source, outcome.target)
        if outcome.reason:
            told = f"{_kind(outcome)}{outcome.reason}"
            if outcome.is_bad:
                self._note(self.failures, outcome.source, told, names, BAD)
            elif self._talks:
                self._note(self.notes, outcome.source, told, names, NOTE)
        for warning in outcome.warnings if self._talks else ():
            self._note(self.notes, outcome.source, f"warning: {warning}", names, NOTE)
        if counts:
            self.progress.advance(self.bar)

    @property
    def _talks(self) -> bool:
        return not (self.as_json or self.quiet)

    def _note(self, tally: Tally, source: str, text: str, names: tuple[str | None, ...], style: str) -> None:
        if tally.add(text, names):
            self.tell(f"{source}: {text}", style)

    def tell(self, text: str, style: str | None = None) -> None:
        with suppress(OSError):  # a full disk takes no messages
            self.messages.print(output.printable(text), style=style, markup=False)

    def counts(self) -> None:
        """How many files there were of each kind that was not told in full."""
        for tally, style in ((self.notes, NOTE), (self.failures, BAD)):
            for count, text in tally.summary():
                self.tell(f"{count} files: {text}", style)

    def summary(self, totals: Totals, seconds: float) -> None:
        if self._talks:
            text = f"dry run: {summary(totals, None)}" if self.dry else summary(totals, seconds)
            self.tell(text) if self.to_stderr else output.line(text)

    def end(self, count: int, seconds: float, status: int, listing: str | None) -> None:
        """Of a shard: what tells a complete report from one of a run that was killed. listing: SHA-256 of the list of files."""
        if self.as_json:
            facts = {"files": count, "seconds": seconds, "exit_status": status, "listing": listing, "version": __version__}
            facts |= {"dry_run": True} if self.dry else {}
            output.line(json.dumps({"end": self.action, **self.shard, **facts}))


def _kind(outcome: Outcome) -> str:
    if outcome.status == SKIPPED:
        return "skipped: "
    if outcome.status != PASSED_ON or not outcome.target:
        return "damaged: " if outcome.damaged else ""
    if not outcome.is_dicom:
        return "copied: " if outcome.target != outcome.source else "left as it is: "
    return f"{PASSED_ON}, damaged: " if outcome.damaged else f"{PASSED_ON}: "


def summary(totals: Totals, seconds: float | None) -> str:
    """One line. seconds: that it took; None to tell no speed."""
    if not totals.count:
        return "no files found"
    action, sums = totals.action, totals.facts()
    if action == "pack" and seconds is not None:  # the archives whole, with all that is around the files in them
        sums["bytes_out"] = sum(places.size(places.at(archive)) for archive in totals.archives)
        sums["ratio"] = sums["bytes_in"] / sums["bytes_out"] if sums["bytes_out"] else 1.0
    if action == "verify":
        remarked = f"{sums['remarked']} verified without a restore record" if sums["remarked"] else ""
        return _joined(
            f"{sums['done'] - sums['remarked']} verified", remarked, f"{sums[PASSED_ON] + sums['others']} not ours",
            f"{sums[FAILED]} bad",
        )  # fmt: skip
    counts = _joined(
        f"{sums['done']} {DONE[action]}",
        f"{sums[KEPT]} kept" if sums[KEPT] else "",
        f"{sums[PASSED_ON]} passed on",
        f"{sums['damaged']} damaged" if sums["damaged"] else "",
        _others(sums["others"], "left" if totals.in_place else "copied"),
        _others(sums[SKIPPED], SKIPPED),
        f"{sums[FAILED]} failed",
    )
    told = f"{counts}; {amount(sums['bytes_in'])} -> {amount(sums['bytes_out'])}"
    if action == "strip":
        return told
    readers = ", ".join(sorted(totals.readers))
    speed = "" if seconds is None else f"; {sums['pixels'] / 1e6 / seconds:.2f} megapixels a second"
    return f"{told}, ratio {sums['ratio']:.2f}{speed}" + (f"; read again by {readers}" if readers else "")


def _others(count: float, what: str) -> str:
    return f"{count} other file{'s' * (count > 1)} {what}" if count else ""


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def amount(count: float) -> str:
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
