"""An image of signed values, and how far a decoded one is off."""

from __future__ import annotations

import numpy as np

from .images import phantom

SIGNED = phantom(70, 90).astype(np.int16) - 1000


def errors(image: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    return np.abs(image.astype(np.int64) - decoded)
