"""Which files go into which archive: their headers are read, nothing else of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import places
from ..dicom.header import read_header
from ..dicom.pixels import GREY
from ..errors import DicompressError, FileError, NotDicomError
from ..places import Place
from ..series.order import Facts, facts_of
from . import existing, files
from .files import Task
from .library_warnings import caught
from .outcome import COPY, FAIL, SKIPPED, Job, Outcome
from .shards import Shard
from .work import failed

SUFFIX = ".dcma"
OTHERS = "other-files"  # the archive of what has no Series Instance UID
UID = re.compile(r"[0-9][0-9.]{0,63}")


@dataclass(frozen=True)
class Item:
    """A file that is to be packed. path: in the archive. The others: as the file was when its header was read; None at URLs."""

    source: Place
    path: str
    facts: Facts
    size: int
    mode: int | None
    mtime_ns: int | None

    def read(self) -> bytes:
        """FileError if it cannot be read, or is not what it was."""
        found = files.load(Task(self.source, None))
        if (len(found.data), found.status and found.status.st_mtime_ns) != (self.size, self.mtime_ns):
            raise FileError("changed since its header was read; run again")
        return found.data


@dataclass(frozen=True)
class Package:
    """What goes into one archive. series: its Series Instance UID, empty if the files have none."""

    archive: Place
    series: str
    items: tuple[Item, ...]

    @property
    def weight(self) -> int:
        return sum(item.size for item in self.items)

    def failed(self, reason: str) -> list[Outcome]:
        return [failed(Task(item.source, self.archive), reason) for item in self.items]

    def without(self, told: set[str]) -> Package:
        """What is left when a worker died: all of it, as nothing is told before the end."""
        return self


def tasks(sources: Sequence[str], output: str) -> list[Task]:
    """One a file; its target is its path below `output`."""
    if files.PIPE in (*sources, output):
        raise FileError("pack reads files and writes archives, through no pipe (./- is a file of that name)")
    if any(places.is_same(places.at(source), places.at(output)) for source in sources):
        raise FileError(f"{output} is a source: let the archives go to another folder")
    return files.tasks(sources, f"{output}/")


def packages(
    job: Job, found: Sequence[Task], output: str, ended: Callable[[Outcome], None], shard: Shard | None = None
) -> list[Package]:
    """Those of a run. ended: is told of files that come into none. shard: the series that it has by their names, whole."""
    items: dict[str, list[Item]] = {}
    for task in found:
        try:
            item = _item(job, task)
        except DicompressError as error:
            item = failed(task, str(error))
        if not isinstance(item, Outcome):
            if shard is None or shard.has(name_of(item.facts.series)):
                items.setdefault(item.facts.series, []).append(item)
        elif shard is None or shard.has(task.name):
            ended(item)
    return [Package(places.at(output) / name_of(series), series, tuple(some)) for series, some in items.items()]


def name_of(series: str) -> str:
    """Of an archive. A UID that is none may be no name of a file, either."""
    if not series:
        return OTHERS + SUFFIX
    name = series if UID.fullmatch(series) else f"series-{hashlib.sha256(series.encode(errors='replace')).hexdigest()[:16]}"
    return name + SUFFIX


def _item(job: Job, task: Task) -> Item | Outcome:
    """FileError for what cannot be read, or is no DICOM and should fail."""
    if task.problem:
        raise FileError(task.problem)
    facts = Facts("")
    with places.opened(task.source) as found, caught():
        try:
            facts = facts_of(read_header(found.file), GREY)
        except NotDicomError as error:
            policy = existing.policy(job, task)
            if policy == FAIL:
                raise
            if policy != COPY:
                return Outcome(str(task.source), None, SKIPPED, str(error), is_dicom=False)
        except DicompressError:
            pass  # it is kept as it is, and why is told when all of it is read
    status = found.status
    mode, mtime_ns = (status.st_mode & 0o7777, status.st_mtime_ns) if status else (None, None)
    return Item(task.source, task.name, facts, found.size, mode, mtime_ns)
