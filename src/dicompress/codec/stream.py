"""A stream taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np

from ..errors import StreamError
from ..varint import Reader, write_varint
from . import loop
from .plane import Head, Plane

MAX_LEVELS = 6  # tiles start at multiples of 2**MAX_LEVELS
DTYPES = {0: np.dtype("uint8"), 1: np.dtype("int8"), 2: np.dtype("uint16"), 3: np.dtype("int16")}


def check_level(level: int, levels: int) -> None:
    """ValueError unless an image of so many levels can be had at `level`."""
    if not 0 <= level <= levels:
        raise ValueError(f"level {level} is not one of the stream's: it has levels 0 to {levels}")


@dataclass(frozen=True)
class Section:
    """The chunks of one level, frame by frame and tile by tile: chunk i is data[edges[i] : edges[i + 1]]."""

    data: bytes
    edges: np.ndarray  # int64

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> Section:
        chunks = list(chunks)
        return cls(b"".join(chunks), np.cumsum([0, *map(len, chunks)], dtype=np.int64))

    @classmethod
    def read(cls, data: bytes, count: int) -> Section:
        """From what `write` made of `count` chunks; StreamError if it cannot have."""
        if count > len(data):
            raise StreamError(f"{len(data)} bytes cannot hold the {count} tiles of a level")
        reader = Reader(data)
        lengths = [reader.varint() for _ in range(count)]
        edges = list(accumulate(lengths, initial=reader.position))
        if edges[-1] != len(data):
            raise StreamError(f"the tiles of a level end at byte {edges[-1]} of {len(data)}")
        return cls(data, np.array(edges, np.int64))

    def write(self) -> bytes:
        """The chunks' lengths, then the chunks."""
        return b"".join(map(write_varint, np.diff(self.edges).tolist())) + self.data[self.edges[0] :]

    def chunk(self, number: int) -> bytes:
        return self.data[self.edges[number] : self.edges[number + 1]]


@dataclass(frozen=True)
class Facts:
    """What a stream begins with. frames: None for an array of a single image. samples: of a pixel, 1 unless it is in colour.

    near: the largest error of a pixel's samples.
    """

    model_hash: bytes
    dtype: np.dtype
    bits_stored: int
    frames: int | None
    rows: int
    columns: int
    samples: int
    near: int

    @property
    def count(self) -> int:
        return 1 if self.frames is None else self.frames

    @property
    def shape(self) -> tuple[int, ...]:
        frames = () if self.frames is None else (self.frames,)
        return (*frames, self.rows, self.columns, *((self.samples,) if self.samples > 1 else ()))


@dataclass(frozen=True)
class Stream(Facts):
    """A stream, taken apart. levels: L, by how many halvings the image can be had early.

    heads: one a plane: the samples of the first frame, those of the second. sections: of levels L, L - 1, ..., as many as were
    read. level_bytes: how many bytes of the stream each level needs, level 0 first; empty before it is written.
    """

    levels: int
    heads: list[Head]
    sections: list[Section]
    level_bytes: list[int] = field(default_factory=list)

    @cached_property
    def first_chunks(self) -> list[int]:
        """For every plane, the number of its first chunk in every section; then the number of all chunks."""
        return chunk_numbers(self, self.heads)

    def needs(self, number: int) -> list[int]:
        """The numbers of the planes that must be decoded before plane `number`."""
        return needs(self.heads[number], number, self.samples)

    def plane(self, number: int) -> Plane:
        """With the chunks of the sections that were read. Planes are the samples of the first frame, those of the second."""
        chunks = range(*self.first_chunks[number : number + 2])
        tiles = [[section.chunk(i) for section in self.sections] for i in chunks]
        return Plane(self.heads[number], self.dtype, (self.rows, self.columns), self.near, self.levels, tiles)


def needs(head: Head, number: int, samples: int) -> list[int]:
    """Which planes must be decoded before plane `number`: those it leans on, and samples before it that say something of it."""
    return [*(number - n for n in head.references), *range(number - number % samples, number if any(head.coefficients) else 0)]


def chunk_numbers(facts: Facts, heads: list[Head]) -> list[int]:
    """`Stream.first_chunks`: a plane has one chunk a tile in every section, a single-valued one none."""
    tiles = loop.count_tiles(facts.rows, facts.columns)
    return list(accumulate((0 if head.constant else tiles for head in heads), initial=0))
