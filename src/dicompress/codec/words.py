"""Integers and floats of 32 and 64 bits as unsigned words that ascend as they do, and back: every bit comes back."""

from __future__ import annotations

import numpy as np

WIDE = tuple(np.dtype(name) for name in ("uint32", "int32", "float32", "float64"))


def words_of(values: np.ndarray) -> np.ndarray:
    """uint64 of any shape. Floats by sign and magnitude, so that minus zero is just below zero and NaNs lie at both ends."""
    bits = np.ascontiguousarray(values).view(f"u{values.itemsize}")
    top = bits.dtype.type(1 << 8 * values.itemsize - 1)
    if values.dtype.kind == "f":
        bits = np.where(bits & top, ~bits, bits | top)
    elif values.dtype.kind == "i":
        bits = bits ^ top
    return bits.astype(np.uint64)


def values_of(words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Inverse of `words_of`."""
    bits = words.astype(f"u{dtype.itemsize}")
    top = bits.dtype.type(1 << 8 * dtype.itemsize - 1)
    if dtype.kind == "f":
        bits = np.where(bits & top, bits & ~top, ~bits)
    elif dtype.kind == "i":
        bits = bits ^ top
    return bits.view(dtype)
