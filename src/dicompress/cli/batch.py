"""Many files: one outcome each, whatever happens to the others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

from ..errors import DicompressError, FileError, UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import files

if TYPE_CHECKING:
    from ..dicom import Allowance

DONE, PASSED_ON, FAILED = "done", "passed on", "failed"


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
    """What a worker does to a file: "compress", "decompress" or "verify". allowance: the error that compressing may make."""

    action: str
    model: str = DEFAULT
    force: bool = False
    threads: int = 0
    allowance: Allowance | None = None


def run(job: Job, tasks: list[files.Task], jobs: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Work through `tasks` in `jobs` processes; `report` is called for each as it ends. Sorted by source."""
    outcomes = []
    for outcome in _outcomes(job, tasks, min(jobs, len(tasks))):
        report(outcome)
        outcomes.append(outcome)
    return sorted(outcomes, key=lambda o: o.source)


def _outcomes(job: Job, tasks: list[files.Task], jobs: int) -> Iterator[Outcome]:
    if jobs < 2:
        yield from (process(job, task) for task in tasks)
        return
    alone = replace(job, threads=max(1, (os.cpu_count() or 1) // jobs))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(process, alone, task): task for task in tasks}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield _failed(waiting[future], "a worker process died, perhaps for lack of memory; run it again")


def process(job: Job, task: files.Task) -> Outcome:
    """One file. No exception leaves here: whatever happens is an outcome."""
    start = time.perf_counter()
    try:
        outcome = _ACTIONS[job.action](job, task)
    except DicompressError as error:
        outcome = _failed(task, str(error))
    except OSError as error:
        outcome = _failed(task, f"{error.filename or task.source}: {error.strerror}")
    except MemoryError:
        outcome = _failed(task, "not enough memory")
    except Exception as error:  # a defect of ours: report it as such, go on with the batch
        outcome = _failed(task, f"unexpected {type(error).__name__}: {error}; please report this")
    return Outcome(**{**vars(outcome), "seconds": time.perf_counter() - start})


def _compress(job: Job, task: files.Task) -> Outcome:
    from ..dicom import compress_file

    _check_target(job, task)
    data = files.read(task.source)
    try:
        result = compress_file(data, job.model, job.threads, job.allowance)
    except (UnsupportedImageError, VerificationError) as error:
        return _pass_on(task, data, str(error))
    files.write(task.target, result.data)
    unused = job.allowance and not result.near
    remark = "compressed without loss: an error of one stored value is more than what is allowed" if unused else None
    return Outcome(str(task.source), str(task.target), DONE, remark, len(data), len(result.data), result.pixels)


def _decompress(job: Job, task: files.Task) -> Outcome:
    from ..dicom import restore_file

    _check_target(job, task)
    data = files.read(task.source)
    try:
        restored = restore_file(data, job.threads)
    except UnsupportedImageError as error:
        return _pass_on(task, data, str(error))
    files.write(task.target, restored.data)
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


def _pass_on(task: files.Task, data: bytes, reason: str) -> Outcome:
    files.write(task.target, data)
    return Outcome(str(task.source), str(task.target), PASSED_ON, reason, len(data), len(data))


def _failed(task: files.Task, reason: str) -> Outcome:
    return Outcome(str(task.source), task.target and str(task.target), FAILED, reason)


def _check_target(job: Job, task: files.Task) -> None:
    source, target = task.source, task.target
    if not source.exists():
        raise FileError("there is no such file")
    if target.exists() and (target.samefile(source) or target.resolve() == source.resolve()):
        raise FileError("source and target are the same file; originals are never overwritten")
    if target.is_dir():
        raise FileError(f"the target {target} is a folder")
    if target.exists() and not job.force:
        raise FileError(f"the target {target} exists; --force replaces it")


def exit_status(outcomes: list[Outcome]) -> int:
    return int(any(o.status == FAILED for o in outcomes))


def totals(outcomes: list[Outcome]) -> dict:
    """Counts, bytes and pixels of a batch. The ratio counts what was passed on, too."""
    written = [o for o in outcomes if o.status != FAILED]
    bytes_in, bytes_out = sum(o.bytes_in for o in written), sum(o.bytes_out for o in written)
    return {
        **{status: sum(o.status == status for o in outcomes) for status in (DONE, PASSED_ON, FAILED)},
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "ratio": bytes_in / bytes_out if bytes_out else 1.0,
        "pixels": sum(o.pixels for o in written),
    }


