"""Files out of archives: given back, or checked."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from .. import places
from ..dicom import resume
from ..disk import targets
from ..errors import DicompressError, FileError, NotDicomError
from ..places import Place
from ..series.entry import SLICE, Entry
from ..series.packing import sha256
from ..series.parts import MAGIC
from ..series.reader import Archive
from . import files
from .grouping import SUFFIX
from .library_warnings import caught
from .outcome import DONE, FAILED, KEPT, Job, Outcome
from .work import reason_of

LONGEST = 64  # files of an archive that one worker takes at a time; those that lean on others decode them, too


@dataclass(frozen=True)
class File:
    """number, path: in the archive. target: None if it is only checked. problem: why it cannot be had."""

    number: int
    path: str
    target: Place | None = None
    problem: str | None = None
    to_stdout: bool = False


@dataclass(frozen=True)
class Portion:
    """Files of one archive. weight: their bytes in it."""

    archive: Place
    files: tuple[File, ...]
    weight: int = 0

    @property
    def to_stdout(self) -> bool:
        return any(file.to_stdout for file in self.files)

    def failed(self, reason: str) -> list[Outcome]:
        return [Outcome(name_of(self.archive, f.path), _target(f), FAILED, reason) for f in self.files]

    def without(self, told: set[str]) -> Portion:
        return replace(self, files=tuple(f for f in self.files if name_of(self.archive, f.path) not in told))


def name_of(archive: Place, path: str) -> str:
    """Of a file in an archive, as it is told."""
    return f"{archive}/{path}"


def is_archive(task: files.Task) -> bool:
    """By its name; if it was named itself, by how it begins, too."""
    if task.source.suffix == SUFFIX:
        return True
    if not task.named:
        return False
    try:
        with places.opened(task.source) as found:
            return found.file.read(len(MAGIC)) == MAGIC
    except FileError:
        return False


def archives(sources: Sequence[str]) -> list[files.Task]:
    """Those that are named, and those in folders."""
    return [t for t in files.tasks(sources, None) if t.named or t.problem or is_archive(t)]


def portions(found: Sequence[files.Task], output: Place | None, damaged: list[Outcome]) -> list[Portion]:
    """All files of archives. output: where they go; None if they are checked only. damaged: gets an outcome of each archive that is.

    FileError if two would go to one target.
    """
    result: list[Portion] = []
    for task in found:
        try:
            if task.problem:
                raise FileError(task.problem)
            files.check(task.source)
            with Archive(task.source) as archive:
                if archive.problems:
                    damaged.append(Outcome(str(task.source), None, FAILED, problems(archive)))
                result += _portions(task.source, archive, output)
        except DicompressError as error:
            damaged.append(Outcome(str(task.source), None, FAILED, str(error).removeprefix(f"{task.source}: ")))
    counts = Counter(f.target for portion in result for f in portion.files if f.target)
    clash = next((path for path, count in counts.items() if count > 1), None)
    if clash:
        raise FileError(
            f"two files would both be written to {clash}; unpack the archives one after another, into folders of their own"
        )
    return result


def count(portions: Sequence[Portion]) -> int:
    """Of files."""
    return sum(len(portion.files) for portion in portions)


def single(job: Job, path: Place, name: str, output: str, as_json: bool) -> Portion:
    """One file, by its path, the end of it, or its SOP Instance UID. FileError if there is none."""
    files.check_named(path)
    with Archive(path) as archive:
        number = archive.find(name)
        place, entry = archive.places[number], archive.entries[number]
    if output == files.PIPE:
        if as_json or job.force:
            raise FileError("-o - goes with neither --json nor --force: standard output holds the file")
        files.check_stdout()
        return Portion(path, (File(number, entry.path, to_stdout=True),), place.data)
    target = places.at(output)
    if files.ends_as_folder(output) or places.is_folder(target):
        last = entry.path.rpartition("/")[2]
        if not places.is_inside(last):
            raise FileError(f"{entry.path!r} is no name of a file here: say -o FILE")
        target = target / last
    return Portion(path, (File(number, entry.path, target),), place.data)


def problems(archive: Archive) -> str:
    """One line."""
    lost = archive.lost
    told = "; ".join(archive.problems)
    if lost:
        numbers = ", ".join(map(str, lost[:10])) + (", ..." if len(lost) > 10 else "")
        told += f"; {len(lost)} of its files are lost with their names, by number {numbers}"
    if archive.indexed:
        told += "; what an index before that names is here, and files behind it, as far as they are whole"
    return f"damaged: {told}"


def _portions(place: Place, archive: Archive, output: Place | None) -> Iterator[Portion]:
    numbers = sorted(archive.entries)
    for start in range(0, len(numbers), LONGEST):
        some = numbers[start : start + LONGEST]
        weight = sum(archive.places[n].data for n in some)
        yield Portion(place, tuple(_file(n, archive.entries[n].path, output) for n in some), weight)


def _file(number: int, path: str, output: Place | None) -> File:
    if output is None:
        return File(number, path)
    if not places.is_inside(path):
        return File(number, path, None, "its path would leave the folder: it is not written (extract it to a name of your own)")
    return File(number, path, output / path)


def work(job: Job, portion: Portion, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Tells each outcome. No exception leaves here."""
    try:
        archive = Archive(portion.archive)
    except Exception as error:
        return portion.failed(reason_of(error))
    with archive:
        for file in portion.files:
            start = time.perf_counter()
            with caught() as told:
                outcome = _guarded(job, portion.archive, archive, file)
            tell(replace(outcome, seconds=time.perf_counter() - start, warnings=tuple(told)))
    return []


