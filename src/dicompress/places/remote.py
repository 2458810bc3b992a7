"""Files at URLs, by fsspec (extra: cloud). What is written is read again and compared before it is said to be there.

Object stores show an object when it is complete, so that it is put under its name at once. Anywhere else, as by SFTP, a file is written
beside, read again, and moved. Credentials are whatever fsspec and its file systems find in the environment and in their configuration.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar, cast

from ..disk.targets import PREFIX, SUFFIX, exists, is_partial
from ..errors import DicompressError, FileError
from .found import Found, Opened, Source
from .names import is_inside
from .url import Url

FILE, FOLDER = "file", "folder"
BLOCK = 1 << 18  # bytes that are asked for at a time where some of a file is read
WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"}  # show objects when they are complete, and can refuse to replace
Result = TypeVar("Result")


def check_reached(url: Url) -> None:
    """FileError if there is nothing that could reach it."""
    _system(url.scheme, url.path.partition("/")[0])


def check(url: Url) -> None:
    found = _read(url, lambda files, path: files.info(path))
    if found["type"] != "file":
        raise FileError("cannot be read: not a file")


def kind(url: Url) -> str | None:
    """FILE, FOLDER, or None if there is nothing. FileError if it cannot be told."""
    found = _info(url)
    return found and (FILE if found["type"] == "file" else FOLDER)


def _info(url: Url) -> Any:
    """What its file system tells of it; None if there is nothing. FileError."""
    try:
        return _do(url, lambda files, path: files.info(path))
    except FileNotFoundError:
        return None
    except Exception as error:
        raise FileError(f"{url} cannot be reached: {_told(error)}") from None


def size(url: Url) -> int:
    try:
        return int(_do(url, lambda files, path: files.info(path))["size"] or 0)
    except Exception:  # whatever its file system raises
        return 0


def version(url: Url) -> object:
    """What changes when the file does, as far as that is told; None if there is none."""
    found = _info(url)
    return found and (
        found.get("ETag") or found.get("etag") or tuple(str(found.get(name)) for name in ("size", "mtime", "LastModified", "created"))
    )


def load(url: Url) -> Source:
    def read(files: Any, path: str) -> bytes:
        before = None if url.scheme in WHOLE else _facts(files.info(path))
        data = bytes(files.cat_file(path))
        if before and (before[0] not in (len(data), None) or before != _facts(files.info(path))):
            raise FileError("changed while it was read; run again")
        return data

    return Source(_read(url, read), None)


@contextmanager
def opened(url: Url) -> Iterator[Opened]:
    file, count = _read(url, lambda files, path: (files.open(path, "rb", block_size=BLOCK), files.info(path)["size"]))
    try:
        with file:
            yield Opened(cast(BinaryIO, file), count, None)
    except DicompressError:
        raise
    except Exception as error:
        raise FileError(f"cannot be read: {_told(error)}") from None


def write(url: Url, data: bytes | bytearray, replace: bool) -> None:
    put = _put if url.scheme in WHOLE else _put_beside
    try:
        _do(url, lambda files, path: put(files, path, bytes(data), replace))
    except FileExistsError:
        raise exists(url) from None
    except FileError as error:
        raise FileError(f"cannot write {url}: {error}") from None
    except Exception as error:
        raise FileError(f"cannot write {url}: {_told(error)}") from None


def walk(folder: Url, skip: Url | None) -> Iterator[Found]:
    """FileError if it cannot be listed."""
    below, problems = _read(folder, lambda files, path: _listed(files, path, folder.scheme in WHOLE))
    for name, count in sorted(below.items()):
        place = folder / name
        if is_partial(place.name) or (skip and skip != folder and str(place).startswith(f"{skip}/")):
            continue
        problem = None if is_inside(name) else "its path would leave the folder that it is written to"
        yield Found(place, name, problem, count)
    for problem in problems:
        yield Found(folder, "", problem)


class Ranges:
    """What is in a file, from any place. size: in bytes."""

    def __init__(self, url: Url):
        self.url = url
        self.size = int(_read(url, lambda files, path: files.info(path))["size"])

    def read(self, start: int, count: int) -> bytes:
        """Fewer than `count` bytes where the file ends. FileError if it cannot be read."""
        end = min(start + count, self.size)
        return bytes(_read(self.url, lambda files, path: files.cat_file(path, start=start, end=end))) if start < end else b""


def _put(files: Any, path: str, data: bytes, replace: bool) -> None:
    try:
        files.pipe_file(path, data, mode="overwrite" if replace else "create")
    except Exception:
        # Each store has its own error for what is there already. If that has these bytes, it was a second try of one request.
        if replace or not files.exists(path):
            raise
        if files.cat_file(path) != data:
            raise FileExistsError from None
    if files.cat_file(path) != data:
        raise FileError("what is read again is not what was written")


def _put_beside(files: Any, path: str, data: bytes, replace: bool) -> None:
    folder = path.rpartition("/")[0]
    beside = f"{folder}/{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    if not replace and files.exists(path):
        raise FileExistsError
    files.makedirs(folder, exist_ok=True)
    try:
        files.pipe_file(beside, data)
        if files.cat_file(beside) != data:
            raise FileError("what is read again is not what was written")
        if not replace and files.exists(path):
            raise FileExistsError
        files.mv(beside, path)
    finally:
        with suppress(Exception):  # it is moved, or not reached any more
            files.rm_file(beside)


def _listed(files: Any, path: str, is_flat: bool) -> tuple[dict[str, int | None], list[str]]:
    """Names and sizes below a folder, and what could not be listed in it."""
    root, problems = path.rstrip("/") + "/", list[str]()
    found = files.find(path, detail=True) if is_flat else _walked(files, path, problems)
    names = {name.removeprefix(root): facts.get("size") for name, facts in found.items() if name.startswith(root)}
    return {name: count for name, count in names.items() if name}, problems


def _walked(files: Any, path: str, problems: list[str]) -> dict[str, Any]:
    """As `find`, which leaves out what it cannot list, and says nothing."""
    found, waiting = dict[str, Any](), [path]
    while waiting:
        here = waiting.pop()
        try:
            listing = files.ls(here, detail=True)
        except Exception as error:  # each file system has its own
            problems.append(f"{here} cannot be read: {_told(error)}")
            continue
        for facts in listing:
            name = facts["name"].rstrip("/")
            if facts["type"] != "directory":
                found[name] = facts
            elif name != here.rstrip("/"):
                waiting.append(name)
    return found


def _facts(found: dict[str, Any]) -> tuple[int | None, object]:
    return found.get("size"), found.get("mtime")


def _read(url: Url, action: Callable[[Any, str], Result]) -> Result:
    """FileError, without the name, as where files are read."""
    try:
        return _do(url, action)
    except FileNotFoundError:
        raise FileError("cannot be read: there is no such file") from None
    except DicompressError:
        raise
    except Exception as error:
        raise FileError(f"cannot be read: {_told(error)}") from None


def _do(url: Url, action: Callable[[Any, str], Result]) -> Result:
    """With the file system and the path in it. Raises what that does."""
    files = _system(url.scheme, url.path.partition("/")[0])
    return action(files, files._strip_protocol(str(url)))


@lru_cache(maxsize=64)
def _system(scheme: str, authority: str) -> Any:
    url = f"{scheme}://{authority}"
    try:
        import fsspec
    except ImportError:
        raise FileError(f"{url}: URLs need fsspec: pip install 'dicompress[cloud]'") from None
    try:
        return fsspec.core.url_to_fs(url, use_listings_cache=False)[0]
    except ImportError as error:
        raise FileError(f"{url}: {_told(error)} (pip install 'dicompress[cloud]' has S3)") from None
    except Exception as error:  # each has its own
        raise FileError(f"{url}: {_told(error)}") from None


def _told(error: Exception) -> str:
    """One line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return next(iter(text.splitlines()), "") or type(error).__name__
