"""What is done to one file. The decisions are those of `dicom`; here are its source, its target and the words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from .. import places
from ..errors import DicompressError, FileError, NotDicomError, UnsupportedImageError
from ..places import Source
from . import existing, files, inplace
from .files import Task
from .library_warnings import caught
from .outcome import COPY, DONE, FAIL, FAILED, PASSED_ON, SKIPPED, Job, Outcome

EDITED = "elements were changed after compression"
Done = tuple[Outcome, bytes | bytearray | None]  # what becomes of a file, and the target's bytes, if there is to be one


def process(job: Job, task: Task) -> Outcome:
    """One file. No exception leaves here: whatever happens is an outcome."""
    start = time.perf_counter()
    with caught() as told:
        outcome = _guarded(job, task)
    return replace(outcome, seconds=time.perf_counter() - start, warnings=tuple(told))


def _guarded(job: Job, task: Task) -> Outcome:
    try:
        if task.problem:
            raise FileError(task.problem)
        if job.in_place:
            inplace.check(task)
        elif task.target and (kept := existing.kept(job, task)):
            return kept
        source = files.load(task)
        outcome, result = ACTIONS[job.action](job, task, source.data)
        _store(job, task, source, outcome, result)
        if job.manifest and result is not None:
            from . import manifest

            outcome = replace(outcome, manifest=manifest.facts(job, task, outcome.status, source.data, result))
        return outcome
    except Exception as error:
        return failed(task, reason_of(error))


def _store(job: Job, task: Task, source: Source, outcome: Outcome, result: bytes | bytearray | None) -> None:
    if result is None or job.dry:
        return
    if job.in_place:
        if outcome.status != PASSED_ON:
            inplace.replace(task, source, result)
    elif task.to_stdout:
        files.write_stdout(result)
    elif task.target:
        places.write(task.target, result, job.force or job.resume, source.status)


def _compress(job: Job, task: Task, data: bytes) -> Done:
    from ..dicom import PassedOn, compress_or_pass_on
    from ..models import DEFAULT

    result = compress_or_pass_on(data, job.model or DEFAULT, job.threads, job.allowance, job.record)
    if isinstance(result, PassedOn):
        if not result.is_dicom:
            return _other(job, task, data, result.reason)
        return _passed_on(task, data, result.reason, damaged=result.damaged, references=result.references)
    outcome = _done(job, task, data, result.data, result.remark, result.pixels)
    old, new = result.uids or (None, None)
    return replace(outcome, old_uid=old, new_uid=new, references=result.references), result.data


def _decompress(job: Job, task: Task, data: bytes) -> Done:
    from ..dicom import restore_file, says_ours

    try:
        restored = restore_file(data, job.threads)
    except NotDicomError as error:
        return _other(job, task, data, str(error))
    except DicompressError as error:
        if says_ours(data):
            raise
        return _passed_on(task, data, str(error), damaged=isinstance(error, FileError))
    remark = f"{EDITED} and are kept as changed" if restored.edited else restored.remark
    if restored.near:
        remark = f"a derived image, not the original: no pixel is off by more than {restored.near} in stored values"
    return _done(job, task, data, restored.data, remark, restored.pixels), restored.data


def _verify(job: Job, task: Task, data: bytes) -> tuple[Outcome, None]:
    """Changed elements are bad: damage looks the same."""
    from ..dicom import restore_file, says_ours

    if task.expected:
        task.expected.check(data)
        if task.expected.as_it_is:
            return _done(job, task, data, data, None, 0), None
    try:
        restored = restore_file(data, job.threads)
    except UnsupportedImageError as error:
        if says_ours(data):
            raise
        return _passed_on(task, data, str(error))[0], None
    except NotDicomError as error:
        return _other(job, task, data, str(error))[0], None
    if restored.edited:
        raise FileError(f"{EDITED}: the pixels are intact, the original file is not")
    if task.expected:
        task.expected.check_restored(restored.data)
    return _done(job, task, data, restored.data, restored.remark, restored.pixels), None


def _strip(job: Job, task: Task, data: bytes) -> Done:
    from ..dicom import strip_file

    try:
        stripped = strip_file(data)
    except UnsupportedImageError as error:
        return _passed_on(task, data, str(error))
    except NotDicomError as error:
        return _other(job, task, data, str(error))
    return _done(job, task, data, stripped.data, stripped.remark, 0), stripped.data


def _transcode(job: Job, task: Task, data: bytes) -> Done:
    from ..dicom import PassedOn
    from ..dicom.transcode import transcode_or_pass_on

    result = transcode_or_pass_on(data, job.to, job.threads)
    if isinstance(result, PassedOn):
        if not result.is_dicom:
            return _other(job, task, data, result.reason)
        return _passed_on(task, data, result.reason, damaged=result.damaged)
    outcome = _done(job, task, data, result.data, result.remark, result.pixels)
    return replace(outcome, verified_by=result.verified), result.data


ACTIONS: dict[str, Callable[[Job, Task, bytes], Done]] = {
    "compress": _compress,
    "decompress": _decompress,
    "verify": _verify,
    "strip": _strip,
    "transcode": _transcode,
}


def _done(job: Job, task: Task, data: bytes, result: bytes | bytearray, remark: str | None, pixels: int) -> Outcome:
    return Outcome(str(task.source), _target(task), DONE[job.action], remark, len(data), len(result), pixels)


def _passed_on(
    task: Task, data: bytes, reason: str, *, is_dicom: bool = True, damaged: bool = False, references: frozenset[str] = frozenset()
) -> tuple[Outcome, bytes]:
    outcome = Outcome(
        str(task.source),
        _target(task),
        PASSED_ON,
        reason,
        len(data),
        len(data),
        is_dicom=is_dicom,
        damaged=damaged,
        references=references,
    )
    return outcome, data


def _other(job: Job, task: Task, data: bytes, reason: str) -> tuple[Outcome, bytes | None]:
    """A file that is no DICOM."""
    policy = existing.policy(job, task)
    if policy == COPY:
        return _passed_on(task, data, reason, is_dicom=False)
    if policy == FAIL:
        raise NotDicomError(reason)
    return Outcome(str(task.source), None, SKIPPED, reason, is_dicom=False), None


def reason_of(error: Exception) -> str:
    if isinstance(error, DicompressError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if isinstance(error, MemoryError):
        return "not enough memory"
    return f"unexpected {type(error).__name__}: {error}; please report this"  # a defect of ours: the batch goes on


def failed(task: Task, reason: str) -> Outcome:
    return Outcome(str(task.source), _target(task), FAILED, reason)


def _target(task: Task) -> str | None:
    if task.to_stdout:
        return files.STDOUT
    return str(task.target) if task.target else None
