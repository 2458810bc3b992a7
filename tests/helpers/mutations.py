"""Streams taken apart and put together with right lengths and checksums, and what can be done to them in between."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dicompress.errors import StreamError
from dicompress.varint import Reader, write_varint

START = 4 + 1 + 2 + 8 + 1  # magic, version, pixel type, bits stored, model hash, coder revision
HOSTILE = (
    *(0, 1, 2, 3, 6, 7, 16, 63, 64, 127, 128, 255, 256, 1023, 1024, 16384, 32768, 65535, 65536, 131072),
    *(1 << 24, 1 << 25, 1 << 28, 1 << 29, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 62) + 1, (1 << 63) - 1),
)
ENDLESS = b"\xff" * 12  # no number: it does not end
Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Parts:
    """A stream taken apart; `joined` is the inverse, whose lengths and checksums are right.

    numbers: frames, rows, columns, samples, near, levels. heads: one a plane. sections: one a level.
    """

    start: bytes
    numbers: tuple[int, ...]
    heads: tuple[bytes, ...]
    sections: tuple[bytes, ...]

    @property
    def samples(self) -> int:
        return self.numbers[3]

    @property
    def near(self) -> int:
        return self.numbers[4]

    def joined(self) -> bytes:
        heads = b"".join(write_varint(len(head)) + head for head in self.heads)
        numbers = (*self.numbers, len(heads), *map(len, self.sections))
        parts = [self.start + b"".join(map(write_varint, numbers)), heads, *self.sections]
        return b"".join(part + zlib.crc32(part).to_bytes(4, "little") for part in parts)


def take_apart(data: bytes) -> Parts:
    """StreamError for what is no sound stream of version 4, as far as its lengths go."""
    reader = Reader(data)
    start = reader.take(START)
    if start[:4] != b"DCMP" or start[4] != 4:
        raise StreamError("not a stream of version 4")
    numbers = tuple(reader.varint() for _ in range(6))
    if numbers[-1] > 6:
        raise StreamError("too many levels")
    sizes = [reader.varint() for _ in range(2 + numbers[-1])]
    parts = [(reader.take(4), reader.take(size))[1] for size in sizes]
    inner, heads = Reader(parts[0]), []
    while inner.position < len(inner.data):
        heads.append(inner.take(inner.varint()))
    return Parts(start, numbers, tuple(heads), tuple(parts[1:]))


def replaced(items: tuple, number: int, value) -> tuple:
    return (*items[:number], value, *items[number + 1 :])


def head_fields(head: bytes, sample: int, near: int) -> list[bytes | int]:
    """The references behind their number, the digest, the numbers of a head, the table and those of the model's header, lengths
    before them.
    """
    reader = Reader(head)
    fields: list[bytes | int] = [reader.varint()]
    fields += [reader.varint() for _ in range(fields[0])]
    fields.append(reader.take(8))
    fields += [reader.varint() for _ in range(sample + (2 if sample and near else 0) + 2)]
    if fields[-1]:
        if near:
            fields.append(reader.varint())
            fields += [reader.varint() for _ in range(2 * fields[-1])]
        fields.append(reader.varint())
        fields += [reader.take(fields[-1]), reader.varint()]
        while reader.position < len(head):
            fields.append(reader.varint())
    return fields


def written(fields: list[bytes | int]) -> bytes:
    return b"".join(field if isinstance(field, bytes) else write_varint(field) for field in fields)


class Mutator:
    """Changes drawn from a seeded generator, so that they are the same on every machine."""

    def __init__(self, seed: int, streams: list[bytes]):
        """streams: to take pieces from."""
        self.chance, self.streams = np.random.default_rng(seed), streams

    def below(self, limit: int) -> int:
        return int(self.chance.integers(limit))

    def one_of(self, items):
        return items[self.below(len(items))]

    def near_start(self, length: int) -> int:
        """A place in `length` bytes; every second time in the first ones, where the lengths are."""
        return self.below(min(length, self.one_of((24, length))))

    def piece(self, length: int) -> slice:
        start = self.below(length)
        return slice(start, min(length, start + 1 + self.below(self.one_of((4, 64, length)))))

    def flip(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(1 + self.below(8)):
            changed[self.near_start(len(data))] ^= 1 << self.below(8)
        return bytes(changed)

    def set_bytes(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(1 + self.below(3)):
            changed[self.near_start(len(data))] = self.one_of((0, 1, 0x7F, 0x80, 0xFF, self.below(256)))
        return bytes(changed)

    def set_number(self, data: bytes) -> bytes:
        at = self.near_start(len(data))
        number = self.one_of((ENDLESS, *map(write_varint, HOSTILE)))
        return data[:at] + number + data[at + self.below(3) :]

    def cut(self, data: bytes) -> bytes:
        return data[: self.below(len(data))]

    def insert(self, data: bytes) -> bytes:
        at = self.near_start(len(data))
        return data[:at] + self.chance.bytes(1 + self.below(16)) + data[at:]

    def leave_out(self, data: bytes) -> bytes:
        piece = self.piece(len(data))
        return data[: piece.start] + data[piece.stop :]

    def repeat(self, data: bytes) -> bytes:
        piece = self.piece(len(data))
        return data[: piece.stop] + data[piece.start :]

    def swap(self, data: bytes) -> bytes:
        a, b, c = sorted(self.below(len(data) + 1) for _ in range(3))
        return data[:a] + data[b:c] + data[a:b] + data[c:]

    def swap_in(self, data: bytes) -> bytes:
        """A piece of another stream in place of one of this."""
        other = self.one_of(self.streams)
        piece = self.piece(min(len(data), len(other)))
        return data[: piece.start] + other[piece] + data[piece.stop :]

    def append(self, data: bytes) -> bytes:
        return data + self.one_of((b"\0", b"\0\0", self.chance.bytes(1 + self.below(40))))

    CHANGES = (flip, set_bytes, set_number, cut, insert, leave_out, repeat, swap, swap_in, append)

    def change(self, data: bytes) -> bytes:
        """One of them all."""
        return self.one_of(self.CHANGES)(self, data) if data else self.chance.bytes(self.below(20))

    def forge(self, data: bytes, change: Change | None = None) -> bytes:
        """Changed behind its checksums, which are right again. StreamError if it cannot be taken apart.

        change: of a part's bytes; None for one of ours.
        """
        change = change or self.change
        parts = take_apart(data)
        other = take_apart(self.one_of(self.streams))
        kind = self.below(10)
        if kind == 0:
            at = self.below(len(parts.numbers))
            return replace(parts, numbers=replaced(parts.numbers, at, self.number(parts.numbers[at]))).joined()
        if kind == 1:
            at = self.one_of((4, 5, 6, 15))
            start = parts.start[:at] + bytes([self.one_of((0, 1, 2, 3, 4, 8, 12, 16, 255))]) + parts.start[at + 1 :]
            return replace(parts, start=self.one_of((start, parts.start[:7] + other.start[7:]))).joined()
        if kind in (2, 3, 4) and parts.heads:
            at = self.below(len(parts.heads))
            try:
                head = self.forge_head(parts, at, change)
            except StreamError:  # no sound head
                head = change(parts.heads[at])
            return replace(parts, heads=replaced(parts.heads, at, head)).joined()
        if kind == 5 and parts.heads:
            at = self.below(len(parts.heads))
            head = self.one_of(other.heads or (b"",))
            heads = self.one_of((replaced(parts.heads, at, head), parts.heads[::-1], parts.heads[:at], parts.heads * 2))
            return replace(parts, heads=heads).joined()
        at = self.below(len(parts.sections))
        section = self.one_of(other.sections) if kind == 6 else change(parts.sections[at])
        return replace(parts, sections=replaced(parts.sections, at, section)).joined()

    def forge_head(self, parts: Parts, at: int, change: Change) -> bytes:
        sample = at % max(parts.samples, 1)
        fields = head_fields(parts.heads[at], sample, parts.near)
        number = self.below(len(fields))
        field = fields[number]
        if isinstance(field, bytes):
            fields[number] = change(field)
            if number > 1 + fields[0]:  # the digest's length is known
                fields[number - 1] = len(fields[number])
        else:
            fields[number] = self.number(field)
        return written(fields)

    def number(self, value: int) -> int:
        return self.one_of((*HOSTILE, value + 1, abs(value - 1), 2 * value, 2 * value + 1, value // 2))
