"""Files of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..disk.targets import is_partial
from ..errors import FileError
from .found import Found, Opened, Source


def check(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        what = "the symbolic link leads nowhere" if path.is_symlink() else "there is no such file"
        raise FileError(f"cannot be read: {what}") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise FileError("cannot be read: not a regular file")


def load(path: Path) -> Source:
    """All of one moment as far as its size and time of change tell."""
    check(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    if (before.st_size, before.st_mtime_ns) != (len(data), after.st_mtime_ns) or after.st_size != len(data):
        raise FileError("changed while it was read; run again")
    return Source(data, after)


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    check(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            yield Opened(file, status.st_size, status)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None


def check_writable(target: Path) -> None:
    folder = next(parent for parent in target.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileError(f"cannot write {target}: {folder} is not a folder that can be written to")


def walk(folder: Path, skip: Path | None) -> Iterator[Found]:
    """Links to folders are not followed, so that there are no loops; they and folders that cannot be listed are problems."""
    skipped = skip and os.path.realpath(skip)  # unless it is `folder`: then every file is refused by its own check
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if not _is_folder(entry):
                        if not is_partial(entry.name):
                            yield _found(folder, entry.path)
                    elif os.path.realpath(entry.path) != skipped:
                        if entry.is_symlink():
                            yield _found(folder, entry.path, "a link to a folder is not followed; name that folder as a source")
                        else:
                            waiting.append(entry.path)
        except OSError as error:
            yield _found(folder, here, f"cannot be read: {error.strerror}")


def _found(folder: Path, name: str, problem: str | None = None) -> Found:
    path = Path(name)
    return Found(path, path.relative_to(folder).as_posix(), problem)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
