"""What reading gives, wherever a file is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .url import Url


@dataclass(frozen=True)
class Source:
    """A file's bytes, and its modes and times; None where there are none, as of a pipe and of a URL."""

    data: bytes
    status: os.stat_result | None


@dataclass(frozen=True)
class Opened:
    """size: in bytes. status: as of `Source`."""

    file: BinaryIO
    size: int
    status: os.stat_result | None


@dataclass(frozen=True)
class Found:
    """A file in a folder. name: its path below that, with slashes. problem: why it cannot be a source. size: if that is known."""

    place: Path | Url
    name: str
    problem: str | None = None
    size: int | None = None
