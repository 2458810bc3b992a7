"""Values of 32 and 64 bits as a stream: doses, parametric maps.

A map gives each value of an image an index (`valuemaps`). The highest bits of the indices are an image of 8 or 16 bits, which is a stream
of another kind; those below are coded knowing them (docs/format.md, "Values of 32 and 64 bits").
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from ..errors import LimitError, StreamError, UnsupportedImageError
from ..limits import check_size
from ..models import AnyModel
from ..native import lows
from ..varint import Reader, write_varint
from . import jpegxl, labels, modelled, wrapped, zstandard
from .info import StreamInfo, array_shape, sizes
from .valuemaps import ValueMap
from .words import WIDE, values_of

MARK = b"DCXW"
REVISION = 1  # of what codes low bits
FRAMES, SAMPLES = 4, 3  # flags: type in the two lowest bits, an axis of frames, then samples - 1 in the bits from SAMPLES on
CRC_BYTES = 4
PACKED, PLANES, JPEG_XL = 0, 1, 2  # how a picture is coded
HIGH_BITS, MOST_LOW = 16, 48
COPIES = 6  # of 64 bits a value, that decoding takes at most


@dataclass(frozen=True)
class Wide:
    """What the head says. stacked: frames that make up a picture, one below the other. lengths: bytes of each picture."""

    shape: tuple[int, int, int, int]  # frames, rows, columns, samples
    stacked: int
    dtype: np.dtype
    bits_stored: int
    has_frames: bool
    head: bytes
    maps: list[bytes]
    lengths: list[int]
    decoded: dict[int, ValueMap] = field(default_factory=dict)  # maps, as they are needed

    @property
    def start(self) -> int:
        """Of the first picture."""
        return len(self.head)

    @property
    def size(self) -> int:
        return self.start + sum(self.lengths)

    @property
    def array_shape(self) -> tuple[int, ...]:
        return array_shape(self.shape, self.has_frames)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return self.array_shape[self.has_frames :]

    def picture_shape(self, number: int) -> tuple[int, ...]:
        """Of the last one there may be fewer frames."""
        rows, *rest = self.frame_shape
        return rows * min(self.stacked, self.shape[0] - number * self.stacked), *rest

    def map(self, number: int) -> ValueMap:
        """StreamError if it is damaged, or not there."""
        if number >= len(self.maps):
            raise StreamError(f"a picture of map {number} of {len(self.maps)}")
        if number not in self.decoded:
            self.decoded[number] = ValueMap.decode(self.maps[number], self.dtype)
        return self.decoded[number]


@dataclass(frozen=True)
class Planes:
    """How a picture is coded: by which map, how many bits are low ones, the stream of the high ones, and the low ones.

    before: bytes in front of the stream of the high ones.
    """

    number: int
    low_bits: int
    before: int
    high: bytes
    low: bytes

    @classmethod
    def read(cls, chunk: bytes) -> Planes:
        """A picture, which may be cut. StreamError if it is coded in another way."""
        reader = Reader(chunk)
        if reader.take(1)[0] != PLANES:
            raise StreamError("a picture that is coded in a way which this version does not know")
        number, low_bits, length = reader.varint(), reader.take(1)[0], reader.varint()
        if low_bits > MOST_LOW:
            raise StreamError(f"{low_bits} low bits")
        stop = reader.position + length
        return cls(number, low_bits, reader.position, chunk[reader.position : stop], chunk[stop:])


def planes(number: int, low_bits: int, high: bytes, low: bytes) -> bytes:
    """A picture by map `number`, without its CRC-32."""
    return bytes([PLANES]) + write_varint(number) + bytes([low_bits]) + write_varint(len(high)) + high + low


def packed(pixels: np.ndarray) -> bytes:
    """A picture by Zstandard, without its CRC-32."""
    return bytes([PACKED]) + zstandard.pack(pixels.reshape(-1).view(f"u{pixels.itemsize}"))


def pictured(pixels: np.ndarray, effort: int, threads: int = 0) -> bytes | None:
    """A picture of floats of 32 bits by JPEG XL, without its CRC-32; None where that is not there, or does not give back each bit."""
    if pixels.dtype != np.float32 or pixels.shape[-1] > 1 or not jpegxl.is_available():
        return None
    data = jpegxl.encode(pixels[..., 0], effort, threads)
    return bytes([JPEG_XL]) + data if np.array_equal(jpegxl.decode(data).view("u4"), pixels[..., 0].view("u4")) else None


def stack(pixels: np.ndarray, stacked: int) -> list[np.ndarray]:
    """(frames, rows, columns[, samples]) as pictures, of so many frames each."""
    return [p.reshape(-1, *p.shape[2:]) for p in (pixels[k : k + stacked] for k in range(0, len(pixels), stacked))]


def joined(
    pixels: np.ndarray, stacked: int, bits_stored: int, has_frames: bool, maps: Sequence[bytes], pictures: Sequence[bytes]
) -> bytes:
    """The stream of (frames, rows, columns, samples); pictures: as `planes` and `packed` give them."""
    count, rows, columns, samples = pixels.shape
    flags = WIDE.index(pixels.dtype) | FRAMES * has_frames | samples - 1 << SAMPLES
    numbers = [*([count, stacked] if has_frames else []), rows, columns, len(maps)]
    numbers += [*map(len, maps), *(CRC_BYTES + len(picture) for picture in pictures)]
    head = MARK + bytes([REVISION, flags, bits_stored]) + b"".join(map(write_varint, numbers)) + b"".join(maps)
    return head + b"".join(_crc(head, values) + picture for values, picture in zip(stack(pixels, stacked), pictures))


def read(data: bytes | memoryview, whole: bool = True) -> Wide:
    """The head. StreamError if it is damaged or, if the `whole` stream is to be there, cut; LimitError."""
    reader = Reader(bytes(data))
    reader.take(len(MARK))
    revision, flags, bits_stored = reader.take(3)
    samples = (flags >> SAMPLES) + 1
    if revision != REVISION or samples > 4:
        raise StreamError(f"a stream of revision {revision} and {samples} samples a pixel, which this version does not know")
    dtype = WIDE[flags & 3]
    frames, stacked = (reader.varint(), reader.varint()) if flags & FRAMES else (1, 1)
    rows, columns, maps = reader.varint(), reader.varint(), reader.varint()
    if not 1 <= bits_stored <= 8 * dtype.itemsize or not frames * rows * columns or not 1 <= stacked <= frames:
        raise StreamError(f"{frames} x {rows} x {columns} pixels of {bits_stored} bits, {stacked} frames a picture, are not possible")
    pictures = -(-frames // stacked)
    if pictures > len(reader.data) or maps > len(reader.data):
        raise LimitError(f"{pictures} pictures and {maps} maps cannot be in {len(reader.data)} bytes")
    check_size(frames, rows, columns, samples, dtype.itemsize)
    check_size(1, stacked * rows, columns, samples, 8 * COPIES)
    map_lengths = [reader.varint() for _ in range(maps)]
    lengths = [reader.varint() for _ in range(pictures)]
    found = [reader.take(length) for length in map_lengths]
    shape, head = (frames, rows, columns, samples), reader.data[: reader.position]
    facts = Wide(shape, stacked, dtype, bits_stored, bool(flags & FRAMES), head, found, lengths)
    left = len(reader.data) - facts.size
    if left < 0 and whole:
        raise StreamError(f"the data ends at byte {len(reader.data)}, {-left} bytes before the last picture does")
    if min(lengths) <= CRC_BYTES:
        raise StreamError("a picture of no bytes")
    if left > 0 and reader.data[facts.size :] != b"\0":
        raise StreamError(f"{left} bytes left over at the end")
    return facts


def decode(
    data: bytes | memoryview,
    *,
    frame: int | None = None,
    level: int = 0,
    references: Sequence[np.ndarray] = (),
    model: AnyModel | None = None,
    threads: int = 0,
) -> np.ndarray:
    """As `codec.decode`; no stream leans on references."""
    facts = read(data, whole=not level)
    if frame is not None and not 0 <= frame < facts.shape[0]:
        raise IndexError(f"frame {frame} of {facts.shape[0]}")
    if len(references):
        raise ValueError("the stream leans on no references")
    if level:
        levels = _levels(data, facts)
        if not 0 <= level < len(levels):
            raise ValueError(f"level {level} of {len(levels) - 1}")
        found = _at_level(data, facts, level, model, threads)
        return found[None] if facts.has_frames and frame is None else found
    first, last = (0, len(facts.lengths) - 1) if frame is None else (frame // facts.stacked,) * 2
    start = facts.start + sum(facts.lengths[:first])
    pictures = []
    for number in range(first, last + 1):
        chunk = bytes(data[start : start + facts.lengths[number]])
        values = _picture(chunk[CRC_BYTES:], facts, facts.picture_shape(number), model, threads)
        if _crc(facts.head, values) != chunk[:CRC_BYTES]:
            raise StreamError("the pixels do not have the checksum of the original ones")
        pictures.append(values.reshape(-1, *facts.frame_shape))
        start += len(chunk)
    pixels = pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
    if frame is not None:
        one: np.ndarray = pixels[frame % facts.stacked]
        return one
    return pixels if facts.has_frames else pixels[0]


def _picture(chunk: bytes, facts: Wide, shape: tuple[int, ...], model: AnyModel | None, threads: int) -> np.ndarray:
    if chunk[0] == PACKED:
        bits = zstandard.unpack(chunk[1:], math.prod(shape), np.dtype(f"u{facts.dtype.itemsize}"))
        return bits.view(facts.dtype).reshape(shape)
    if chunk[0] == JPEG_XL:
        return _decoded(chunk[1:], facts, shape)
    coded = Planes.read(chunk)
    high = _high(coded, facts, shape, 0, model, threads)
    indices = high.astype(np.uint64)
    if coded.low_bits:
        low = lows.decode(coded.low, rows_of(high).astype(np.uint16, copy=False), coded.low_bits)
        indices = indices << np.uint64(coded.low_bits) | from_rows(low, shape)
    elif coded.low:
        raise StreamError("low bits of values that have none")
    return values_of(facts.map(coded.number).words(indices, facts.dtype), facts.dtype)


def _decoded(data: bytes, facts: Wide, shape: tuple[int, ...]) -> np.ndarray:
    """What JPEG XL holds. StreamError if that is another picture."""
    try:
        jpegxl.check_frame_size(data, *shape[:2])
        found = jpegxl.decode(data)
    except UnsupportedImageError as error:
        raise StreamError(f"damaged: {error}") from None
    if (found.dtype, found.shape) != (facts.dtype, shape):
        raise StreamError(f"JPEG XL holds {found.dtype} {found.shape}, the head says {facts.dtype} {shape}")
    return found


def _high(coded: Planes, facts: Wide, shape: tuple[int, ...], level: int, model: AnyModel | None, threads: int) -> np.ndarray:
    """The high bits of all indices. StreamError if they are another image than the map says."""
    kind = _kind(coded.high)
    if kind.layout(coded.high) != (shape, high_type(facts.map(coded.number).count, coded.low_bits)):
        raise StreamError("the image of the high bits is another than the head says")
    found: np.ndarray = kind.decode(coded.high, level=level, model=model, threads=threads)
    return found


def high_type(count: int, low_bits: int) -> np.dtype:
    """Of the image of the high bits of `count` indices. StreamError if they do not fit."""
    bits = (count - 1 >> low_bits).bit_length()
    if bits > HIGH_BITS:
        raise StreamError(f"{bits} high bits of values")
    return np.dtype(np.uint8 if bits <= 8 else np.uint16)


def _kind(data: bytes) -> ModuleType:
    """What reads the image of the high bits."""
    return next((kind for kind in (wrapped, labels) if data.startswith(kind.MARK)), modelled)


def rows_of(values: np.ndarray) -> np.ndarray:
    """(rows, columns[, samples]) as rows of one sample after another: (samples * rows, columns)."""
    planes = np.moveaxis(values, -1, 0) if values.ndim > 2 else values
    return np.ascontiguousarray(planes).reshape(-1, values.shape[1])


def from_rows(rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Inverse of `rows_of`."""
    return np.moveaxis(rows.reshape(shape[2], *shape[:2]), 0, -1) if len(shape) > 2 else rows.reshape(shape)


