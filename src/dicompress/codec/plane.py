"""One frame: value range, packing table, model header, tiles, and a digest of the pixels (docs/format.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import StreamError
from ..models import Model, Values
from ..varint import Reader, write_varint
from . import loop, memory
from .bound import MAX_RUNS, Runs, exact_runs, rank_near, rank_runs
from .packing import read_table, sparse_values, write_table

DIGEST_BYTES = 8


@dataclass(frozen=True)
class Head:
    """What a frame's tiles share. low, high: the pixel values' range; table: of a sparse histogram, or empty.

    exact: runs of values that are exact in a near-lossless stream.
    """

    digest: bytes
    low: int
    high: int
    table: bytes = b""
    header: bytes = b""
    exact: Runs = ()

    @property
    def constant(self) -> bool:
        """All pixels have one value: the head is all there is of the frame."""
        return self.low == self.high

    def occurring(self) -> np.ndarray | None:
        """The values that occur, if pixels are coded as ranks. StreamError if the table is damaged."""
        try:
            return read_table(self.table, self.low, self.high) if self.table else None
        except ValueError as error:
            raise StreamError(f"damaged packing table: {error}") from None

    def coded(self, occurring: np.ndarray | None, near: int) -> Values:
        """What is coded: values, or ranks among those `occurring`."""
        if occurring is None:
            return Values(self.low, self.high, near, self.exact)
        near = rank_near(occurring, near, self.exact)
        return Values(0, occurring.size - 1, near, rank_runs(occurring, self.exact))


@dataclass(frozen=True)
class Frame:
    """A frame, taken apart. tiles: for every tile its chunks, of level `levels` first, as many as were read.

    shape: (rows, columns) at full resolution; near: the largest error; grid: tiles start at multiples of it.
    """

    head: Head
    dtype: np.dtype
    shape: tuple[int, int]
    near: int
    levels: int
    grid: int
    tiles: list[list[bytes]]


def pixel_digest(pixels: np.ndarray) -> bytes:
    """The first 8 bytes of the SHA-256 of rows, columns and the pixels, little-endian, as stored."""
    rows, columns = pixels.shape
    content = hashlib.sha256(f"{pixels.dtype.kind}{pixels.dtype.itemsize} {rows} {columns} ".encode())
    content.update(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
    return content.digest()[:DIGEST_BYTES]


def encode_frame(
    model: Model, pixels: np.ndarray, levels: int, near: int, exact: Iterable[tuple[int, int]], threads: int
) -> tuple[Frame, np.ndarray]:
    """(rows, columns) integers of 8 or 16 bits -> the frame with all its chunks, and the pixels as decoded.

    near, exact: see `codec.encode`.
    """
    low, high = int(pixels.min()), int(pixels.max())
    facts = (pixels.dtype, pixels.shape, near, levels, loop.TILE_GRID)
    if low == high:
        return Frame(Head(pixel_digest(pixels), low, high), *facts, []), pixels
    head = Head(b"", low, high, exact=exact_runs(pixels, exact) if near else ())
    occurring = sparse_values(pixels, near, head.exact)
    head = replace(head, table=b"" if occurring is None else write_table(occurring))
    packed = pixels.astype(np.int32) if occurring is None else np.searchsorted(occurring, pixels).astype(np.int32)
    values = head.coded(occurring, near)
    header = model.header(packed, values)
    tiles, decoded = [], packed.copy() if values.near else packed
    for tile in loop.tiles(*pixels.shape, loop.TILE_GRID):
        part = np.ascontiguousarray(packed[tile])
        chunks, decoded[tile] = loop.encode_tile(model, header, part, values, levels, threads)
        tiles.append(chunks)
        if part.size < packed.size:
            memory.release()
    if values.near:
        pixels = (decoded if occurring is None else occurring[decoded]).astype(pixels.dtype)
    return Frame(replace(head, digest=pixel_digest(pixels), header=header), *facts, tiles), pixels


def write_head(head: Head, near: int) -> bytes:
    parts = [head.digest, write_varint(head.low + (1 << 15)), write_varint(head.high - head.low)]
    if not head.constant:
        if near:
            parts.append(_write_runs(head.exact, head.low))
        parts += [write_varint(len(head.table)), head.table, write_varint(len(head.header)), head.header]
    return b"".join(parts)


def _write_runs(runs: Runs, low: int) -> bytes:
    """Their number, then of each its distance from the end of the one before and its length."""
    parts = [write_varint(len(runs))]
    for first, last in runs:
        parts += [write_varint(first - low), write_varint(last - first)]
        low = last
    return b"".join(parts)


def _read_runs(reader: Reader, low: int, high: int) -> Runs:
    count, runs = reader.varint(), []
    if count > MAX_RUNS:
        raise StreamError(f"{count} runs of exact values are claimed; at most {MAX_RUNS} are possible")
    for _ in range(count):
        first = low + reader.varint()
        low = first + reader.varint()
        runs.append((first, low))
    if low > high:
        raise StreamError("exact values lie outside the value range")
    return tuple(runs)


def read_head(reader: Reader, dtype: np.dtype, near: int = 0) -> Head:
    """Inverse of `write_head`, for a frame of pixels `dtype`. StreamError if it cannot be one."""
    digest = reader.take(DIGEST_BYTES)
    low = reader.varint() - (1 << 15)
    high = low + reader.varint()
    limits = np.iinfo(dtype)
    if not limits.min <= low <= high <= limits.max:
        raise StreamError(f"a value range of {low} to {high} does not fit into {dtype.name} pixels")
    if low == high:
        return Head(digest, low, high)
    exact = _read_runs(reader, low, high) if near else ()
    table = reader.take(reader.varint())
    return Head(digest, low, high, table, reader.take(reader.varint()), exact)


def decode_frame(model: Model, frame: Frame, level: int, threads: int) -> np.ndarray:
    """The frame at 1/2**level resolution, (ceil(rows / 2**level), ceil(columns / 2**level)).

    Level 0 is the inverse of `encode_frame`: StreamError unless the digest of the pixels agrees.
    """
    head = frame.head
    shape = loop.reduced(frame.shape, level)
    if head.constant:
        pixels = np.full(shape, head.low, frame.dtype)
    else:
        occurring = head.occurring()
        values = head.coded(occurring, frame.near)
        pixels = np.empty(shape, frame.dtype)
        for (rows, columns), chunks in zip(loop.tiles(*frame.shape, frame.grid), frame.tiles):
            size = (rows.stop - rows.start, columns.stop - columns.start)
            decoded = loop.decode_tile(model, head.header, chunks, size, values, frame.levels, level, threads)
            row, column = rows.start >> level, columns.start >> level
            part = pixels[row : row + decoded.shape[0], column : column + decoded.shape[1]]
            part[...] = decoded if occurring is None else occurring[decoded]
            if part.size < pixels.size:
                memory.release()
    if level == 0 and pixel_digest(pixels) != head.digest:
        raise StreamError("the decoded pixels do not have the checksum the stream carries")
    return pixels
