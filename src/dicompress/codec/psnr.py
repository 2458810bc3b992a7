"""The largest error with which an image still has a wanted PSNR."""

from __future__ import annotations

import math

import numpy as np

from .api import MAX_NEAR, encode_with_result

LARGEST = 300  # powers of ten, as far as floats go


def near_for_psnr(image: np.ndarray, psnr: float, **settings) -> int:
    """The largest `near` of `encode` with which `image` keeps at least `psnr` dB; 0 if only the exact image does.

    The peak is the image's own range, largest minus smallest value, so that unused bits promise nothing. settings: `model`,
    `exact`, `bits_stored`, `threads` of `encode`. PSNR is taken to fall as the error grows.
    """
    allowed = allowed_mse(image, psnr)

    def reaches(near: int) -> bool:
        _, decoded = encode_with_result(image, near=near, **settings)
        return float(np.mean(np.square(decoded.astype(np.float64) - image))) <= allowed

    fits, fails, probe = 0, MAX_NEAR + 1, int((math.sqrt(12 * allowed + 1) - 1) / 2)  # of evenly spread errors
    while fails - fits > 1:
        probe = min(max(probe, fits + 1), fails - 1)
        if reaches(probe):
            fits, probe = probe, 2 * probe if fails > MAX_NEAR else (probe + fails) // 2
        else:
            fails, probe = probe, (fits + probe) // 2
    return fits


def allowed_mse(image: np.ndarray, psnr: float) -> float:
    """The mean square error with which `image` keeps `psnr` dB."""
    return (int(image.max()) - int(image.min())) ** 2 * 10 ** -min(psnr / 10, LARGEST)
