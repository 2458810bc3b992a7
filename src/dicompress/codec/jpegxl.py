"""JPEG XL by libjxl: files that hold a JPEG (ISO/IEC 18181-2), which are decoded to its bytes, and the size of an image."""

from __future__ import annotations

import os

import numpy as np

from ..errors import StreamError, UnsupportedImageError
from ..limits import check_size

CODESTREAM, PARTIAL_CODESTREAM = b"jxlc", b"jxlp"
SIGNATURE = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
SIZE_BITS = (9, 13, 18, 30)
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # columns to rows
SAMPLES = 3


def is_available() -> bool:
    try:
        import imagecodecs
    except ImportError:  # which a grey stream does without
        return False
    return bool(imagecodecs.JPEGXL.available)


def encode(pixels: np.ndarray, effort: int, threads: int = 0, precision: int | None = None) -> bytes:
    """(rows, columns[, 3 or 4]) of 8 or 16 unsigned bits, without loss. threads: 0 for one a core; they change no byte.

    precision: bits that all values fit in, if they are fewer.
    """
    import imagecodecs

    image, used = np.ascontiguousarray(pixels), threads or os.cpu_count()
    return bytes(imagecodecs.jpegxl_encode(image, lossless=True, effort=effort, bitspersample=precision, numthreads=used))


def decode(data: bytes) -> np.ndarray:
    """Inverse of `encode`. UnsupportedImageError for what is no such image; its size is to be checked before."""
    import imagecodecs

    try:
        return imagecodecs.jpegxl_decode(data)
    except Exception as error:  # imagecodecs' own, ValueError, MemoryError
        raise UnsupportedImageError(f"a JPEG XL frame cannot be decoded: {error}") from None


def from_jpeg(jpeg: bytes) -> bytes:
    """UnsupportedImageError for what JPEG XL does not take, such as a JPEG of 12 bits."""
    import imagecodecs

    try:
        return bytes(imagecodecs.jpegxl_encode_jpeg(jpeg))
    except Exception as error:  # imagecodecs' own, ValueError, MemoryError
        raise UnsupportedImageError(f"JPEG XL does not take this JPEG, which may be of 12 bits: {error}") from None


def to_jpeg(data: bytes) -> bytes:
    """The JPEG, with whatever followed it. StreamError if there is none, or it is damaged; LimitError if it is too large."""
    rows, columns = size(data)
    check_size(1, rows, columns, SAMPLES, 1)
    import imagecodecs

    try:
        return bytes(imagecodecs.jpegxl_decode_jpeg(data))  # type: ignore[call-arg]  # the stub wants `numthreads`, which has a default
    except Exception as error:
        raise StreamError(f"a JPEG XL frame does not give a JPEG: {error}") from None


def check_frame_size(data: bytes, rows: int, columns: int) -> None:
    """UnsupportedImageError unless a frame of JPEG XL says that it is of this size: before anything is decoded."""
    try:
        found = size(data)
    except StreamError as error:
        raise UnsupportedImageError(str(error)) from None
    if found != (rows, columns):
        raise UnsupportedImageError(f"a JPEG XL frame of {found[0]} x {found[1]} pixels, {rows} x {columns} are expected")


def size(data: bytes) -> tuple[int, int]:
    """(rows, columns) of the image in a JPEG XL file or code stream (ISO/IEC 18181-1, SizeHeader). StreamError if it has none."""
    if data.startswith(SIGNATURE):  # a bare code stream
        return _size(int.from_bytes(data[len(SIGNATURE) :][:16], "little"))
    start = 0
    while start + 8 <= len(data):
        length, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        if kind in (CODESTREAM, PARTIAL_CODESTREAM):
            content = data[start + 8 + 4 * (kind == PARTIAL_CODESTREAM) :][:16]
            if content.startswith(SIGNATURE):
                return _size(int.from_bytes(content[len(SIGNATURE) :], "little"))
        if length < 8:  # to the end of the file, or a length of 64 bits, which no frame needs
            break
        start += length
    raise StreamError("a frame is no JPEG XL file")


def _size(bits: int) -> tuple[int, int]:
    def take(count: int) -> int:
        nonlocal bits
        bits, value = bits >> count, bits & ((1 << count) - 1)
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take(SIZE_BITS[take(2)]) + 1

    rows, ratio = side(), take(3)
    if ratio:
        over, under = RATIOS[ratio - 1]
        return rows, rows * over // under
    return rows, side()
