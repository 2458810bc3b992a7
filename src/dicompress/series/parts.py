"""The parts of an archive file (docs/series.md): each says what it is and how long, with checksums, so that it is found without the index.

file:    MAGIC, parts, each time it was written to an INDEX part and a footer behind them
part:    PART, kind, lengths of head and data, CRC-32 of all that and of the head; head; data; CRC-32 of the data
footer:  where the last index part begins, CRC-32, END
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from ..errors import FileError, LimitError, StreamError

MAGIC = b"DCMA\x01\r\n\x1a"  # what a transfer of text would damage
PART, END = b"\xdcPRT", b"\xdcEND"
BASE, FILE, INDEX = b"B", b"F", b"I"
KINDS = (BASE, FILE, INDEX)
HEADER, FOOTER, CRC = struct.Struct("<4scIQI"), struct.Struct("<QI4s"), struct.Struct("<I")
LONGEST = 1 << 40
SMALLEST = HEADER.size + CRC.size  # bytes of a part
SCANNED = 8


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


class Reads(Protocol):
    """size: in bytes. read: fewer than `count` bytes where the file ends; FileError if it cannot be read. By several threads at once."""

    size: int

    def read(self, start: int, count: int) -> bytes: ...


class Bytes:
    """What is in an open file, from any place; for several threads at once, and for processes that share it by fork."""

    def __init__(self, file: BinaryIO):
        self._file, self._lock = file, threading.Lock()
        self.size = os.fstat(file.fileno()).st_size

    def read(self, start: int, count: int) -> bytes:
        """Fewer than `count` bytes where the file ends. FileError if it cannot be read."""
        try:
            if not hasattr(os, "pread"):  # Windows, which has no fork, so that a lock is enough
                with self._lock:
                    self._file.seek(start)
                    return self._file.read(count)
            found = os.pread(self._file.fileno(), count, start)
            while len(found) < count and (more := os.pread(self._file.fileno(), count - len(found), start + len(found))):
                found += more
            return found
        except OSError as error:
            raise FileError(f"the archive cannot be read: {error.strerror}") from None


def read_head(file: Reads, start: int) -> tuple[Place, bytes]:
    """The part that begins at `start`, and its head. StreamError if there is none, or it is damaged."""
    header = file.read(start, HEADER.size)
    if len(header) < HEADER.size:
        raise StreamError(f"the archive ends at byte {file.size}, in a part that begins at byte {start}")
    mark, kind, head, data, crc = HEADER.unpack(header)
    place = Place(kind, start, head, data)
    if mark != PART or kind not in KINDS or data > LONGEST or place.data_start > file.size:
        raise StreamError(f"no part of an archive begins at byte {start}")
    content = file.read(start + HEADER.size, head)
    if zlib.crc32(content, zlib.crc32(header[: -CRC.size])) != crc:
        raise StreamError(f"the part at byte {start} is damaged: its CRC-32 does not agree")
    return place, content


def read_data(file: Reads, place: Place) -> bytes:
    """The data of a part. StreamError if they are damaged or cut."""
    if place.end > file.size:
        raise StreamError(f"the archive ends in the part at byte {place.start}")
    found = file.read(place.data_start, place.data + CRC.size)
    data, crc = found[: -CRC.size], found[-CRC.size :]
    if len(found) != place.data + CRC.size or CRC.pack(zlib.crc32(data)) != crc:
        raise StreamError(f"the data of the part at byte {place.start} are damaged: their CRC-32 does not agree")
    return data


def last_index(file: Reads) -> int:
    """Where the part begins that the footer points to. StreamError if there is no footer."""
    start = read_footer(file, max(0, file.size - FOOTER.size))
    if start is None:
        raise StreamError("the archive has no footer: it is cut short, or something was written behind it")
    return int(start)


def read_footer(file: Reads, at: int) -> int | None:
    """What the footer at byte `at` points to; None if there is none."""
    footer = file.read(at, FOOTER.size)
    start, crc, mark = FOOTER.unpack(footer) if len(footer) == FOOTER.size else (0, 0, b"")
    return start if mark == END and zlib.crc32(footer[:8]) == crc and start < at else None


def scan(file: Reads, tell: Callable[[str], None]) -> Iterator[tuple[Place, bytes, bool]]:
    """All parts whose heads are sound, wherever they are, and whether their data are: what can be had of a damaged archive.

    tell: of what is damaged.
    """
    start, budget = len(MAGIC), SCANNED * file.size  # bytes that may look like heads and be none
    told = False
    while start < file.size:
        try:
            place, head = read_head(file, start)
        except StreamError:
            if read_footer(file, start) is not None:
                start += FOOTER.size
                continue
            following = start
            while budget > 0 and (following := _find(file, following + 1)) < file.size:
                try:
                    read_head(file, following)
                    break
                except StreamError:
                    _, _, length, _, _ = HEADER.unpack(file.read(following, HEADER.size).ljust(HEADER.size, b"\0"))
                    budget -= min(length, file.size) + HEADER.size
            if budget <= 0:
                raise LimitError("the archive has too much in it that looks like parts and is none") from None
            if not told:
                tell(f"bytes {start} to {following} of the archive are damaged")
            start, told = following, False
            continue
        try:
            read_data(file, place)
        except StreamError as error:  # other parts may lie where it should go on
            tell(str(error))
            told = True
        yield place, head, not told
        start = place.data_start if told else place.end


def _find(file: Reads, start: int) -> int:
    """Where the next mark of a part is, or the end."""
    piece = 1 << 16
    while start < file.size:
        found = file.read(start, piece + len(PART) - 1).find(PART)
        if found >= 0:
            return start + found
        start += piece
    return file.size
