"""Where files are: a path on this machine, or a URL that fsspec reaches. Whoever reads and writes them asks here, not which it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..disk import targets
from ..errors import FileError
from . import local, remote
from .found import Found, Opened, Source
from .names import is_inside
from .url import Url

Place = Path | Url

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # no drive of Windows


def at(name: str | Path | Url) -> Place:
    """The place of that name. `file://` is a path. FileError for a URL that needs a package, or has credentials in it."""
    if isinstance(name, Path | Url) or not _URL.match(name):
        return name if isinstance(name, Url) else Path(name)
    if name.lower().startswith("file://"):
        path = name[len("file://") :]
        return Path(path[1:] if re.match(r"/[A-Za-z]:", path) and os.name == "nt" else path)
    url = Url.of(name)
    remote.check_reached(url)
    return url


def check(place: Place) -> None:
    """FileError unless there is a regular file: a pipe could be waited for for ever."""
    remote.check(place) if isinstance(place, Url) else local.check(place)


def load(place: Place) -> Source:
    """A file's bytes, all of one moment as far as can be told. FileError."""
    return remote.load(place) if isinstance(place, Url) else local.load(place)


def size(place: Place) -> int:
    """In bytes; 0 for what cannot be read."""
    return remote.size(place) if isinstance(place, Url) else local.size(place)


def opened(place: Place) -> AbstractContextManager[Opened]:
    """A file, to read some of it. FileError, also for what its reading raises."""
    return remote.opened(place) if isinstance(place, Url) else local.opened(place)


def exists(place: Place, follow: bool = True) -> bool:
    """Whether there is a file or folder; follow: False to count links that lead nowhere, too."""
    if isinstance(place, Url):
        return remote.kind(place) is not None
    return place.exists() if follow else os.path.lexists(place)


def is_folder(place: Place) -> bool:
    return remote.kind(place) == remote.FOLDER if isinstance(place, Url) else os.path.isdir(place)


def is_same(one: Place, other: Place) -> bool:
    """Whether two names are of one file or folder, which may not be there."""
    if isinstance(one, Path) and isinstance(other, Path):
        return os.path.realpath(one) == os.path.realpath(other)
    return one == other


def check_writable(target: Place) -> None:
    """FileError if that can be told before anything is written there. A URL tells when it is written."""
    if isinstance(target, Path):
        local.check_writable(target)


def write(target: Place, data: bytes | bytearray, replace: bool = True, like: os.stat_result | None = None) -> None:
    """The file appears whole or not at all; as in `disk.targets.write`. At a URL it is read again and compared, and `like` is nothing.

    FileError.
    """
    if isinstance(target, Url):
        remote.write(target, data, replace)
    else:
        targets.write(target, data, replace, like)


@contextmanager
def changed_here(place: Place) -> Iterator[Path]:
    """A file of this machine that is made or changed where it is; or instead of one at a URL, which gets it whole in the end, if it differs.

    FileError, and what is at the URL stays, if that is not what it was or cannot be written.
    """
    if isinstance(place, Path):
        yield place
        return
    with TemporaryDirectory(prefix="dicompress-") as folder:
        path, before, data = Path(folder, place.name), remote.version(place), None
        if before is not None:
            data = remote.load(place).data
            path.write_bytes(data)
        yield path
        after = path.read_bytes() if path.exists() else data
        if after is not None and after != data:
            if remote.version(place) != before:
                raise FileError(f"{place} changed meanwhile; run again")
            remote.write(place, after, replace=before is not None)


def clean(folders: Iterable[Place]) -> None:
    """Removes what killed runs left; at URLs nobody knows whether they live."""
    targets.clean(folder for folder in folders if isinstance(folder, Path))


def walk(folder: Place, skip: Place | None) -> Iterator[Found]:
    """Whatever lies below `folder` and is no folder, as it is found. skip: a folder that is not walked."""
    if isinstance(folder, Url):
        return remote.walk(folder, skip if isinstance(skip, Url) else None)
    return local.walk(folder, skip if isinstance(skip, Path) else None)


def last_name(folder: Place) -> str:
    """Of a folder, also of "."."""
    return folder.name if isinstance(folder, Url) else folder.resolve().name


def check_local(place: Place) -> Path:
    """FileError for a URL: there no step replaces a file by another only if it is what was read."""
    if isinstance(place, Url):
        raise FileError(f"{place}: only files of this machine are replaced in place")
    return place


__all__ = [
    "Found",
    "Opened",
    "Place",
    "Source",
    "Url",
    "at",
    "changed_here",
    "check",
    "check_local",
    "check_writable",
    "clean",
    "exists",
    "is_folder",
    "is_inside",
    "is_same",
    "last_name",
    "load",
    "opened",
    "size",
    "walk",
    "write",
]
