"""How far a lossy codec's image is from the original (scikit-image), at full depth."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np


class Quality(TypedDict):
    peak: int
    psnr: float | None
    psnr_own: float | None
    mse: float
    mse8: float
    ssim: float | None
    max_error: int


def quality(original: np.ndarray, restored: np.ndarray, bits_stored: int) -> Quality:
    """Both (rows, columns), unsigned. The data range is `peak` = 2**bits_stored - 1, more where values need more bits.

    mse, mse8: mean squared error in stored units, and of pixels * 255 / peak, as on an 8-bit rendition. psnr: dB against
    peak, the same number on both scales; psnr_own: against the image's own largest minus smallest value; None where
    nothing differs. ssim: in windows of 7 x 7, None below 3 x 3 pixels. max_error: in stored units.
    """
    from skimage.metrics import mean_squared_error, structural_similarity

    peak = 2 ** max(bits_stored, int(original.max()).bit_length()) - 1
    own = int(original.max()) - int(original.min())
    mse = float(mean_squared_error(original, restored))
    window = min(7, *original.shape)
    window -= 1 - window % 2
    ssim = structural_similarity(original, restored, data_range=peak, win_size=window) if window >= 3 else None
    return {
        "peak": peak,
        "psnr": psnr(mse, peak),
        "psnr_own": psnr(mse, own),
        "mse": mse,
        "mse8": mse * (255 / peak) ** 2,
        "ssim": None if ssim is None else float(ssim),
        "max_error": int(np.abs(original.astype(np.int64) - restored).max()),
    }


def psnr(mse: float, peak: int) -> float | None:
    """dB; None where it has no value."""
    return 10 * math.log10(peak**2 / mse) if mse and peak else None
