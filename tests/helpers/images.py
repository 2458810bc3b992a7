"""Made images."""

from __future__ import annotations

import numpy as np


def phantom(rows: int, columns: int, seed: int = 0, noise: float = 4.0) -> np.ndarray:
    """A disc, a ramp and noise: uint16 (rows, columns), 12 bits."""
    y, x = np.mgrid[:rows, :columns]
    disc = 800.0 * ((y - rows / 2) ** 2 + (x - columns / 2) ** 2 < (min(rows, columns) / 3) ** 2)
    values = 200 + disc + 0.3 * x + np.random.default_rng(seed).normal(0, noise, (rows, columns))
    return np.clip(np.rint(values), 0, 4095).astype(np.uint16)


def volume(frames: int = 5) -> np.ndarray:
    """Signed slices (frames, 70, 83) that differ by noise."""
    still, rng = phantom(70, 83, noise=40).astype(np.int16), np.random.default_rng(9)
    return np.stack([still + rng.integers(-3, 4, still.shape) for _ in range(frames)]).astype(np.int16) - 900
