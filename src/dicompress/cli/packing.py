"""A package of files to its archive: what a worker does, and the words."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from .. import places
from ..dicom.part10 import parse
from ..dicom.references import references
from ..dicom.resume import has_allowed_error
from ..errors import DicompressError, FileError, StreamError
from ..models import DEFAULT
from ..series.entry import KEPT as KEPT_AS_IT_IS
from ..series.entry import Entry
from ..series.pack import add, appending, write
from ..series.packing import Content, Settings, sha256
from ..series.reader import Archive
from ..series.writer import Source
from .files import Task
from .grouping import Item, Package
from .library_warnings import caught
from .outcome import COMPRESSED, FAILED, KEPT, PASSED_ON, Job, Outcome
from .work import failed, reason_of


def work(job: Job, package: Package, tell: Callable[[int], None]) -> list[Outcome]:
    """An outcome a file. tell: how many files are done, now and then. No exception leaves here."""
    run = _Run(job, package, tell)
    try:
        with places.changed_here(package.archive) as path:
            run.go(path)
    except Exception as error:
        run.fail(reason_of(error))
    finally:
        run.calm.close()
    return [run.outcomes[item.path] for item in package.items]


def mend(packages: list[Package]) -> None:
    """Archives to which a worker was adding when it was killed: they get an index of what is whole."""
    for package in packages:
        with suppress(DicompressError):  # it is not there, no archive, or more than that is wrong
            if not isinstance(package.archive, Path):
                continue  # at a URL nothing is ever half there
            with Archive(package.archive) as archive:
                if not archive.problems:
                    continue
            with appending(package.archive) as (file, before):
                if before.problems:
                    add(file, before, [], Settings(DEFAULT), lambda *_: None)


class _Run:
    def __init__(self, job: Job, package: Package, tell: Callable[[int], None]):
        self.job, self.package, self.tell = job, package, tell
        self.items = {item.path: item for item in package.items}
        self.outcomes: dict[str, Outcome] = {}
        self.settings = Settings(DEFAULT, job.allowance, job.threads)
        self.needed: frozenset[str] = frozenset()  # paths without which the archive must not be replaced
        self.calm, self.warnings, self.start = ExitStack(), list[str](), 0.0
        self.references: dict[str, frozenset[str]] = {}

    def go(self, path: Path) -> None:
        """path: where the archive is, or what becomes of it in the end."""
        target, self.path = self.package.archive, path
        if not os.path.lexists(path):
            try:
                return self._write(False)
            except FileError:
                if not (os.path.lexists(path) and (self.job.resume or self.job.force)):
                    raise
            self._restart()  # another run was faster
        if path.is_dir():
            raise FileError(f"the target {target} is a folder")
        if not (self.job.resume or self.job.force):
            raise FileError(f"the target {target} exists; --resume adds to it, --force makes it anew")
        if self.job.resume:
            try:
                with appending(path) as (file, before):
                    late = self._compared(before)
                    if late is not None:
                        if late or before.problems:
                            add(file, before, [self._source(item) for item in late], self.settings, self._ended)
                        return
            except StreamError as error:
                if not self.job.force:
                    raise FileError(f"the target {target} exists and is no archive: {error}; --force replaces it") from None
        self._anew()

    def fail(self, reason: str) -> None:
        """What has not failed for a reason of its own."""
        for item in self.package.items:
            if item.path not in self.outcomes or self.outcomes[item.path].status not in (FAILED, KEPT):
                self.outcomes[item.path] = self._failed(item, reason)

    def _restart(self) -> None:
        self.calm.close()
        self.tell(-len(self.outcomes))
        self.outcomes.clear()

    def _anew(self) -> None:
        """FileError if that would lose what is in the old archive only."""
        path = self.package.archive
        self._restart()
        try:
            with Archive(self.path) as before:
                there = frozenset(entry.path for entry in before.entries.values())
        except StreamError:
            there = frozenset()  # no archive
        lost = sorted(there - self.items.keys())
        if lost:
            raise FileError(f"{path} {_only(lost)}: made anew it would lose them; unpack or remove it before")
        self.needed = there
        self._write(True)

    def _write(self, replaces: bool) -> None:
        sources = [self._source(item) for item in self.package.items]
        write(self.path, self.package.series, sources, self.settings, self._ended, replaces)

    def _source(self, item: Item) -> Source:
        return Source(item.path, item.facts, partial(self._read, item), item.mode, item.mtime_ns)

    def _read(self, item: Item) -> bytes:
        """From here to `_ended`, what libraries say is about this file."""
        self.calm.close()
        self.start = time.perf_counter()
        self.warnings = self.calm.enter_context(caught())
        data = item.read()
        if self.job.allowance:
            self.references[item.path] = _references(data)
        return data

    def _ended(self, source: Source, found: Content | DicompressError, size: int) -> None:
        self.calm.close()
        item = self.items[source.path]
        if isinstance(found, DicompressError):
            if item.path in self.needed:
                raise FileError(f"{self.package.archive} stays as it is: it has {item.source}, which fails now: {found}")
            outcome = self._failed(item, str(found))
        else:
            outcome = replace(self._outcome(item, found.entry, size), pixels=found.count)
        self._keep(item, replace(outcome, seconds=time.perf_counter() - self.start, warnings=tuple(self.warnings)))

    def _keep(self, item: Item, outcome: Outcome) -> None:
        self.outcomes[item.path] = outcome
        self.tell(1)

    def _outcome(self, item: Item, entry: Entry, size: int, status: str = "") -> Outcome:
        changed = entry.original_uid is not None and self.job.allowance
        as_it_is = entry.method == KEPT_AS_IT_IS
        return Outcome(
            str(item.source), str(self.package.archive), status or (PASSED_ON if as_it_is else COMPRESSED),
            None if status and not entry.damaged else entry.reason, item.size, size, is_dicom=entry.is_dicom, damaged=entry.damaged,
            old_uid=entry.original_uid if changed else None, new_uid=entry.uid if changed else None,
            references=self.references.get(item.path, frozenset()),
        )  # fmt: skip

    def _failed(self, item: Item, reason: str) -> Outcome:
        return failed(Task(item.source, self.package.archive), reason)

    def _compared(self, before: Archive) -> list[Item] | None:
        """Files that the archive has not yet; None if it is to be made anew. Those that it has are kept, or fail."""
        numbers = {entry.path: number for number, entry in before.entries.items()}
        there = sorted((item for item in self.package.items if item.path in numbers), key=lambda item: numbers[item.path])
        bad: dict[str, str] = {}
        for item in there:
            try:
                reason = self._compare(item, before, numbers[item.path])
                self.calm.close()
            except FileError as error:
                self._keep(item, self._failed(item, str(error)))
                continue
            if reason:
                bad[item.path] = reason
        damaged = not before.indexed or any(reason == DAMAGED for reason in bad.values())
        known = {path for path in self.items if path not in self.outcomes or self.outcomes[path].status != FAILED}
        lost = sorted(numbers.keys() - known)
        if (bad or damaged) and (self.job.force or (damaged and DIFFERENT not in bad.values())) and not lost:
            return None
        for path, reason in bad.items():
            what = f"; the archive {_only(lost)}, so that it is not made anew" if lost else "; --force makes it anew"
            self._keep(self.items[path], self._failed(self.items[path], reason.format(self.package.archive) + what))
        return [item for item in self.package.items if item.path not in numbers]

    def _compare(self, item: Item, before: Archive, number: int) -> str | None:
        """Why the archive's file is not what this one gives; None if it is, which is told. FileError if it cannot be read."""
        data = self._read(item)
        entry, place = before.entries[number], before.places[number]
        digest = entry.original_sha256 or entry.sha256
        if digest and sha256(data) != digest:
            return DIFFERENT
        try:
            restored = before.restore(number, self.job.threads)
        except StreamError:
            return DAMAGED
        if not digest and restored != data:
            return DIFFERENT
        if entry.near and not self._is_allowed(data, restored, entry.near):
            return DIFFERENT
        self._keep(item, self._outcome(item, entry, place.end - place.start, KEPT))
        return None

    def _is_allowed(self, data: bytes, restored: bytes, near: int) -> bool:
        if not self.job.allowance:
            return False
        try:
            return has_allowed_error(data, restored, near, self.job.allowance)
        except DicompressError:
            return False


DIFFERENT, DAMAGED = "the archive {} has another file of this path", "is damaged in the archive {}"


def _only(lost: list[str]) -> str:
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    return f"has {lost[0]!r}{more}, which is not among the sources"


def _references(data: bytes) -> frozenset[str]:
    try:
        return references(parse(data))
    except DicompressError:
        return frozenset()
