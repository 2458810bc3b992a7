"""JPEG XL as a stream: drawings, and colour that it codes in fewer bytes than the model.

A head says what the array was, as JPEG XL does not of signed samples or frames; behind it stand JPEG XL images, one a frame, and
before each of them the CRC-32 of its pixels, as JPEG XL has no checksum (docs/format.md, "JPEG XL").
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..errors import LimitError, StreamError, UnsupportedImageError
from ..limits import check_size
from ..varint import Reader, write_varint
from . import jpegxl
from .info import StreamInfo, array_shape, sizes

MARK = b"DCXL"
EFFORT, HIGHEST = 7, 9
SMALL = 1 << 12  # bytes of an image, up to which a head of twenty tells, so that the highest effort is worth it
QUICK = 1 << 20  # pixels of a frame, up to which that takes little time
FLAT = 0.5  # share of pixels that repeat their neighbours, from which a grey image is looked at
PIECE = 256  # rows and columns in the middle, which tell of the rest
SIGNED, WIDE, FRAMES, SAMPLES = 1, 2, 4, 3  # flags: a bit each, then samples - 1 in the bits from SAMPLES on
CRC_BYTES = 4


@dataclass(frozen=True)
class Wrapped:
    """has_frames: whether the array had an axis of frames. lengths: bytes of each frame, its CRC-32 included."""

    shape: tuple[int, int, int, int]  # frames, rows, columns, samples
    dtype: np.dtype
    bits_stored: int
    has_frames: bool
    head: bytes
    lengths: list[int]
    checksums: list[bytes]

    @property
    def size(self) -> int:
        return len(self.head) + sum(self.lengths)

    @property
    def array_shape(self) -> tuple[int, ...]:
        return array_shape(self.shape, self.has_frames)


def encode(pixels: np.ndarray, effort: int, threads: int, bits_stored: int = 0, has_frames: bool = False) -> bytes:
    """(frames, rows, columns, samples) of 8 or 16 bits. bits_stored: 0 for all."""
    return _joined(pixels, [jpegxl.encode(_frame(p), effort, threads) for p in pixels], bits_stored, has_frames)


def smaller(pixels: np.ndarray, stream: bytes, threads: int, bits_stored: int, has_frames: bool) -> bytes:
    """`stream`, or JPEG XL where that takes fewer bytes, of what it may: colour, grey that is mostly flat, and 8 bits that may be a palette's.

    pixels: (frames, rows, columns, samples).
    """
    if not jpegxl.is_available() or (pixels.shape[-1] == 1 and not _may_win(pixels, len(stream) / pixels.size, threads)):
        return stream
    images: list[bytes] = []
    for frame in pixels:
        image = jpegxl.encode(_frame(frame), EFFORT, threads)
        if len(image) <= SMALL and frame.shape[0] * frame.shape[1] <= QUICK:
            image = min(image, jpegxl.encode(_frame(frame), HIGHEST, threads), key=len)
        images.append(image)
        if sum(map(len, images)) >= len(stream):
            return stream
    return min(stream, _joined(pixels, images, bits_stored, has_frames), key=len)


def _may_win(pixels: np.ndarray, rate: float, threads: int) -> bool:
    """Of grey; by its look, or, with 8 bits, by what JPEG XL takes of the middle. rate: bytes a pixel of the model's stream."""
    frame = pixels[len(pixels) // 2]
    if looks_drawn(frame) or frame.dtype.itemsize > 1:
        return looks_drawn(frame)
    piece = middle(frame)
    return len(jpegxl.encode(_frame(piece), EFFORT, threads)) < rate * piece.size


def looks_drawn(frame: np.ndarray) -> bool:
    """Whether a grey frame, (rows, columns[, 1]), is mostly flat; a signed one in its middle, too, as CT is often padded."""
    return _is_flat(frame) and (frame.dtype.kind == "u" or _is_flat(middle(frame)))


def _is_flat(frame: np.ndarray) -> bool:
    """Whether most of its pixels repeat those above and to the left."""
    inner = frame[1:, 1:]
    return bool(inner.size) and float(np.mean((inner == frame[:-1, 1:]) & (inner == frame[1:, :-1]))) >= FLAT


def middle(frame: np.ndarray) -> np.ndarray:
    """At most PIECE rows and columns."""
    row, column = (max(0, (side - PIECE) // 2) for side in frame.shape[:2])
    return np.ascontiguousarray(frame[row : row + PIECE, column : column + PIECE])


def read(stream: bytes | memoryview) -> Wrapped:
    """The head. StreamError if it is damaged or the stream is cut; LimitError."""
    reader = Reader(bytes(stream))
    reader.take(len(MARK))
    flags, bits_stored = reader.take(2)
    frames = reader.varint() if flags & FRAMES else 1
    rows, columns, samples = reader.varint(), reader.varint(), (flags >> SAMPLES) + 1
    dtype = np.dtype(("i" if flags & SIGNED else "u") + ("2" if flags & WIDE else "1"))
    if not 1 <= bits_stored <= 8 * dtype.itemsize or samples > 4 or not frames * rows * columns:
        raise StreamError(f"{frames} x {rows} x {columns} pixels of {samples} samples of {bits_stored} bits are not possible")
    if frames > len(reader.data):
        raise LimitError(f"{frames} frames cannot be in {len(reader.data)} bytes")
    check_size(frames, rows, columns, samples, dtype.itemsize)
    lengths = [reader.varint() for _ in range(frames)]
    head = reader.data[: reader.position]
    left = len(reader.data) - len(head) - sum(lengths)
    if left < 0:
        raise StreamError(f"the data ends at byte {len(reader.data)}, {-left} bytes before the last frame does")
    if reader.data[len(reader.data) - left :] not in (b"", b"\0"):
        raise StreamError(f"{left} bytes left over at the end")
    starts = accumulate(lengths[:-1], initial=len(head))
    checksums = [reader.data[start : start + CRC_BYTES] for start in starts]
    return Wrapped((frames, rows, columns, samples), dtype, bits_stored, bool(flags & FRAMES), head, lengths, checksums)


def decode(data: bytes | memoryview, *, frame: int | None = None, level: int = 0, **_: object) -> np.ndarray:
    """The array, or one frame of it (rows, columns[, samples]). StreamError if it is damaged; LimitError; IndexError, ValueError."""
    if level:
        raise ValueError(f"level {level} of 0: JPEG XL has the whole image only")
    facts = read(data)
    if frame is not None and not 0 <= frame < facts.shape[0]:
        raise IndexError(f"frame {frame} of {facts.shape[0]}")
    first, count = (0, facts.shape[0]) if frame is None else (frame, 1)
    start = len(facts.head) + sum(facts.lengths[:first])
    found = np.empty((count, *facts.shape[1:]), facts.dtype)
    for pixels, length in zip(found, facts.lengths[first:]):
        _decode(bytes(data[start : start + length]), facts, pixels)
        start += length
    shape = facts.array_shape
    return found.reshape(shape if frame is None else shape[facts.has_frames :])


def inspect(data: bytes | memoryview) -> StreamInfo:
    """As `codec.inspect`."""
    facts = read(data)
    return StreamInfo(
        **sizes(facts.shape, 8 * facts.dtype.itemsize, facts.bits_stored, [facts.size]),
        signed=facts.dtype.kind == "i",
        model="JPEG XL",
        checksums=[checksum.hex() for checksum in facts.checksums],
    )


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """As `codec.layout`."""
    facts = read(data)
    return facts.array_shape, facts.dtype


def _decode(data: bytes, facts: Wrapped, pixels: np.ndarray) -> None:
    image = data[CRC_BYTES:]
    try:
        jpegxl.check_frame_size(image, *facts.shape[1:3])
        found = jpegxl.decode(image)
    except UnsupportedImageError as error:
        raise StreamError(str(error)) from None
    words = pixels.view(f"u{pixels.itemsize}")
    if found.size != words.size or found.dtype != words.dtype:
        raise StreamError(f"a JPEG XL image of {found.dtype} {found.shape}, {words.dtype} {words.shape} is expected")
    words[...] = _turned(found.reshape(words.shape), pixels.dtype)
    if _crc(facts.head, pixels) != data[:CRC_BYTES]:
        raise StreamError("the pixels do not have the checksum of the original ones")


def _joined(pixels: np.ndarray, images: Sequence[bytes], bits_stored: int, has_frames: bool) -> bytes:
    frames, rows, columns, samples = pixels.shape
    flags = SIGNED * (pixels.dtype.kind == "i") | WIDE * (pixels.itemsize == 2) | FRAMES * has_frames | samples - 1 << SAMPLES
    sizes = [*([frames] if has_frames else []), rows, columns, *(CRC_BYTES + len(image) for image in images)]
    head = MARK + bytes([flags, bits_stored or 8 * pixels.itemsize]) + b"".join(map(write_varint, sizes))
    return head + b"".join(_crc(head, frame) + image for frame, image in zip(pixels, images))


def _frame(pixels: np.ndarray) -> np.ndarray:
    """As JPEG XL takes it: unsigned, (rows, columns[, samples])."""
    words = _turned(pixels.view(f"u{pixels.itemsize}"), pixels.dtype)
    return words if words.shape[-1] > 1 else words[..., 0]


def _turned(words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The bits of signed values with the sign bit inverted, so that they ascend, and back."""
    return words ^ words.dtype.type(1 << 8 * dtype.itemsize - 1) if dtype.kind == "i" else words


def _crc(head: bytes, pixels: np.ndarray) -> bytes:
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return zlib.crc32(little.data, zlib.crc32(head)).to_bytes(CRC_BYTES, "little")
