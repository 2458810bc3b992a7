"""What the commands of a store print: notes and a summary for people, or JSON lines for programs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DicompressError
from . import output
from .reasons import Tally
from .report import BAD, MOST_FAILURES, NOTE, amount

if TYPE_CHECKING:
    from ..store import Outcome, Store

NEEDED = ("sqlalchemy", "fsspec")
INTERRUPTED = 130


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    check_installed()
    from ..store import Store

    with Store(folder) as store:
        yield store


def check_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DicompressError(f"a store needs {', '.join(missing)}: pip install 'dicompress[store]'")


class Teller:
    """Objects one by one, and how many there were of each kind; what is bad makes the exit status 1."""

    def __init__(self, as_json: bool, quiet: bool = False):
        self.as_json, self.quiet, self.bad = as_json, quiet, 0
        self.messages = output.messages()
        self.failures, self.notes = Tally(MOST_FAILURES, MOST_FAILURES), Tally()
        self.counts: Counter[str] = Counter()
        self.before = self.after = 0

    def __call__(self, outcome: Outcome) -> None:
        self.counts[outcome.status] += 1
        self.before, self.after = self.before + outcome.bytes_in, self.after + outcome.bytes_out
        self.bad += outcome.is_bad
        if self.as_json:
            output.line(json.dumps(outcome.facts()))
        if outcome.reason and (outcome.is_bad or not (self.as_json or self.quiet)):
            self._note(outcome.source or outcome.uid, f"{outcome.status}: {outcome.reason}", outcome.is_bad, outcome.uid)

    def failed(self, source: str, reason: str, status: str = "failed") -> None:
        """What is no object."""
        self.counts[status] += 1
        is_bad = status == "failed"
        self.bad += is_bad
        if self.as_json:
            output.line(json.dumps({"source": source, "status": status, "reason": reason}))
        if is_bad or not (self.as_json or self.quiet):
            self._note(source, f"{status}: {reason}", is_bad, source)

    def _note(self, name: str, text: str, is_bad: bool, uid: str) -> None:
        if (self.failures if is_bad else self.notes).add(text, (name, uid)):
            self.tell(f"{name}: {text}", BAD if is_bad else NOTE)

    def tell(self, text: str, style: str | None = None) -> None:
        self.messages.print(output.printable(text), style=style, markup=False)

    def end(self, sizes: bool = False, told: str = "") -> None:
        """The summary. Exits."""
        if not self.as_json:
            for tally, style in ((self.notes, NOTE), (self.failures, BAD)):
                for count, text in tally.summary():
                    self.tell(f"{count} objects: {text}", style)
        if not (self.as_json or self.quiet):
            counts = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items())) or "nothing to do"
            bytes_told = f"; {amount(self.before)} -> {amount(self.after)}" if sizes and self.before else ""
            output.line(f"{told}{counts}{bytes_told}")
        sys.exit(int(self.bad > 0))


def rows(found: list[dict[str, Any]], as_json: bool, shown: tuple[str, ...]) -> None:
    """JSON lines, or a table of some columns."""
    if as_json:
        for row in found:
            output.line(json.dumps(row))
        return
    cells = [[output.printable("" if row.get(name) is None else _text(row[name])) for name in shown] for row in found]
    widths = [max(len(line[k]) for line in [list(shown), *cells]) for k in range(len(shown))]
    for line in [list(shown), *cells]:
        output.line("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def _text(value: Any) -> str:
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)
