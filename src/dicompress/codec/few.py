"""Bitmaps and images of few values in the fewest bytes: as labels, or in JPEG XL."""

from __future__ import annotations

import numpy as np

from . import jpegxl, labels, wrapped

FEW = 32  # values, up to which an image is tried whatever it looks like
SURE = 1 / 2, 1 / 4  # bits a pixel below which no model takes less: of few values, of more
NEAR = 1.25  # of the labels' bytes: from which JPEG XL's highest effort may take fewer


def coded(pixels: np.ndarray, threads: int, bits_stored: int, has_frames: bool) -> bytes | None:
    """(frames, rows, columns), bool or integers, as labels. None for more values than they are of, or what looks photographed."""
    table = labels.table_of(pixels)
    if table is None or (len(table) > FEW and not wrapped.looks_drawn(pixels[len(pixels) // 2])):
        return None
    return labels.encode(pixels, table, threads, bits_stored, has_frames)


def is_sure(stream: bytes, pixels: np.ndarray) -> bool:
    """Whether labels take so little that no model need be tried."""
    return 8 * len(stream) < SURE[len(labels.read(stream).table) > FEW] * pixels.size


def may_lose(stream: bytes, pixels: np.ndarray) -> bool:
    """Whether JPEG XL may take fewer bytes, judged by single frames, of which labels take more than of all together."""
    if pixels.dtype == np.bool_ or not jpegxl.is_available():
        return False
    some = pixels[sorted({0, len(pixels) // 2, len(pixels) - 1})]
    several = len(some) < len(pixels)
    alone = len(labels.encode(some, labels.read(stream).table, 1)) if several else NEAR * len(stream)
    return len(wrapped.encode(some[..., None], wrapped.EFFORT, 1)) < alone


def smaller(pixels: np.ndarray, stream: bytes, threads: int, bits_stored: int, has_frames: bool) -> bytes:
    """`stream`, or JPEG XL where that takes fewer bytes. pixels: (frames, rows, columns)."""
    if not may_lose(stream, pixels):
        return stream
    four = pixels[..., None]
    usual = wrapped.encode(four, wrapped.EFFORT, threads, bits_stored, has_frames)
    if len(usual) > NEAR * len(stream):
        return stream
    highest = wrapped.encode(four, wrapped.HIGHEST, threads, bits_stored, has_frames)
    return min(stream, usual, highest, key=len)
