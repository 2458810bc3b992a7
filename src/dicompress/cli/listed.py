"""`--listing`: files by a list instead of walking a tree; it is read line by line, whatever its length."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import places
from ..errors import FileError
from . import files


@dataclass(frozen=True)
class Line:
    """name: path below the source, with slashes. size: None if the list does not tell. problem: why it cannot be a source."""

    name: str
    size: int | None
    problem: str | None = None


def lines(path: Path) -> Iterator[Line]:
    """Of "size<TAB>path", or of JSON objects with "path" and "size". FileError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line := line.rstrip(b"\r\n"):
                    yield _line(line, f"{path}, line {number}")
    except OSError as error:
        raise FileError(f"the listing {path} cannot be read: {error.strerror}") from None


def tasks(listing: Path, sources: Sequence[str], output: str | None, wanted: Iterator[Line] | None = None) -> Iterator[files.Task]:
    """Of the `wanted` lines, or of all. FileError unless there is one source, the folder that the paths are below."""
    if len(sources) != 1 or files.PIPE in (*sources, output):
        raise FileError("--listing goes with a single source, the folder that its paths are below")
    root, target = places.at(sources[0]), None if output is None else places.at(output)
    for line in lines(listing) if wanted is None else wanted:
        inside = None if line.problem else target
        yield files.Task(root / line.name, inside and inside / line.name, line.problem, name=line.name, size=line.size)


def digest(path: Path) -> str:
    """SHA-256. FileError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileError(f"the listing {path} cannot be read: {error.strerror}") from None


def _line(line: bytes, where: str) -> Line:
    if line.startswith(b"{"):
        try:
            facts = json.loads(line)
            name, size = facts["path"], facts.get("size")
        except (ValueError, KeyError):
            raise FileError(f'{where}: no JSON object with "path" and "size"') from None
    else:
        told, tab, rest = line.partition(b"\t")
        name, size = os.fsdecode(rest), int(told) if told.isdigit() else -1
        if not tab:
            raise FileError(f"{where}: neither size, tab, path nor a JSON object")
    if not isinstance(name, str) or not isinstance(size, int | None) or (size is not None and size < 0):
        raise FileError(f"{where}: the size is no number of bytes, or the path no text")
    name = name.removeprefix("./")
    return Line(name, size, None if places.is_inside(name) else "its path would leave the folder that the listing is of")
