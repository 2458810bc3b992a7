"""Targets on disk: absent or complete, never half-written; and removing what killed runs left beside them."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import FileError

PREFIX, SUFFIX = ".dicompress-", ".partial"  # without the target's name, which may be as long as a name can be


def is_partial(name: str) -> bool:
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


def write(path: Path, data: bytes, replace: bool = True) -> None:
    """Write beside `path`, flush to the disk, then rename: no half-written file is ever seen under the name.

    replace: whether a file of that name goes, even one that appeared a moment ago.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise FileError(f"cannot write {path}: {path.parent} is not a folder") from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None
    try:
        with _partial(path.parent) as (file, partial):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(partial, 0o666 & ~_umask())
            _publish(partial, path, replace)
        _sync_folder(path.parent)
    except FileExistsError:
        raise exists(path) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None


def exists(path: Path) -> FileError:
    return FileError(f"the target {path} exists; --force replaces it")


def clean(folders: Iterable[Path]) -> None:
    """Remove the partial files that no living process has locked."""
    for folder in folders:
        with suppress(OSError):
            for name in filter(is_partial, os.listdir(folder)):
                _remove_unlocked(folder / name)


@contextmanager
def _partial(folder: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A new file, locked for as long as its process lives; gone in the end, unless it was renamed."""
    while True:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=folder)
        with suppress(OSError):  # a file system without locks: `clean` cannot lock there either, and leaves it
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):
            break
        os.close(handle)  # `clean` was faster than the lock
    with os.fdopen(handle, "wb") as file:
        try:
            yield file, name
        finally:  # still locked
            with suppress(FileNotFoundError):
                os.unlink(name)


def _publish(partial: str, path: Path, replace: bool) -> None:
    """Give the complete file its name. FileExistsError, in one step with the check, unless it may `replace`."""
    if not replace:
        try:
            return os.link(partial, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError from None
    os.replace(partial, path)


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):  # locked, not ours to remove, or gone already
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
