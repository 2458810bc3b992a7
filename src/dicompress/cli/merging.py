"""Reports of shards, JSON lines of `--shard ... --json`, added up; a file that was told twice by one shard counts as told last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import FileError
from . import output
from .outcome import Outcome, Totals
from .report import BAD, MOST_FAILURES, Report, summary
from .shards import Shard

FACTS = {field.name for field in fields(Outcome)}
COUNTED = ("status", "bytes_in", "bytes_out", "pixels", "seconds", "is_dicom", "damaged")


class Merged:
    """problems: what makes the whole more than the sum of its failures: shards that are missing, files that two have done."""

    def __init__(self) -> None:
        self.files: dict[bytes, tuple[str, Outcome]] = {}  # by a digest of the source: who told of it last, and what counts of it
        self.began, self.ended = set[str](), dict[str, dict[str, Any]]()
        self.duplicates: list[str] = []
        self.failures: dict[bytes, Outcome] = {}
        self.problems: list[str] = []

    def read(self, path: Path) -> None:
        """FileError if it cannot be read, or is no report."""
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    self._line(line, f"{path}, line {number}")
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}") from None

    def _line(self, line: bytes, where: str) -> None:
        if not line.strip():
            return
        try:
            facts = json.loads(line)
            shard = str(facts.get("shard") or "")
            if "end" in facts:
                self.ended[shard] = facts
                self.began.add(shard)
            else:
                self._file(shard, facts)
        except (ValueError, TypeError, AttributeError, KeyError):
            if line.endswith(b"\n"):
                raise FileError(f"{where}: no line of a report (--json)") from None
            self.problems.append(f"{where}: it is cut, as when its run was killed")

    def _file(self, shard: str, facts: dict[str, Any]) -> None:
        outcome = Outcome(**{name: value for name, value in facts.items() if name in FACTS})
        key = hashlib.blake2b(outcome.source.encode(errors="surrogateescape"), digest_size=16).digest()
        before = self.files.get(key)
        if before and before[0] != shard:
            self.duplicates.append(f"{outcome.source}: told by {_told(before[0])} and by {_told(shard)}")
        self.began.add(shard)
        elsewhere = outcome.target and outcome.target != outcome.source  # not in place
        light = Outcome(
            "", "elsewhere" if elsewhere else None, reason=outcome.reason and "", **{name: getattr(outcome, name) for name in COUNTED}
        )
        self.files[key] = (shard, light)
        if outcome.is_bad:
            self.failures[key] = outcome
        else:
            self.failures.pop(key, None)

    def check(self) -> None:
        """Adds to `problems`: shards that are missing or were killed, or that are of different runs."""
        shards = {Shard.of(shard) for shard in self.began if shard}
        counts = sorted({shard.count for shard in shards})
        if len(counts) > 1 or (shards and "" in self.began):
            kinds = [*(f"of {count}" for count in counts), *(["of no shard"] if "" in self.began else [])]
            self.problems.append(f"reports of different runs: {', '.join(kinds)}")
        for count in counts:
            missing = sorted(set(range(count)) - {shard.index for shard in shards if shard.count == count})
            if missing:
                self.problems.append(f"no report of {_shards(missing, count)}")
            cut = sorted(shard.index for shard in shards if shard.count == count and str(shard) not in self.ended)
            if cut:
                self.problems.append(f"not finished: {_shards(cut, count)}; run again with --resume")
        for what in ("end", "listing", "version", "dry_run"):
            found = {str(facts.get(what)) for facts in self.ended.values()}
            if len(found) > 1:
                told = "command" if what == "end" else what
                self.problems.append(f"shards with different {told}s: {', '.join(sorted(found))}")
        if self.duplicates:
            more = f" (and {len(self.duplicates) - 1} more such files)" if len(self.duplicates) > 1 else ""
            self.problems.append(f"{self.duplicates[0]}{more}")


def merge(paths: Iterable[Path], as_json: bool, quiet: bool) -> int:
    """Prints; the exit status: 0 if every shard is there, whole, and no file is bad."""
    merged = Merged()
    for path in paths:
        merged.read(path)
    merged.check()
    outcomes = [outcome for _, outcome in merged.files.values()]
    action = next((facts["end"] for facts in merged.ended.values()), "compress")
    report = Report(action, len(outcomes), False, quiet)
    for outcome in list(merged.failures.values())[:MOST_FAILURES]:
        report.tell(f"{outcome.source}: {outcome.reason}", BAD)
    if len(merged.failures) > MOST_FAILURES:
        report.tell(f"{len(merged.failures)} files failed or are damaged", BAD)
    for problem in merged.problems:
        report.tell(f"dicompress: {problem}", BAD)
    totals = Totals(action, outcomes)
    status = int(totals.is_bad or bool(merged.problems))
    seconds = sum(outcome.seconds for outcome in outcomes)
    if as_json:
        facts = {"action": action, "files": len(outcomes), **totals.facts(), "seconds": seconds}
        output.line(json.dumps(facts | {"shards": len(merged.began - {""}), "problems": merged.problems, "exit_status": status}))
    elif not quiet:
        hours = f"; {seconds / 3600:.2f} hours of work" if seconds >= 36 else ""
        output.line(f"{len(merged.began - {''})} shards: {summary(totals, None)}{hours}")
    return status


def _told(shard: str) -> str:
    return f"shard {shard}" if shard else "a report of no shard"


def _shards(numbers: list[int], count: int) -> str:
    named = ", ".join(map(str, numbers[:20])) + (", ..." if len(numbers) > 20 else "")
    return f"shard{'s' * (len(numbers) > 1)} {named} of {count}"
