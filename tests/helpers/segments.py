"""Segments as arrays: bodies that change from slice to slice, and labels of several."""

from __future__ import annotations

import numpy as np


def bodies(frames: int = 20, rows: int = 90, columns: int = 101, seed: int = 0) -> np.ndarray:
    """(frames, rows, columns) bool: two ellipses with a rough edge, which move and grow."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    found = []
    for k in range(frames):
        first = np.hypot((y - rows * 0.4 - 0.4 * k) / 1.3, x - columns * 0.4 + 0.3 * k)
        second = np.hypot(y - rows * 0.8, (x - columns * 0.8) * 0.7)
        edge = rng.random((rows, columns))
        found.append((first + edge < 14 + 0.3 * k) | (second + edge < 6))
    return np.stack(found)


def labels(frames: int = 20, dtype: str = "uint8", values: tuple[int, ...] = (0, 1, 2, 7)) -> np.ndarray:
    """(frames, rows, columns) of these values."""
    masks = [bodies(frames, seed=k) & (np.arange(101) > 12 * k) for k in range(len(values))]
    found = np.full(masks[0].shape, values[0], dtype)
    for value, mask in zip(values[1:], masks):
        found[mask] = value
    return found
