"""Where the bytes of objects are: a folder, written and synced as all our files are, or whatever fsspec reaches.

A key is written once and never again: it has random letters, so that what is written now cannot be what is removed meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ..disk import targets
from ..errors import FileError

RAW, PACKED = "raw", "packed"


class Storage(Protocol):
    """write: on the disk, whole, when it returns; FileError. read: FileNotFoundError, or FileError for whatever may pass.

    delete: also of what is not there. keys: of all that is there. clean: remove what killed processes left half-written.
    """

    def write(self, key: str, data: bytes) -> None: ...
    def read(self, key: str) -> bytes: ...
    def delete(self, key: str) -> None: ...
    def keys(self) -> Iterator[str]: ...
    def clean(self) -> None: ...


def new_key(sha256: str, kind: str) -> str:
    """kind: RAW or PACKED."""
    return f"{kind}/{sha256[:2]}/{sha256}-{secrets.token_hex(4)}.dcm"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def at(place: str) -> Storage:
    """place: a folder, or a URL."""
    if place.startswith("file://"):
        place = place.removeprefix("file://")
    return Remote(place) if "://" in place else Folder(Path(place))


class Folder:
    def __init__(self, root: Path):
        self.root = root

    def write(self, key: str, data: bytes) -> None:
        targets.write(self.root / key, data, replace=False)

    def read(self, key: str) -> bytes:
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise FileError(f"{self.root / key} cannot be read: {error.strerror}") from None

    def delete(self, key: str) -> None:
        try:
            (self.root / key).unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"{self.root / key} cannot be removed: {error.strerror}") from None

    def keys(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.root):
            for name in names:
                if not targets.is_partial(name):
                    yield Path(folder, name).relative_to(self.root).as_posix()

    def clean(self) -> None:
        targets.clean(Path(folder) for folder, _, _ in os.walk(self.root))


class Remote:
    """By fsspec: object stores show an object when it is whole."""

    def __init__(self, url: str):
        import fsspec

        try:
            self.files, self.root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError, OSError) as error:
            raise FileError(f"{url}: {error}") from None

    def write(self, key: str, data: bytes) -> None:
        def pipe(path: str) -> None:
            self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self.files.pipe_file(path, data)

        self._do("written", key, pipe)

    def read(self, key: str) -> bytes:
        return bytes(self._do("read", key, self.files.cat_file))

    def delete(self, key: str) -> None:
        try:
            self._do("removed", key, self.files.rm_file)
        except FileNotFoundError:
            pass

    def keys(self) -> Iterator[str]:
        root = self.files._strip_protocol(self.root).rstrip("/") + "/"
        for path in self.files.find(self.root):
            yield path.removeprefix(root)

    def clean(self) -> None:
        """Nothing is."""

    def _do(self, what: str, key: str, function: Any) -> Any:
        try:
            return function(f"{self.root}/{key}")
        except FileNotFoundError:
            raise
        except Exception as error:  # each of fsspec's file systems has its own
            raise FileError(f"{self.root}/{key} cannot be {what}: {error}") from error
