"""Streams taken apart and put together as docs/format.md says, by nothing of the package's."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from .xxh64 import xxh64

TYPES = [np.dtype(name) for name in ("uint8", "int8", "uint16", "int16")]
OFFSET = 1 << 17  # added to values that may be negative


def varint(value: int) -> bytes:
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def zigzag(value: int) -> bytes:
    return varint(2 * value if value >= 0 else -2 * value - 1)


@dataclass
class Cursor:
    """A place in bytes; an IndexError at their end."""

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IndexError(self.at)
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number of more than nine bytes")

    def signed(self) -> int:
        code = self.varint()
        return -(code + 1) // 2 if code & 1 else code // 2

    def checked(self, count: int) -> bytes:
        """A part and the CRC-32 behind it."""
        part = self.take(count)
        assert zlib.crc32(part) == int.from_bytes(self.take(4), "little")
        return part

    def end(self) -> None:
        assert self.at == len(self.data)


@dataclass(frozen=True)
class Head:
    """references: how far before the plane those lie that it leans on. coefficients: of the samples before it in its frame.

    low, high: of the coded values. limits: (smallest, largest) pixel. exact: runs (first, last). table, header: bytes.
    """

    digest: bytes
    low: int
    high: int
    references: tuple[int, ...] = ()
    coefficients: tuple[int, ...] = ()
    limits: tuple[int, int] | None = None
    exact: tuple[tuple[int, int], ...] = ()
    table: bytes = b""
    header: bytes = b""

    @property
    def constant(self) -> bool:
        return self.low == self.high

    def write(self, near: int) -> bytes:
        parts = [varint(len(self.references)), *map(zigzag, self.references), self.digest, *map(zigzag, self.coefficients)]
        parts += [varint(n + OFFSET) for n in self.limits or ()]
        parts += [varint(self.low + OFFSET), varint(self.high - self.low)]
        if not self.constant:
            if near:
                parts.append(varint(len(self.exact)))
                last = self.low
                for first, end in self.exact:
                    parts += [varint(first - last), varint(end - first)]
                    last = end
            parts += [varint(len(self.table)), self.table, varint(len(self.header)), self.header]
        return b"".join(parts)

    @classmethod
    def read(cls, data: bytes, sample: int, near: int) -> Head:
        cursor = Cursor(data)
        references = tuple(cursor.signed() for _ in range(cursor.varint()))
        digest = cursor.take(8)
        coefficients = tuple(cursor.signed() for _ in range(sample))
        limits = (cursor.varint() - OFFSET, cursor.varint() - OFFSET) if sample and near else None
        low = cursor.varint() - OFFSET
        high = low + cursor.varint()
        exact, table, header = [], b"", b""
        if low != high:
            last = low
            for _ in range(cursor.varint() if near else 0):
                first = last + cursor.varint()
                last = first + cursor.varint()
                exact.append((first, last))
            table = cursor.take(cursor.varint())
            header = cursor.take(cursor.varint())
        cursor.end()
        return cls(digest, low, high, references, coefficients, limits, tuple(exact), table, header)


@dataclass(frozen=True)
class Stream:
    """frames: None for an array of a single image. heads: one a plane. sections: of levels L, L - 1, ... 0, each a list of chunks."""

    dtype: np.dtype
    bits_stored: int
    model: bytes
    frames: int | None
    rows: int
    columns: int
    samples: int
    near: int
    heads: list[Head]
    sections: list[list[bytes]]
    coder: int = 1
    outer: tuple[bytes, ...] = ()  # digests of planes -1, -2, of other streams
    level_bytes: list[int] = field(default_factory=list, compare=False)  # of the stream that was read, level 0 first

    @property
    def levels(self) -> int:
        return len(self.sections) - 1

    def write(self) -> bytes:
        heads = [head.write(self.near) for head in self.heads]
        heads = b"".join(varint(len(head)) + head for head in heads)
        sections = [b"".join([*(varint(len(chunk)) for chunk in chunks), *chunks]) for chunks in self.sections]
        kind = TYPES.index(self.dtype) + 4 * bool(self.outer)
        start = b"DCMP\x04" + bytes([kind, self.bits_stored]) + self.model + bytes([self.coder])
        start += b"".join(map(varint, (self.frames or 0, self.rows, self.columns, self.samples, self.near)))
        start += (varint(len(self.outer)) if self.outer else b"") + b"".join(self.outer)
        start += b"".join(map(varint, (self.levels, len(heads), *map(len, sections))))
        return b"".join(part + zlib.crc32(part).to_bytes(4, "little") for part in (start, heads, *sections))

    @classmethod
    def read(cls, data: bytes) -> Stream:
        cursor = Cursor(data)
        assert cursor.take(5) == b"DCMP\x04"
        kind, bits_stored = cursor.take(2)
        model, (coder,) = cursor.take(8), cursor.take(1)
        frames, rows, columns, samples, near = (cursor.varint() for _ in range(5))
        outer = tuple(cursor.take(8) for _ in range(cursor.varint())) if kind & 4 else ()
        levels, head_bytes = cursor.varint(), cursor.varint()
        sizes = [cursor.varint() for _ in range(levels + 1)]
        start = cursor.at
        cursor.at = 0
        cursor.checked(start)
        inner, heads = Cursor(cursor.checked(head_bytes)), []
        for number in range((frames or 1) * samples):
            heads.append(Head.read(inner.take(inner.varint()), number % samples, near))
        inner.end()
        chunks = len(tiles(rows, columns)) * sum(not head.constant for head in heads)
        sections, ends = [], []
        for size in sizes:
            section = Cursor(cursor.checked(size))
            lengths = [section.varint() for _ in range(chunks)]
            sections.append([section.take(length) for length in lengths])
            section.end()
            ends.append(cursor.at)
        cursor.end()
        facts = (TYPES[kind & 3], bits_stored, model, frames or None, rows, columns, samples, near)
        return cls(*facts, heads, sections, coder, outer, ends[::-1])

    def needs(self, number: int) -> set[int]:
        """The planes that must be decoded before plane `number`, each in turn with those that it needs."""
        head = self.heads[number]
        found = {number - n for n in head.references}
        if any(head.coefficients):
            found |= set(range(number - number % self.samples, number))
        return found | {deep for n in found for deep in self.needs(n)}

    def depth(self, number: int) -> int:
        head = self.heads[number]
        found = {number - n for n in head.references}
        if any(head.coefficients):
            found |= set(range(number - number % self.samples, number))
        return max((self.depth(n) + 1 for n in found), default=0)

    def first_chunk(self, number: int) -> int:
        """The number of a plane's first chunk in every section."""
        count = len(tiles(self.rows, self.columns))
        return [*accumulate((0 if head.constant else count for head in self.heads), initial=0)][number]


