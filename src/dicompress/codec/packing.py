"""Sparse histograms: where most values between the smallest and the largest never occur, code ranks instead.

Digitised films and rescaled images use every 2nd, 16th or 257th value only; a codec that does not know it pays for
the gaps at every pixel.
"""

from __future__ import annotations

import zlib

import numpy as np

from .bound import Runs, apart, rank_near

WIDE_GAP = 32  # values; beside padding, for instance


def sparse_values(image: np.ndarray, near: int = 0, exact: Runs = ()) -> np.ndarray | None:
    """The sorted values of `image` (integers, any shape) if coding ranks is worth the table, else None.

    near, exact: the error allowed in values and where it is not; ranks may allow less. Where that would cost more than it
    gains, gaps between exact values and the others may still be left out: then all values between the others are listed.
    """
    low = int(image.min())
    histogram = np.bincount((image.ravel().astype(np.int64) - low))
    values = np.flatnonzero(histogram)
    if values.size < 2 or values.size == histogram.size:
        return None
    values, lost_bits = values + low, 0.0
    if near:
        lost_bits = image.size * float(np.log2((2 * near + 1) / (2 * rank_near(values, near, exact) + 1)))
    gained_bits = sum(_gained_bits(histogram, run, low) for run in apart(values, exact)) - lost_bits
    if gained_bits > 1.1 * 8 * len(write_table(values)):
        return values
    others = np.concatenate(apart(values, exact))
    if not near or not others.size:
        return None
    listed = np.union1d(values, np.arange(others[0], others[-1] + 1))
    return listed if histogram.size - listed.size >= WIDE_GAP else None


def _gained_bits(histogram: np.ndarray, values: np.ndarray, low: int) -> float:
    """What the gaps between the values cost a coder that does not know of them."""
    if values.size < 2:
        return 0.0
    gaps = np.diff(values)
    gap = (np.append(gaps, gaps[-1]) + np.insert(gaps, 0, gaps[0])) / 2
    return float(histogram[values - low] @ np.log2(gap))


def write_table(values: np.ndarray) -> bytes:
    """Sorted values, as a deflated bit map of the range between the first and the last."""
    used = np.zeros(int(values[-1] - values[0]) + 1, np.uint8)
    used[values - values[0]] = 1
    return zlib.compress(np.packbits(used).tobytes(), 9)


def read_table(data: bytes, low: int, high: int) -> np.ndarray:
    """Inverse of `write_table` (int64, sorted). ValueError if `data` is no table of the range low..high."""
    span = high - low + 1
    engine = zlib.decompressobj()
    try:
        bits = engine.decompress(data, (span + 7) // 8 + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(bits) != (span + 7) // 8 or not engine.eof or engine.unused_data:
        raise ValueError("the table of values has the wrong length")
    values = np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8), count=span)) + low
    if values.size < 2 or values[0] != low or values[-1] != high:
        raise ValueError("the table of values does not span its range")
    return values
