"""Targets that are there already: kept, replaced or in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict

from .. import places
from ..disk import targets
from ..errors import DicompressError, FileError, NotDicomError, StreamError
from ..places import Place
from . import files
from .files import Task
from .outcome import COPY, FAIL, KEPT, Job, Outcome


def policy(job: Job, task: Task) -> str:
    """COPY, SKIP or FAIL: what is to be done with the file if it is no DICOM."""
    return job.others or (FAIL if task.named else COPY)


def kept(job: Job, task: Task) -> Outcome | None:
    """The outcome if the target is there already and stays; None if it is to be made; FileError if it is in the way."""
    source, target = task.source, task.target
    assert target is not None  # as asked before
    if not task.from_stdin:
        files.check(source)
    if not places.exists(target):
        places.check_writable(target)
        return None
    if not task.from_stdin and places.is_same(target, source):
        raise FileError("source and target are the same file; originals are never overwritten (compress has --in-place)")
    if places.is_folder(target):
        raise FileError(f"the target {target} is a folder")
    if job.resume:
        data, found = files.load(task).data, _read_target(target)
        try:
            outcome = _as_it_is(job, task, data, found) if data == found else _compared(job, task, data, found)
            if outcome:
                return _told(job, task, outcome, data, found)
        except (FileError, StreamError):
            return None  # damaged, or to be told why it fails
        except DicompressError:
            pass  # such as a model that is not installed
        if not job.force:
            raise FileError(f"the target {target} exists and is not what this file gives; --force replaces it")
    elif not job.force:
        raise targets.exists(target)
    return None


def _told(job: Job, task: Task, outcome: Outcome, data: bytes, found: bytes) -> Outcome:
    if not job.manifest:
        return outcome
    from . import manifest

    return replace(outcome, manifest=manifest.facts(job, task, outcome.status, data, found))


def _as_it_is(job: Job, task: Task, data: bytes, found: bytes) -> Outcome | None:
    """The outcome of a target with its source's bytes, None if it should have others.

    NotDicomError if the source is no DICOM and not to be copied.
    """
    from ..dicom import resume

    try:
        resume.check_whole(data)
    except NotDicomError:
        if policy(job, task) != COPY:
            raise
        return _kept(task, data, found, is_dicom=False)
    except FileError as error:
        return _kept(task, data, found, damaged=True, reason=str(error))
    return _kept(task, data, found, **_instances(job, data, found)) if _is_right(job, data, found) else None


def _compared(job: Job, task: Task, data: bytes, found: bytes) -> Outcome | None:
    """The outcome of a target with other bytes than its source, None if it should have others.

    FileError, StreamError if it is damaged; NotDicomError if the source is no DICOM and not to be copied.
    """
    from ..dicom import resume

    try:
        resume.check_whole(data)
    except NotDicomError:
        if policy(job, task) != COPY:
            raise
        return None
    except FileError:
        resume.check_whole(found)
        return None
    return _kept(task, data, found, **_instances(job, data, found)) if _is_right(job, data, found) else None


def _kept(task: Task, data: bytes, found: bytes, **facts: Any) -> Outcome:
    return Outcome(str(task.source), str(task.target), KEPT, bytes_in=len(data), bytes_out=len(found), **facts)


class Instances(TypedDict, total=False):
    """Of an `Outcome`."""

    old_uid: str | None
    new_uid: str | None
    references: frozenset[str]


def _instances(job: Job, data: bytes, found: bytes) -> Instances:
    """What the UIDs of a run need to know of a target that is kept, if any change in it."""
    from ..dicom import resume

    if not job.allowance:
        return {}
    uids, references = resume.instances(data, found)
    old, new = uids or (None, None)
    return {"old_uid": old, "new_uid": new, "references": references}


def _is_right(job: Job, source: bytes, target: bytes) -> bool:
    from ..dicom import resume

    if job.action == "compress":
        return resume.is_compressed(source, target, job.allowance, job.threads)
    if job.action == "transcode":
        return resume.is_transcoded(source, target, job.to, job.threads)
    return resume.is_decompressed(source, target, job.threads)


def _read_target(target: Place) -> bytes:
    try:
        return files.read(target)
    except FileError as error:
        raise FileError(f"the target {target} {error}") from None
