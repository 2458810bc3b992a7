"""One frame: value range, packing table, model header, tiles, and a digest of the pixels (docs/format.md)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ..errors import StreamError
from ..models import Model
from ..varint import Reader, write_varint
from . import loop
from .packing import read_table, sparse_values, write_table

DIGEST_BYTES = 8


@dataclass(frozen=True)
class Frame:
    """A frame, taken apart. low, high: the pixel values' range; values: the table of a sparse histogram, if any."""

    digest: bytes
    low: int
    high: int
    values: np.ndarray | None
    header: bytes
    tiles: list[bytes]


def pixel_digest(pixels: np.ndarray) -> bytes:
    """The first 8 bytes of the SHA-256 of rows, columns and the pixels, little-endian, as stored."""
    rows, columns = pixels.shape
    content = hashlib.sha256(f"{pixels.dtype.kind}{pixels.dtype.itemsize} {rows} {columns} ".encode())
    content.update(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
    return content.digest()[:DIGEST_BYTES]


def encode_frame(model: Model, pixels: np.ndarray, threads: int) -> bytes:
    """(rows, columns) integers of 8 or 16 bits -> bytes."""
    low, high = int(pixels.min()), int(pixels.max())
    head = pixel_digest(pixels) + write_varint(low + (1 << 15)) + write_varint(high - low)
    if low == high:
        return head
    values = sparse_values(pixels)
    table = b"" if values is None else write_table(values)
    packed = pixels.astype(np.int32) if values is None else np.searchsorted(values, pixels).astype(np.int32)
    if values is not None:
        low, high = 0, values.size - 1
    header = model.header(packed, low, high)
    coded = [
        loop.encode_tile(model, header, np.ascontiguousarray(packed[tile]), low, high, threads)
        for tile in loop.tiles(*pixels.shape)
    ]
    parts = [head, write_varint(len(table)), table, write_varint(len(header)), header]
    return b"".join([*parts, *(write_varint(len(c)) for c in coded), *coded])


def parse_frame(data: bytes, dtype: np.dtype, shape: tuple[int, int]) -> Frame:
    """Take a frame apart without decoding it. StreamError if it is none of this type and shape."""
    reader = Reader(data)
    digest = reader.take(DIGEST_BYTES)
    low = reader.varint() - (1 << 15)
    high = low + reader.varint()
    limits = np.iinfo(dtype)
    if not limits.min <= low <= high <= limits.max:
        raise StreamError(f"a value range of {low} to {high} does not fit into {dtype.name} pixels")
    if low == high:
        reader.finish()
        return Frame(digest, low, high, None, b"", [])
    table = reader.take(reader.varint())
    try:
        values = read_table(table, low, high) if table else None
    except ValueError as error:
        raise StreamError(f"damaged packing table: {error}") from None
    header = reader.take(reader.varint())
    count = loop.count_tiles(*shape)
    if count > len(data):
        raise StreamError(f"{len(data)} bytes cannot hold {shape[0]} x {shape[1]} pixels")
    lengths = [reader.varint() for _ in range(count)]
    coded = [reader.take(length) for length in lengths]
    reader.finish()
    return Frame(digest, low, high, values, header, coded)


def decode_frame(model: Model, data: bytes, dtype: np.dtype, shape: tuple[int, int], threads: int) -> np.ndarray:
    """Inverse of `encode_frame`; StreamError unless the digest of the pixels agrees."""
    frame = parse_frame(data, dtype, shape)
    if frame.low == frame.high:
        pixels = np.full(shape, frame.low, dtype)
    else:
        low, high = (frame.low, frame.high) if frame.values is None else (0, frame.values.size - 1)
        pixels = np.empty(shape, dtype)
        for tile, coded in zip(loop.tiles(*shape), frame.tiles):
            part = pixels[tile]
            decoded = loop.decode_tile(model, frame.header, coded, part.shape, low, high, threads)
            part[...] = decoded if frame.values is None else frame.values[decoded]
    if pixel_digest(pixels) != frame.digest:
        raise StreamError("the decoded pixels do not have the checksum the stream carries")
    return pixels