def _guarded(job: Job, place: Place, archive: Archive, file: File) -> Outcome:
    name = name_of(place, file.path)
    try:
        if file.problem:
            raise FileError(file.problem)
        entry = archive.entries.get(file.number)
        if entry is None or entry.path != file.path:
            raise FileError("the archive changed meanwhile; run again")
        return _file_out(job, archive, entry, file, name)
    except Exception as error:
        return Outcome(name, _target(file), FAILED, reason_of(error).removeprefix(f"{file.path}: "))


def _file_out(job: Job, archive: Archive, entry: Entry, file: File, name: str) -> Outcome:
    place = archive.places[entry.number]
    size = place.end - place.start
    if file.target and places.exists(file.target, follow=False) and _is_there(job, archive, entry, file.target):
        return Outcome(name, str(file.target), KEPT, bytes_in=size, bytes_out=entry.size)
    data = archive.restore(entry.number, job.threads)
    if file.target:
        places.write(file.target, data, job.force or job.resume, _attributes(entry))
    elif file.to_stdout:
        files.write_stdout(data)
    remark = None
    if entry.near and job.action != "verify":
        remark = f"a derived image, not the original: no pixel is off by more than {entry.near} in stored values"
    pixels = prod((entry.frames or 1, *(entry.shape or ()))) if entry.method == SLICE else 0
    return Outcome(name, _target(file), DONE[job.action], remark, size, len(data), pixels, is_dicom=entry.is_dicom)


def _is_there(job: Job, archive: Archive, entry: Entry, target: Place) -> bool:
    """Whether what is there already is the file. FileError if it is in the way."""
    if places.is_folder(target):
        raise FileError(f"the target {target} is a folder")
    if job.resume:
        found = files.read(target)
        if found == archive.restore(entry.number, job.threads) if not entry.sha256 else sha256(found) == entry.sha256:
            return True
        try:
            resume.check_whole(found)
        except NotDicomError:
            pass
        except FileError:
            return False  # damaged
        if not job.force:
            raise FileError(f"the target {target} exists and is not what the archive has; --force replaces it")
    elif not job.force:
        raise targets.exists(target)
    return False


@dataclass(frozen=True)
class _Attributes:
    """Those of an `os.stat_result` that a target gets; owner and group are ours."""

    st_mode: int
    st_mtime_ns: int
    st_atime_ns: int
    st_uid: int = -1
    st_gid: int = -1


def _attributes(entry: Entry) -> os.stat_result | None:
    if entry.mode is None or entry.mtime_ns is None:
        return None
    return _Attributes(entry.mode, entry.mtime_ns, entry.mtime_ns)  # type: ignore[return-value]  # what `targets` reads of one


def _target(file: File) -> str | None:
    return files.STDOUT if file.to_stdout else str(file.target) if file.target else None
