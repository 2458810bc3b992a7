"""What worker processes do for the web door: frames, pictures, elements and whole files of objects in the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom.uid import UID, ExplicitVRLittleEndian

from ..dicom.early import SYNTAX as EARLY
from ..dicom.early import early_frame
from ..dicom.part10 import Part10, parse
from ..dicom.single import frames_as
from ..dicom.standard import NATIVE_TARGET, TARGETS
from ..dicom.syntax import DICOMPRESS, JPEG_XL_JPEG, NATIVE, name
from ..errors import DicompressError, FileError, UnsupportedImageError
from ..store import Store
from . import elements, pictures
from .asis import encapsulated_frame, native_frame
from .outgoing import NoSyntaxError, outgoing


@dataclass(frozen=True)
class Task:
    """uid, version, form: of an object; form is whatever changes when other bytes are stored of it."""

    uid: str
    version: int
    form: str


@dataclass(frozen=True)
class Frame(Task):
    """number: from 0. syntaxes: transfer syntaxes, the best one first."""

    number: int
    syntaxes: tuple[UID, ...]


@dataclass(frozen=True)
class Early(Task):
    """An early picture of a frame. number: from 0."""

    number: int


@dataclass(frozen=True)
class Picture(Task):
    number: int
    look: pictures.Look


@dataclass(frozen=True)
class Metadata(Task):
    """DICOM JSON, an object; its URIs of bulk data begin behind that of the instance."""


@dataclass(frozen=True)
class Bulk(Task):
    """The value of an element; path: as in its URI."""

    path: str


@dataclass(frozen=True)
class Whole(Task):
    """The file. syntaxes: as of Frame."""

    syntaxes: tuple[UID, ...]


@dataclass(frozen=True)
class Result:
    """syntax: of frames and files. seconds: that it took."""

    data: bytes
    syntax: UID | None = None
    seconds: float = 0.0


def do(folder: Path, task: Task, _tell: Callable[[Any], None]) -> Result | DicompressError:
    """In a worker process."""
    start = time.perf_counter()
    try:
        return replace(_DOERS[type(task)](_opened(folder), task), seconds=time.perf_counter() - start)
    except DicompressError as error:
        return error
    except IndexError as error:
        return NoFrameError(str(error))
    except MemoryError:
        return FileError(f"{task.uid} takes more memory than there is")
    except Exception as error:  # as messages of libraries may hold values, only their kind is told
        return FileError(f"{task.uid}: {type(error).__name__} while it was read")


class NoFrameError(DicompressError):
    """The object has no such frame or element."""


@dataclass
class _Open:
    """What a worker keeps: the store, and the object that it was at last."""

    store: Store | None = None
    key: tuple[str, int, str] | None = None
    part10: Part10 | None = None


_OPEN = _Open()
WANTED = {target.syntax: title for title, target in TARGETS.items()}


def _opened(folder: Path) -> Store:
    if _OPEN.store is None:
        logging.getLogger("pydicom").disabled = True  # it would log values
        _OPEN.store = Store(folder)
    return _OPEN.store


def _parsed(store: Store, task: Task) -> Part10:
    """What is stored of an object, in our transfer syntax where it is compressed to that; else as the store gives it."""
    key = (task.uid, task.version, task.form)
    if _OPEN.part10 is None or _OPEN.key != key:
        _OPEN.part10 = None
        packed = store.packed(task.uid, task.version)
        part10 = parse(packed) if packed else None
        if part10 is None or part10.syntax != DICOMPRESS:
            part10 = parse(store.get(task.uid, task.version))
        _OPEN.key, _OPEN.part10 = key, part10
    return _OPEN.part10


def _frame(store: Store, task: Frame) -> Result:
    part10 = _parsed(store, task)
    reasons = []
    for syntax in task.syntaxes:
        try:
            return Result(_frame_in(part10, syntax, task), syntax)
        except UnsupportedImageError as error:
            reasons.append(str(error))
    told = "; ".join(dict.fromkeys(reasons))
    raise NoSyntaxError(f"{told}. It is stored in {name(part10.syntax)} ({part10.syntax}): transfer-syntax=* gives what can be given")


def _frame_in(part10: Part10, syntax: UID, task: Frame) -> bytes:
    """UnsupportedImageError if it cannot be."""
    if syntax == part10.syntax and syntax not in NATIVE:
        return encapsulated_frame(part10, task.number)
    data = native_frame(part10, task.number) if syntax == ExplicitVRLittleEndian else None
    if data is not None:
        return data
    found = frames_as(part10, WANTED.get(syntax, NATIVE_TARGET), [task.number], threads=1)
    if found.syntax != syntax:
        raise UnsupportedImageError(found.remark or f"{name(part10.syntax)} cannot be given in {name(syntax)}")
    return found.frames[0]


def _early(store: Store, task: Early) -> Result:
    return Result(early_frame(_parsed(store, task), task.number, threads=1), EARLY)


def _picture(store: Store, task: Picture) -> Result:
    return Result(pictures.picture(_parsed(store, task), task.number, task.look))


def _metadata(store: Store, task: Metadata) -> Result:
    return Result(elements.metadata(_parsed(store, task)))


def _bulk(store: Store, task: Bulk) -> Result:
    try:
        return Result(elements.value(_parsed(store, task), task.path))
    except KeyError:
        raise NoFrameError(f"{task.uid} has no value at {task.path}") from None


def _whole(store: Store, task: Whole) -> Result:
    packed = store.packed(task.uid, task.version) if DICOMPRESS in task.syntaxes or JPEG_XL_JPEG in task.syntaxes else None
    if packed and parse(packed).syntax in task.syntaxes:
        return Result(packed, parse(packed).syntax)
    data, syntax = outgoing(store.get(task.uid, task.version), task.syntaxes, threads=1)
    return Result(data, syntax)


_DOERS: dict[type[Task], Callable[[Store, Any], Result]] = {
    Frame: _frame, Early: _early, Picture: _picture, Metadata: _metadata, Bulk: _bulk, Whole: _whole,
}  # fmt: skip
