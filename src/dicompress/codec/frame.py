"""One frame: value range, packing table, model header, tiles, and a digest of the pixels (docs/format.md)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ..errors import StreamError
from ..models import Model
from ..varint import Reader, write_varint
from . import loop, memory
from .packing import read_table, sparse_values, write_table

DIGEST_BYTES = 8


@dataclass(frozen=True)
class Head:
    """What a frame's tiles share. low, high: the pixel values' range; table: of a sparse histogram, or empty."""

    digest: bytes
    low: int
    high: int
    table: bytes = b""
    header: bytes = b""

    @property
    def constant(self) -> bool:
        """All pixels have one value: the head is all there is of the frame."""
        return self.low == self.high

    def values(self) -> np.ndarray | None:
        """The values that occur, if pixels are coded as ranks. StreamError if the table is damaged."""
        try:
            return read_table(self.table, self.low, self.high) if self.table else None
        except ValueError as error:
            raise StreamError(f"damaged packing table: {error}") from None


@dataclass(frozen=True)
class Frame:
    """A frame, taken apart. tiles: for every tile its chunks, of level `levels` first, as many as were read.

    shape: (rows, columns) at full resolution; grid: tiles start at multiples of it.
    """

    head: Head
    dtype: np.dtype
    shape: tuple[int, int]
    levels: int
    grid: int
    tiles: list[list[bytes]]


def pixel_digest(pixels: np.ndarray) -> bytes:
    """The first 8 bytes of the SHA-256 of rows, columns and the pixels, little-endian, as stored."""
    rows, columns = pixels.shape
    content = hashlib.sha256(f"{pixels.dtype.kind}{pixels.dtype.itemsize} {rows} {columns} ".encode())
    content.update(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
    return content.digest()[:DIGEST_BYTES]


def encode_frame(model: Model, pixels: np.ndarray, levels: int, threads: int) -> Frame:
    """(rows, columns) integers of 8 or 16 bits -> the frame with all its chunks."""
    digest, low, high = pixel_digest(pixels), int(pixels.min()), int(pixels.max())
    if low == high:
        return Frame(Head(digest, low, high), pixels.dtype, pixels.shape, levels, loop.TILE_GRID, [])
    values = sparse_values(pixels)
    table = b"" if values is None else write_table(values)
    packed = pixels.astype(np.int32) if values is None else np.searchsorted(values, pixels).astype(np.int32)
    least, greatest = (low, high) if values is None else (0, values.size - 1)
    header = model.header(packed, least, greatest)
    tiles = []
    for tile in loop.tiles(*pixels.shape, loop.TILE_GRID):
        part = np.ascontiguousarray(packed[tile])
        tiles.append(loop.encode_tile(model, header, part, least, greatest, levels, threads))
        if part.size < packed.size:
            memory.release()
    head = Head(digest, low, high, table, header)
    return Frame(head, pixels.dtype, pixels.shape, levels, loop.TILE_GRID, tiles)


def write_head(head: Head) -> bytes:
    parts = [head.digest, write_varint(head.low + (1 << 15)), write_varint(head.high - head.low)]
    if not head.constant:
        parts += [write_varint(len(head.table)), head.table, write_varint(len(head.header)), head.header]
    return b"".join(parts)


def read_head(reader: Reader, dtype: np.dtype) -> Head:
    """Inverse of `write_head`, for a frame of pixels `dtype`. StreamError if it cannot be one."""
    digest = reader.take(DIGEST_BYTES)
    low = reader.varint() - (1 << 15)
    high = low + reader.varint()
    limits = np.iinfo(dtype)
    if not limits.min <= low <= high <= limits.max:
        raise StreamError(f"a value range of {low} to {high} does not fit into {dtype.name} pixels")
    if low == high:
        return Head(digest, low, high)
    table = reader.take(reader.varint())
    return Head(digest, low, high, table, reader.take(reader.varint()))


def decode_frame(model: Model, frame: Frame, level: int, threads: int) -> np.ndarray:
    """The frame at 1/2**level resolution, (ceil(rows / 2**level), ceil(columns / 2**level)).

    Level 0 is the inverse of `encode_frame`: StreamError unless the digest of the pixels agrees.
    """
    head = frame.head
    shape = loop.reduced(frame.shape, level)
    if head.constant:
        pixels = np.full(shape, head.low, frame.dtype)
    else:
        values = head.values()
        low, high = (head.low, head.high) if values is None else (0, values.size - 1)
        pixels = np.empty(shape, frame.dtype)
        for (rows, columns), chunks in zip(loop.tiles(*frame.shape, frame.grid), frame.tiles):
            size = (rows.stop - rows.start, columns.stop - columns.start)
            decoded = loop.decode_tile(model, head.header, chunks, size, low, high, frame.levels, level, threads)
            row, column = rows.start >> level, columns.start >> level
            part = pixels[row : row + decoded.shape[0], column : column + decoded.shape[1]]
            part[...] = decoded if values is None else values[decoded]
            if part.size < pixels.size:
                memory.release()
    if level == 0 and pixel_digest(pixels) != head.digest:
        raise StreamError("the decoded pixels do not have the checksum the stream carries")
    return pixels
