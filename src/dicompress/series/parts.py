"""The parts of an archive file (docs/series.md): each says what it is and how long, with checksums, so that it is found without the index.

    file:    MAGIC, parts, each time it was written to an INDEX part and a footer behind them
    part:    PART, kind, lengths of head and data, CRC-32 of all that and of the head; head; data; CRC-32 of the data
    footer:  where the last index part begins, CRC-32, END
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import StreamError

MAGIC = b"DCMA\x01\r\n\x1a"  # what a transfer of text would damage
PART, END = b"\xdcPRT", b"\xdcEND"
BASE, FILE, INDEX = b"B", b"F", b"I"
KINDS = (BASE, FILE, INDEX)
HEADER, FOOTER, CRC = struct.Struct("<4scIQI"), struct.Struct("<QI4s"), struct.Struct("<I")
LONGEST = 1 << 40


@dataclass(frozen=True)
class Place:
    """A part: at `start` of the file its header, of `head` and `data` bytes its contents."""

    kind: bytes
    start: int
    head: int
    data: int

    @property
    def data_start(self) -> int:
        return self.start + HEADER.size + self.head

    @property
    def end(self) -> int:
        return self.data_start + self.data + CRC.size


def write(file: BinaryIO, kind: bytes, head: bytes, data: bytes = b"") -> Place:
    """At the end of `file`."""
    place = Place(kind, file.tell(), len(head), len(data))
    start = HEADER.pack(PART, kind, len(head), len(data), 0)[: -CRC.size]
    for piece in (start, CRC.pack(zlib.crc32(head, zlib.crc32(start))), head, data, CRC.pack(zlib.crc32(data))):
        file.write(piece)
    return place


def write_footer(file: BinaryIO, index: Place) -> None:
    start = struct.pack("<Q", index.start)
    file.write(start + CRC.pack(zlib.crc32(start)) + END)


def read_head(file: BinaryIO, start: int, size: int) -> tuple[Place, bytes]:
    """The part that begins at `start` of a file of `size` bytes, and its head. StreamError if there is none, or it is damaged."""
    file.seek(start)
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        raise StreamError(f"the archive ends at byte {size}, in a part that begins at byte {start}")
    mark, kind, head, data, crc = HEADER.unpack(header)
    place = Place(kind, start, head, data)
    if mark != PART or kind not in KINDS or data > LONGEST or place.data_start > size:
        raise StreamError(f"no part of an archive begins at byte {start}")
    content = file.read(head)
    if zlib.crc32(content, zlib.crc32(header[: -CRC.size])) != crc:
        raise StreamError(f"the part at byte {start} is damaged: its CRC-32 does not agree")
    return place, content


def read_data(file: BinaryIO, place: Place, first: int = 0, count: int | None = None) -> bytes:
    """The data of a part. StreamError if they are damaged or cut. first, count: some of them, which no checksum covers."""
    file.seek(place.data_start + first)
    if count is not None:
        return file.read(min(count, place.data - first))
    data, crc = file.read(place.data), file.read(CRC.size)
    if len(data) < place.data or len(crc) < CRC.size:
        raise StreamError(f"the archive ends in the part at byte {place.start}")
    if CRC.pack(zlib.crc32(data)) != crc:
        raise StreamError(f"the data of the part at byte {place.start} are damaged: their CRC-32 does not agree")
    return data


def last_index(file: BinaryIO, size: int) -> int:
    """Where the part begins that the footer points to. StreamError if there is no footer."""
    file.seek(max(0, size - FOOTER.size))
    footer = file.read(FOOTER.size)
    start, crc, mark = FOOTER.unpack(footer) if len(footer) == FOOTER.size else (0, 0, b"")
    if mark != END or zlib.crc32(footer[:8]) != crc or start >= size:
        raise StreamError("the archive has no footer: it is cut short, or something was written behind it")
    return int(start)


def scan(file: BinaryIO, size: int) -> Iterator[tuple[Place, bytes]]:
    """All parts whose heads are sound, wherever they are: what can be had of a damaged archive."""
    start = len(MAGIC)
    while start < size:
        try:
            place, head = read_head(file, start, size)
        except StreamError:
            start = _find(file, start + 1, size)
            continue
        yield place, head
        start = place.end if place.end <= size else place.data_start


def _find(file: BinaryIO, start: int, size: int) -> int:
    """Where the next mark of a part is, or `size`."""
    piece = 1 << 20
    while start < size:
        file.seek(start)
        found = file.read(piece + len(PART) - 1).find(PART)
        if found >= 0:
            return start + found
        start += piece
    return size
