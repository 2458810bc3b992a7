"""Targets on disk: absent or complete, never half-written; and removing what killed runs left beside them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import FileError

PREFIX, SUFFIX = ".dicompress-", ".partial"  # without the target's name, which may be as long as a name can be


def is_partial(name: str) -> bool:
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


def write(path: Path, data: bytes, replace: bool = True, like: os.stat_result | None = None) -> None:
    """Write beside `path`, flush to the disk, then rename: no half-written file is ever seen under the name.

    replace: whether a file of that name goes, even one that appeared a moment ago. like: permissions and times that the file
    gets, and the owner if that is permitted; None for those of a new file.
    """
    try:
        make_folder(path.parent)
        with partial(path.parent) as (file, name):
            file.write(data)
            file.flush()
            if like:
                keep_attributes(file.fileno(), like)
            else:
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
            _publish(name, path, replace)
        sync_folder(path.parent)
    except FileExistsError:
        raise exists(path) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None


def make_folder(folder: Path) -> None:
    """With its parents, all on the disk. NotADirectoryError, like any OSError, if a file is in the way."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder") from None
    sync_folder(folder.parent)


def keep_attributes(handle: int, like: os.stat_result) -> bool:
    """Permission bits and times, and owner and group as far as that is permitted. Whether these could be kept, too."""
    kept = True
    for owner, group in ((like.st_uid, like.st_gid), (-1, like.st_gid)):
        try:
            os.fchown(handle, owner, group)
            break
        except OSError:
            kept = False
    os.fchmod(handle, stat.S_IMODE(like.st_mode) & 0o777)
    os.utime(handle, ns=(like.st_atime_ns, like.st_mtime_ns))
    return kept


def exists(path: Path) -> FileError:
    return FileError(f"the target {path} exists; --force replaces it")


def clean(folders: Iterable[Path]) -> None:
    """Remove the partial files that no living process has locked."""
    for folder in folders:
        with suppress(OSError):
            for name in filter(is_partial, os.listdir(folder)):
                _remove_unlocked(folder / name)


@contextmanager
def partial(folder: Path) -> Iterator[tuple[BinaryIO, str]]:
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
        try:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError:  # it had the permissions of a source that may not be written to
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
