"""The stream around the frames: magic, version, model, shape, frame lengths, CRC-32 (docs/format.md)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import LimitError, StreamError, UnknownModelError
from ..varint import Reader, write_varint

MAGIC = b"DCMP"
VERSION = 1
HASH_BYTES = 8
CRC_BYTES = 4
MAX_PIXELS = 1 << 29  # of a frame, eight times that of a stream; more is refused before memory is asked for
DTYPES = {0: np.dtype("uint8"), 1: np.dtype("int8"), 2: np.dtype("uint16"), 3: np.dtype("int16")}


def check_size(frames: int, rows: int, columns: int) -> None:
    """LimitError if an image is larger than this version handles."""
    if rows * columns > MAX_PIXELS or frames * rows * columns > 8 * MAX_PIXELS:
        raise LimitError(
            f"{frames} x {rows} x {columns} pixels are claimed; the limit is {MAX_PIXELS} a frame, {8 * MAX_PIXELS} in all"
        )


@dataclass(frozen=True)
class Stream:
    """A stream, taken apart. frames: None for a two-dimensional array; frame_data: one bytes object a frame."""

    model_hash: bytes
    dtype: np.dtype
    bits_stored: int
    frames: int | None
    rows: int
    columns: int
    frame_data: list[bytes]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.columns) if self.frames is None else (self.frames, self.rows, self.columns)


def write_stream(stream: Stream) -> bytes:
    kind = next(code for code, dtype in DTYPES.items() if dtype == stream.dtype)
    parts = [MAGIC, bytes([VERSION, kind, stream.bits_stored]), stream.model_hash]
    sizes = (0 if stream.frames is None else stream.frames, stream.rows, stream.columns)
    parts += [write_varint(n) for n in sizes]
    parts += [write_varint(len(d)) for d in stream.frame_data] + stream.frame_data
    body = b"".join(parts)
    return body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")


def read_stream(data: bytes) -> Stream:
    """Inverse of `write_stream`. StreamError, UnknownModelError (version) or LimitError, before any large allocation."""
    reader = Reader(bytes(data))
    if reader.data[: len(MAGIC)] != MAGIC:
        raise StreamError("not a dicompress stream: it does not begin with 'DCMP'")
    reader.take(len(MAGIC))
    version, kind, bits_stored = reader.take(3)
    if version != VERSION:
        raise UnknownModelError(f"stream version {version} is unknown; this dicompress reads version {VERSION}")
    if kind not in DTYPES or not 1 <= bits_stored <= DTYPES[kind].itemsize * 8:
        raise StreamError(f"pixel type {kind} with {bits_stored} bits stored is not possible")
    model_hash = reader.take(HASH_BYTES)
    frames, rows, columns = (reader.varint() for _ in range(3))
    if not rows or not columns:
        raise StreamError(f"an image of {rows} x {columns} pixels is not possible")
    count = frames or 1
    check_size(count, rows, columns)
    if count > len(reader.data):
        raise StreamError(f"the stream claims {count} frames in {len(reader.data)} bytes")
    lengths = [reader.varint() for _ in range(count)]
    frame_data = [reader.take(length) for length in lengths]
    expected = zlib.crc32(reader.data[: reader.position])
    if int.from_bytes(reader.take(CRC_BYTES), "little") != expected:
        raise StreamError("the stream is damaged: its CRC-32 does not agree")
    if reader.data[reader.position :] != b"\0":  # DICOM pads items to an even length
        reader.finish()
    return Stream(model_hash, DTYPES[kind], bits_stored, frames or None, rows, columns, frame_data)