def inspect(data: bytes | memoryview) -> StreamInfo:
    """As `codec.inspect`."""
    facts = read(data, whole=False)
    chunk = bytes(data[facts.start + CRC_BYTES : facts.start + facts.lengths[0]])
    model, model_hash = "JPEG XL" if chunk[:1] == bytes([JPEG_XL]) else "Zstandard", ""
    if chunk[:1] == bytes([PLANES]):
        high = Planes.read(chunk).high
        inner = _kind(high).inspect(high)
        model, model_hash = inner.model or "", inner.model_hash
    starts = [facts.start + sum(facts.lengths[:k]) for k in range(len(facts.lengths))]
    return StreamInfo(
        **sizes(facts.shape, 8 * facts.dtype.itemsize, facts.bits_stored, _levels(data, facts)),
        signed=facts.dtype.kind != "u",
        model=model,
        model_hash=model_hash,
        checksums=[bytes(data[start : start + CRC_BYTES]).hex() for start in starts],
    )


def _levels(data: bytes | memoryview, facts: Wide) -> list[int]:
    """Bytes that each level takes: of one frame without low bits those of its image, else that of the whole alone."""
    chunk = bytes(data[facts.start + CRC_BYTES : facts.start + facts.lengths[0]])
    if facts.shape[0] > 1 or chunk[:1] != bytes([PLANES]):
        return [facts.size]
    coded = Planes.read(chunk)
    if coded.low_bits:
        return [facts.size]
    before = facts.start + CRC_BYTES + coded.before
    return [facts.size, *(before + count for count in _kind(coded.high).inspect(coded.high).level_bytes[1:])]


def _at_level(data: bytes | memoryview, facts: Wide, level: int, model: AnyModel | None, threads: int) -> np.ndarray:
    """One frame without low bits. Its CRC-32 is of the whole; those of the stream of the high bits vouch for it."""
    coded = Planes.read(bytes(data[facts.start + CRC_BYTES : facts.size]))
    high = _high(coded, facts, facts.frame_shape, level, model, threads)
    return values_of(facts.map(coded.number).words(high.astype(np.uint64), facts.dtype), facts.dtype)


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """As `codec.layout`."""
    facts = read(data, whole=False)
    return facts.array_shape, facts.dtype


def _crc(head: bytes, pixels: np.ndarray) -> bytes:
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return zlib.crc32(little.view(np.uint8).data, zlib.crc32(head)).to_bytes(CRC_BYTES, "little")