def tiles(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """In raster order."""

    def parts(length: int) -> list[slice]:
        count = -(-length // 1024)
        side = length if count == 1 else 64 * -(-math.ceil(length / count) // 64)
        return [slice(start, min(start + side, length)) for start in range(0, length, side)]

    return [(row, column) for row in parts(rows) for column in parts(columns)]


def digest(plane: np.ndarray) -> bytes:
    """(rows, columns) -> what the head of the plane says of its pixels."""
    facts = np.array([TYPES.index(plane.dtype), *plane.shape], "<u4")
    return xxh64(facts.tobytes() + plane.astype(plane.dtype.newbyteorder("<")).tobytes()).to_bytes(8, "little")


def planes(image: np.ndarray, samples: int) -> list[np.ndarray]:
    """(rows, columns) each: the samples of the first frame, those of the second."""
    whole = image if samples > 1 else image[..., None]
    return [frame[..., k] for frame in whole.reshape(-1, *whole.shape[-3:]) for k in range(samples)]


def with_crc(part: bytes) -> bytes:
    return part + zlib.crc32(part).to_bytes(4, "little")


def stream_parts(data: bytes) -> list[bytes]:
    """Header, heads and sections of a stream, without the CRC-32 that follows each; joined(parts) is the inverse."""
    parts, start = [], 0
    for end in range(len(data) - 3):
        if end >= start + 16 * (not parts) and data[end : end + 4] == with_crc(data[start:end])[-4:]:
            parts.append(data[start:end])
            start = end + 4
    return parts


def joined(parts: list[bytes]) -> bytes:
    return b"".join(map(with_crc, parts))
