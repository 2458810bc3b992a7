"""A frame in JPEG XL inside our own transfer syntax: what is drawn, but in YBR_FULL, YBR_FULL_422 or signed.

Readers of JPEG XL Lossless take its samples for grey or RGB, none of them negative, so they would show these wrongly. An item
is MARK, the CRC-32 of the pixels as little-endian bytes, as JPEG XL has no checksum, and a JPEG XL image of the samples; those
of signed pixels with the sign bit inverted, so that they ascend.
"""

from __future__ import annotations

import zlib

import numpy as np

from ..errors import StreamError, UnsupportedImageError
from . import jpegxl
from .pixels import HALVED, PixelLayout, little_endian

MARK = b"DCXL"
CRC_BYTES = 4
START = len(MARK) + CRC_BYTES


def is_wrapped(stream: bytes | memoryview) -> bool:
    return bytes(stream[: len(MARK)]) == MARK


def encode(pixels: np.ndarray, effort: int, threads: int) -> bytes:
    """`image.frame_shape`, integers of 8 or 16 bits."""
    return MARK + _crc(pixels) + jpegxl.encode(_turned(pixels), effort, threads)


def decode(stream: bytes | memoryview, image: PixelLayout, name: str = "the frame") -> np.ndarray:
    """`image.frame_shape`. StreamError if it is damaged, or not what the elements say; LimitError."""
    data = bytes(stream)
    rows, columns, *samples = image.frame_shape
    try:
        jpegxl.check_frame_size(data[START:], rows, columns)
        found = jpegxl.decode(data[START:])
    except UnsupportedImageError as error:
        raise StreamError(f"{name}: {error}") from None
    if found.shape != image.frame_shape or found.dtype != np.dtype(f"u{image.dtype.itemsize}"):
        raise StreamError(f"{name} is {found.dtype} {found.shape}, the elements say {image.dtype} {image.frame_shape}")
    pixels = _turned(found.view(image.dtype)).view(image.dtype)
    if _crc(pixels) != data[len(MARK) : START]:
        raise StreamError(f"{name} does not have the checksum of the original one")
    return pixels


def is_halved(stream: bytes | memoryview, image: PixelLayout) -> bool:
    """Whether pairs of pixels share their colour, whatever the elements say by now. StreamError if it has no size."""
    return image.interpretation == HALVED or jpegxl.size(bytes(stream[START:]))[1] * 2 == image.columns


def _turned(pixels: np.ndarray) -> np.ndarray:
    """Unsigned; signed ones with their sign bit inverted, and back."""
    words = pixels.view(f"u{pixels.itemsize}")
    return words ^ words.dtype.type(1 << 8 * words.itemsize - 1) if pixels.dtype.kind == "i" else words


def _crc(pixels: np.ndarray) -> bytes:
    return zlib.crc32(little_endian(pixels)).to_bytes(CRC_BYTES, "little")
