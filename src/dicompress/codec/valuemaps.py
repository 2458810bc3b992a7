"""Which words the values of an image have, as segments in a row, so that an index from 0 on stands for each: small numbers for large ones.

A segment is a run of words in even steps, words computed by a scale, or a list of words.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np

from ..errors import StreamError
from ..varint import Reader, write_varint
from . import zstandard
from .scaled import MOST, Scale, scale_of
from .words import values_of

MOST_SEGMENTS = 64
MOST_LISTED = 1 << 22
RUNS = 16  # that a search for gaps gives, at most
WORTH = 64  # the part of the range that closing a gap must save
LAST_WORD = (1 << 64) - 1


@dataclass(frozen=True)
class Run:
    """first, first + step, ... count words."""

    KIND: ClassVar = 0
    first: int
    step: int
    count: int

    def words(self, indices: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return np.uint64(self.first) + indices * np.uint64(self.step)

    def indices(self, words: np.ndarray) -> np.ndarray:
        return (words - np.uint64(self.first)) // np.uint64(self.step)

    def encode(self) -> bytes:
        return struct.pack("<QQQ", self.first, self.step, self.count - 1)

    @classmethod
    def read(cls, reader: Reader) -> Run:
        first, step, more = struct.unpack("<QQQ", reader.take(24))
        return cls(first, step, more + 1)

    def check(self, dtype: np.dtype) -> None:
        if not self.step or self.first + (self.count - 1) * self.step >= 1 << 8 * dtype.itemsize:
            raise StreamError(f"a run of {self.count} words that leaves {dtype}")


@dataclass(frozen=True, eq=False)
class Scaled:
    """Words computed by a scale of numbers from `first` on, and what to add to each, or nothing."""

    KIND: ClassVar = 1
    scale: Scale
    first: int
    corrections: np.ndarray | None
    count: int

    def words(self, indices: np.ndarray, dtype: np.dtype) -> np.ndarray:
        numbers = indices.astype(np.int64)
        words = self.scale.words(numbers + self.first, dtype)
        if self.corrections is None:
            return words
        return (words + self.corrections[numbers].astype(np.int64).view(np.uint64)) & np.uint64((1 << 8 * dtype.itemsize) - 1)

    def encode(self) -> bytes:
        packed = b"" if self.corrections is None else zstandard.pack(self.corrections.view(np.uint8))
        numbers = struct.pack("<ddqI", self.scale.step, self.scale.start, self.first, self.count)
        return numbers + write_varint(len(packed)) + packed

    @classmethod
    def read(cls, reader: Reader) -> Scaled:
        step, start, first, count = struct.unpack("<ddqI", reader.take(28))
        packed = reader.take(reader.varint())
        if not -(1 << 52) <= first <= 1 << 52 or count > MOST:
            raise StreamError(f"{count} numbers from {first} on are not possible")
        corrections = zstandard.unpack(packed, count, np.dtype(np.uint8)).view(np.int8) if packed else None
        return cls(Scale(step, start), first, corrections, count)

    def check(self, dtype: np.dtype) -> None:
        pass


@dataclass(frozen=True, eq=False)
class Listed:
    """Any ascending words."""

    KIND: ClassVar = 2
    listed: np.ndarray  # uint64

    @property
    def count(self) -> int:
        return len(self.listed)

    def words(self, indices: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return self.listed[indices.astype(np.int64)]

    def encode(self) -> bytes:
        gaps = np.diff(self.listed)
        size = max(1, -(-int(gaps.max(initial=0)).bit_length() // 8))
        size = 1 << (size - 1).bit_length()
        packed = zstandard.pack(gaps.astype(f"u{size}"))
        return struct.pack("<QIB", int(self.listed[0]), self.count, size) + write_varint(len(packed)) + packed

    @classmethod
    def read(cls, reader: Reader) -> Listed:
        first, count, size = struct.unpack("<QIB", reader.take(13))
        packed = reader.take(reader.varint())
        if not 1 <= count <= MOST_LISTED or size not in (1, 2, 4, 8):
            raise StreamError(f"a list of {count} words by {size} bytes is not possible")
        gaps = zstandard.unpack(packed, count - 1, np.dtype(f"u{size}")).astype(np.uint64)
        listed = np.cumsum(np.concatenate([np.array([first], np.uint64), gaps]), dtype=np.uint64)
        if np.any(listed[1:] <= listed[:-1]):
            raise StreamError("a list of words that do not ascend")
        return cls(listed)

    def check(self, dtype: np.dtype) -> None:
        if int(self.listed[-1]) >> 8 * dtype.itemsize:
            raise StreamError(f"a list of words that leaves {dtype}")


Segment = Run | Scaled | Listed
KINDS: dict[int, type[Run] | type[Scaled] | type[Listed]] = {kind.KIND: kind for kind in (Run, Scaled, Listed)}


@dataclass(frozen=True)
class ValueMap:
    """Segments, the indices of each behind those of the one before."""

    segments: Sequence[Segment]

    @property
    def starts(self) -> list[int]:
        """The first index of each, and the number of all."""
        return list(accumulate((segment.count for segment in self.segments), initial=0))

    @property
    def count(self) -> int:
        return sum(segment.count for segment in self.segments)

    def words(self, indices: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """uint64 of indices (uint64). StreamError for an index that stands for none."""
        if int(indices.max()) >= self.count:
            raise StreamError("a value that its map does not have")
        found = np.empty_like(indices)
        for segment, start, stop in zip(self.segments, self.starts, self.starts[1:]):
            here = indices >= np.uint64(start)
            if stop <= LAST_WORD:
                here &= indices < np.uint64(stop)
            found[here] = segment.words(indices[here] - np.uint64(start), dtype)
        return found

    def encode(self) -> bytes:
        return bytes([len(self.segments)]) + b"".join(bytes([s.KIND]) + s.encode() for s in self.segments)

    @classmethod
    def decode(cls, data: bytes, dtype: np.dtype) -> ValueMap:
        """StreamError for nonsense."""
        reader, segments = Reader(data), []
        for _ in range(reader.take(1)[0]):
            kind = KINDS.get(reader.take(1)[0])
            if kind is None:
                raise StreamError("a segment of values of an unknown kind")
            segment = kind.read(reader)
            if segment.count < 1:
                raise StreamError("a segment of no values")
            segment.check(dtype)
            segments.append(segment)
        reader.finish()
        found = cls(segments)
        if not 1 <= len(segments) <= MOST_SEGMENTS or found.count > LAST_WORD + 1:
            raise StreamError(f"{len(segments)} segments of {found.count} values are not possible")
        return found


@dataclass(frozen=True)
class Mapped:
    """A map, and the index (uint64) of each of the words that it was made for."""

    map: ValueMap
    indices: np.ndarray


def by_runs(words: np.ndarray) -> Mapped:
    """Ascending words (uint64) by runs between the widest gaps, each in the largest even steps."""
    gaps = np.diff(words)
    span, cuts = int(words[-1]) - int(words[0]), []
    for place in np.argsort(gaps)[::-1][: RUNS - 1]:
        gap = int(gaps[place])
        if gap < 2 or (gap - 1) * WORTH < span:
            break
        cuts.append(int(place) + 1)
        span -= gap - 1
    segments: list[Segment] = []
    indices = np.empty_like(words)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(words)]):
        part = words[start:stop]
        step = int(np.gcd.reduce(np.diff(part))) or 1 if len(part) > 1 else 1
        run = Run(int(part[0]), step, (int(part[-1]) - int(part[0])) // step + 1)
        indices[start:stop] = run.indices(part) + np.uint64(sum(s.count for s in segments))
        segments.append(run)
    return Mapped(ValueMap(segments), indices)


def by_list(words: np.ndarray) -> Mapped:
    return Mapped(ValueMap([Listed(words)]), np.arange(len(words), dtype=np.uint64))


def by_scale(words: np.ndarray, dtype: np.dtype) -> Mapped | None:
    """Ascending words by a scale, what is not finite and minus zero by runs around them; None if there is no scale."""
    if dtype.kind == "f":
        values = values_of(words, dtype)
        fits = np.isfinite(values) & ~((values == 0) & np.signbit(values))
    else:
        fits = np.ones(len(words), bool)
    if np.count_nonzero(~fits) > RUNS:
        return None
    found = scale_of(words[fits], dtype)
    if found is None:
        return None
    scale, numbers = found
    first, count = int(numbers[0]), int(numbers[-1] - numbers[0]) + 1
    away = (words[fits] - scale.words(numbers, dtype)).view(np.int64)
    corrections = np.zeros(count, np.int8)
    corrections[numbers - first] = away
    scaled = Scaled(scale, first, corrections if away.any() else None, count)
    middle = words[fits][0]
    before, after = words[~fits & (words < middle)], words[~fits & (words > middle)]
    segments: list[Segment] = [*(Run(int(w), 1, 1) for w in before), scaled, *(Run(int(w), 1, 1) for w in after)]
    indices = np.empty_like(words)
    indices[fits] = (numbers - first + len(before)).astype(np.uint64)
    indices[~fits & (words < middle)] = np.arange(len(before), dtype=np.uint64)
    indices[~fits & (words > middle)] = np.arange(len(after), dtype=np.uint64) + np.uint64(len(before) + count)
    return Mapped(ValueMap(segments), indices)
