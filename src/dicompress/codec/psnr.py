"""The largest error with which an image still has a wanted PSNR."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Unpack

import numpy as np

from .api import MAX_NEAR, Settings, encode_with_result

LARGEST = 300  # powers of ten, as far as floats go


def near_for_psnr(image: np.ndarray, psnr: float, *, exact: Iterable[tuple[int, int]] = (), **settings: Unpack[Settings]) -> int:
    """The largest `near` of `encode` with which `image` keeps at least `psnr` dB; 0 if only the exact image does.

    The peak is the image's own range, largest minus smallest value, so that unused bits promise nothing. exact, settings: of
    `encode`. PSNR is taken to fall as the error grows.
    """
    allowed, exact = allowed_mse(image, psnr), list(exact)

    def reaches(near: int) -> bool:
        _, decoded = encode_with_result(image, near=near, exact=exact, **settings)
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
    peak = int(image.max()) - int(image.min())
    return float(peak**2 * 10.0 ** -min(psnr / 10, LARGEST))
