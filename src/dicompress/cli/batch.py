"""Many files: one outcome each, whatever happens to the others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DicompressError, FileError, StreamError, UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import files, pool, targets

if TYPE_CHECKING:
    from ..dicom import Allowance

DONE, KEPT, PASSED_ON, FAILED = "done", "kept", "passed on", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one file. reason: why it was passed on or failed, or a remark."""

    source: str
    target: str | None
    status: str
    reason: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    pixels: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """What a worker does to a file. action: "compress", "decompress" or "verify". allowance: of errors in pixels.

    resume: keep targets that are what the source gives, do damaged ones again. force: replace whatever else is there.
    """

    action: str
    model: str = DEFAULT
    force: bool = False
    resume: bool = False
    threads: int = 0
    allowance: Allowance | None = None


def run(job: Job, tasks: list[files.Task], jobs: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Work through `tasks` in `jobs` processes; `report` is called for each as it ends. Sorted by source.

    What killed processes leave in the targets' folders is removed, before and after.
    """
    outcomes = []
    folders = {t.target.parent for t in tasks if t.target}
    targets.clean(folders)
    try:
        with closing(_outcomes(job, tasks, min(jobs, len(tasks)))) as ended:
            for outcome in ended:
                report(outcome)
                outcomes.append(outcome)
    finally:
        targets.clean(folders)
    return sorted(outcomes, key=lambda o: o.source)


def _outcomes(job: Job, tasks: list[files.Task], jobs: int) -> Iterator[Outcome]:
    if jobs < 2:
        yield from (process(job, task) for task in tasks)
        return
    several = replace(job, threads=max(1, (os.cpu_count() or 1) // jobs))
    died = []
    largest_first = sorted(tasks, key=lambda task: files.size(task.source), reverse=True)  # so that all cores end together
    for task, outcome in pool.run(partial(process, several), largest_first, jobs):
        if isinstance(outcome, pool.Died):
            died.append(task)
        else:
            yield outcome
    # Once more, with all memory and cores to itself; the target may be complete, if the process died late.
    for task, outcome in pool.run(partial(process, replace(job, resume=True)), died, 1):
        if isinstance(outcome, pool.Died):
            outcome = _failed(task, f"the worker process died, twice ({outcome.how}), perhaps for lack of memory")
        yield outcome


def process(job: Job, task: files.Task) -> Outcome:
    """One file. No exception leaves here: whatever happens is an outcome."""
    start = time.perf_counter()
    try:
        if task.problem:
            raise FileError(task.problem)
        kept = _kept(job, task) if task.target else None
        outcome = kept or _ACTIONS[job.action](job, task)
    except DicompressError as error:
        outcome = _failed(task, str(error))
    except OSError as error:
        outcome = _failed(task, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except MemoryError:
        outcome = _failed(task, "not enough memory")
    except Exception as error:  # a defect of ours: report it as such, go on with the batch
        outcome = _failed(task, f"unexpected {type(error).__name__}: {error}; please report this")
    return Outcome(**{**vars(outcome), "seconds": time.perf_counter() - start})


def _compress(job: Job, task: files.Task) -> Outcome:
    from ..dicom import compress_file

    data = files.read(task.source)
    try:
        result = compress_file(data, job.model, job.threads, job.allowance)
    except (UnsupportedImageError, VerificationError) as error:
        return _pass_on(job, task, data, str(error))
    _write(job, task, result.data)
    return Outcome(str(task.source), str(task.target), DONE, result.remark, len(data), len(result.data), result.pixels)


def _decompress(job: Job, task: files.Task) -> Outcome:
    from ..dicom import restore_file

    data = files.read(task.source)
    try:
        restored = restore_file(data, job.threads)
    except UnsupportedImageError as error:
        return _pass_on(job, task, data, str(error))
    _write(job, task, restored.data)
    remark = None
    if restored.near:
        remark = f"a derived image, not the original: no pixel is off by more than {restored.near} in stored values"
    elif restored.edited:
        remark = "elements were changed after compression and are kept as changed"
    return Outcome(str(task.source), str(task.target), DONE, remark, len(data), len(restored.data), restored.pixels)


def _verify(job: Job, task: files.Task) -> Outcome:
    from ..dicom import restore_file

    data = files.read(task.source)
    try:
        restored = restore_file(data, job.threads)
    except UnsupportedImageError as error:
        return Outcome(str(task.source), None, PASSED_ON, str(error), len(data), len(data))
    if restored.edited:
        raise FileError("elements were changed after compression: the pixels are intact, the original file is not")
    return Outcome(str(task.source), None, DONE, None, len(data), len(restored.data), restored.pixels)


_ACTIONS = {"compress": _compress, "decompress": _decompress, "verify": _verify}


def _pass_on(job: Job, task: files.Task, data: bytes, reason: str) -> Outcome:
    _write(job, task, data)
    return Outcome(str(task.source), str(task.target), PASSED_ON, reason, len(data), len(data))


def _failed(task: files.Task, reason: str) -> Outcome:
    return Outcome(str(task.source), task.target and str(task.target), FAILED, reason)


def _write(job: Job, task: files.Task, data: bytes) -> None:
    targets.write(task.target, data, replace=job.force or job.resume)


def _kept(job: Job, task: files.Task) -> Outcome | None:
    """The outcome if the target is there already and stays; None if it is to be made; FileError if it is in the way."""
    source, target = task.source, task.target
    files.check(source)
    if not target.exists():
        folder = next(parent for parent in target.parents if parent.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileError(f"cannot write {target}: {folder} is not a folder that can be written to")
        return None
    if target.samefile(source):
        raise FileError("source and target are the same file; originals are never overwritten")
    if target.is_dir():
        raise FileError(f"the target {target} is a folder")
    if job.resume:
        data, found = files.read(source), _read_target(target)
        try:
            if _is_right(job, data, found):
                return Outcome(str(source), str(target), KEPT, None, len(data), len(found))
        except (FileError, StreamError):
            return None  # damaged
        except DicompressError:
            pass  # such as a model that is not installed
        if not job.force:
            raise FileError(f"the target {target} exists and is not what this file gives; --force replaces it")
    elif not job.force:
        raise targets.exists(target)
    return None


def _read_target(target: Path) -> bytes:
    try:
        return files.read(target)
    except FileError as error:
        raise FileError(f"the target {target} {error}") from None


def _is_right(job: Job, source: bytes, target: bytes) -> bool:
    from ..dicom import resume

    if job.action == "compress":
        return resume.is_compressed(source, target, job.allowance, job.threads)
    return resume.is_decompressed(source, target, job.threads)


def exit_status(outcomes: list[Outcome]) -> int:
    return int(any(o.status == FAILED for o in outcomes))


def totals(outcomes: list[Outcome]) -> dict:
    """Counts, bytes and pixels of a batch. The ratio counts what was kept or passed on, too."""
    written = [o for o in outcomes if o.status != FAILED]
    bytes_in, bytes_out = sum(o.bytes_in for o in written), sum(o.bytes_out for o in written)
    return {
        **{status: sum(o.status == status for o in outcomes) for status in (DONE, KEPT, PASSED_ON, FAILED)},
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "ratio": bytes_in / bytes_out if bytes_out else 1.0,
        "pixels": sum(o.pixels for o in written),
    }


