"""Targets on disk: absent or complete, never half-written; and removing what killed runs left beside them."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import FileError
from . import system

PREFIX, SUFFIX = ".dicompress-", ".partial"  # without the target's name, which may be as long as a name can be


def is_partial(name: str) -> bool:
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


def write(path: Path, data: bytes | bytearray, replace: bool = True, like: os.stat_result | None = None) -> None:
    """Write beside `path`, flush to the disk, then rename: no half-written file is ever seen under the name.

    replace: whether a file of that name goes, even one that appeared a moment ago. like: permissions and times that the file
    gets, and the owner if that is permitted; None for those of a new file.
    """
    try:
        make_folder(path.parent)
        with partial(path.parent) as (file, name):
            file.write(data)
            system.finish(file, name, like)
            publish(name, path, replace)
        system.sync_folder(path.parent)
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
    system.sync_folder(folder.parent)


def exists(path: object) -> FileError:
    return FileError(f"the target {path} exists; --force replaces it")


def clean(folders: Iterable[Path]) -> None:
    """Remove the partial files that no living process has locked."""
    for folder in folders:
        with suppress(OSError):
            for name in filter(is_partial, os.listdir(folder)):
                with suppress(OSError):  # locked, not ours to remove, or gone already
                    system.remove_unlocked(folder / name)


@contextmanager
def partial(folder: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A new file, locked for as long as its process lives; gone in the end, unless it was renamed."""
    while True:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=SUFFIX, dir=folder)
        system.lock(handle)
        if os.path.exists(name):
            break
        os.close(handle)  # `clean` was faster than the lock
    with os.fdopen(handle, "wb") as file:
        try:
            yield file, name
        finally:
            system.remove(file, name)


def publish(partial: str, path: Path, replace: bool) -> None:
    """Give the complete file its name. FileExistsError, in one step with the check, unless it may `replace`."""
    if not replace:
        try:
            return system.link(partial, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError from None
    os.replace(partial, path)
