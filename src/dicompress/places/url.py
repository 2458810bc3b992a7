"""A URL as the name of a file: what our code asks of a path, without touching what is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import FileError

if TYPE_CHECKING:
    from .remote import Ranges


@dataclass(frozen=True, order=True)
class Url:
    """scheme://path. path: without slashes at its end; its characters mean themselves, nothing is quoted."""

    scheme: str
    path: str

    @classmethod
    def of(cls, text: str) -> Url:
        """FileError if there are credentials in it: names of files are told."""
        scheme, _, path = text.partition("://")
        authority = path.partition("/")[0]
        if ":" in authority.rpartition("@")[0] or (scheme.startswith("http") and "?" in path):
            shown = f"{scheme}://{authority.rpartition('@')[2]}/..."
            raise FileError(f"{shown}: credentials are taken from the environment or the configuration of fsspec, never from a URL")
        return cls(scheme.lower(), path.rstrip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"

    def __truediv__(self, name: str | os.PathLike[str]) -> Url:
        below = name.as_posix() if hasattr(name, "as_posix") else os.fspath(name)
        return self if below in ("", ".") else Url(self.scheme, f"{self.path}/{below}" if self.path else below)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        stem, dot, last = self.name.rpartition(".")
        return dot + last if stem and last else ""

    @property
    def parent(self) -> Url:
        return Url(self.scheme, self.path.rpartition("/")[0])

    def ranges(self) -> Ranges:
        """Of its bytes, for who reads here and there. FileError."""
        from .remote import Ranges

        return Ranges(self)
