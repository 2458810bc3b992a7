"""The index of an archive: where each file is, and what is said of it, once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import StreamError
from ..varint import Reader
from . import parts
from .entry import LONGEST, Entry, from_json, to_json
from .heads import Packer, joined, split

DIGEST = 32  # bytes of SHA-256


@dataclass(frozen=True)
class Index:
    series: str
    files: list[tuple[parts.Place, Entry]]


def head_of(series: str, files: Iterable[tuple[parts.Place, Entry]], packer: Packer) -> bytes:
    """The head of an index part: facts as JSON by Zstandard, and the checksums, which nothing makes smaller.

    Of each file: bytes between it and the one before it, of its head, of its data, facts. Its checksum, and that of the original behind
    it where there is such.
    """
    rows, digests, end = list[list[Any]](), b"", 0
    for place, entry in sorted(files, key=lambda file: file[0].start):
        rows.append([place.start - end, place.head, place.data, replace(entry, sha256="", original_sha256=None).facts()])
        digests += bytes.fromhex(entry.sha256) or bytes(DIGEST)
        if entry.original_size is not None:
            digests += bytes.fromhex(entry.original_sha256 or "") or bytes(DIGEST)
        end = place.end
    return joined(packer.pack(to_json({"series": series, "files": rows})), digests)


def read(place: parts.Place, head: bytes, packer: Packer, size: int) -> Index:
    """Inverse of `head_of`. size: of the archive. StreamError for nonsense; LimitError."""
    packed, digests = split(head, 2)
    found = from_json(packer.unpack(packed, LONGEST))
    try:
        series, rows = found["series"], found["files"]
        files, end = list[tuple[parts.Place, Entry]](), 0
        left = Reader(digests)
        for gap, length, data, facts in rows:
            where, entry = parts.Place(parts.FILE, end + gap, length, data), Entry.of(facts)
            sha256 = _hex(left.take(DIGEST))
            original = None if entry.original_size is None else _hex(left.take(DIGEST)) or None
            files.append((where, replace(entry, sha256=sha256, original_sha256=original)))
            if min(gap, length, data) < 0 or where.end > size:
                raise ValueError
            end = where.end
        left.finish()
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise StreamError("the index of the archive is none") from None
    numbers = {entry.number for _, entry in files}
    if not isinstance(series, str) or len(numbers) != len(files) or max(numbers, default=0) > size:
        raise StreamError("the index of the archive is none")
    return Index(series, files)


def _hex(digest: bytes) -> str:
    """Empty where it is not known."""
    return digest.hex() if any(digest) else ""
