"""How many bits lossy JPEG 2000 and JPEG XL need for a wanted PSNR: a search over their quality, for near.py.

JPEG 2000: OpenJPEG, 9/7 wavelet; `level` is a PSNR against 2^b - 1, b the bits of the largest value. JPEG XL: libjxl,
effort 7; its distance is a perceptual one and depends on what it takes for white, the largest value of 16 bits (8 in
8-bit files) or 2^b - 1, which does the same as shifting the values up: both are tried and the smaller stream counts.
So does a lossless stream, if that is smaller still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import imagecodecs
import numpy as np

from dicompress.compare.quality import psnr

SLACK, TRIES = 0.05, 12
PEERS = ("JPEG 2000", "JPEG XL")


@dataclass(frozen=True)
class Try:
    """bits a pixel; psnr in dB, infinite where nothing differs; error: the largest."""

    bits: float
    psnr: float
    error: int


@dataclass
class Search:
    """Streams of one image under one setting of a codec, by a quality from `low` to `high` that raises the PSNR."""

    stream: Callable[[float], bytes]
    restore: Callable[[bytes], np.ndarray]
    low: float
    high: float
    image: np.ndarray
    peak: int

    def __post_init__(self) -> None:
        self.seen: dict[float, Try] = {}

    def attempt(self, at: float) -> Try:
        data = self.stream(at)
        error = np.abs(self.restore(data).astype(np.int64) - self.image)
        return Try(8 * len(data) / self.image.size, psnr(float(np.mean(error**2)), self.peak) or inf, int(error.max()))

    def reach(self, target: float) -> None:
        """Try qualities until one gives `target` dB or at most SLACK more, or none is left to try."""
        for _ in range(TRIES):
            if any(target <= found.psnr <= target + SLACK for found in self.seen.values()):
                return
            below = max((at for at, found in self.seen.items() if found.psnr < target), default=self.low)
            above = min((at for at, found in self.seen.items() if found.psnr >= target), default=self.high)
            if above - below < 1e-6:
                return
            at = below + (above - below) * self._share(below, above, target + SLACK / 2)
            self.seen[at] = self.attempt(at)

    def _share(self, below: float, above: float, wanted: float) -> float:
        """Where between two qualities `wanted` dB should lie."""
        if below not in self.seen or above not in self.seen or self.seen[above].psnr == inf:
            return 0.5
        first, last = self.seen[below].psnr, self.seen[above].psnr
        return float(np.clip((wanted - first) / (last - first), 0.05, 0.95))


class Peers:
    """Both codecs on one image; what was tried for one target serves the next."""

    def __init__(self, image: np.ndarray, peak: int) -> None:
        used = int(image.max()).bit_length() or 1
        j2k = {"codecformat": "j2k", "numthreads": 1}

        def wavelet(level: float) -> bytes:
            return imagecodecs.jpeg2k_encode(image, level=level, reversible=False, bitspersample=used, **j2k)

        def xl(depth: int) -> Callable[[float], bytes]:
            return lambda at: imagecodecs.jpegxl_encode(image, distance=10**-at, effort=7, bitspersample=depth, numthreads=1)

        depths = sorted({used, 8 * image.itemsize})
        self.searches = {
            "JPEG 2000": [Search(wavelet, imagecodecs.jpeg2k_decode, 10, 120, image, peak)],
            "JPEG XL": [Search(xl(depth), imagecodecs.jpegxl_decode, -1.4, 2, image, peak) for depth in depths],
        }
        lossless = {
            "JPEG 2000": imagecodecs.jpeg2k_encode(image, level=0, reversible=True, **j2k),
            "JPEG XL": imagecodecs.jpegxl_encode(image, lossless=True, effort=7, numthreads=1),
        }
        self.lossless = {name: Try(8 * len(data) / image.size, inf, 0) for name, data in lossless.items()}

    def cheapest(self, name: str, target: float) -> Try:
        """The smallest stream found with at least `target` dB."""
        found = [self.lossless[name]]
        for search in self.searches[name]:
            search.reach(target)
            found += [one for one in search.seen.values() if one.psnr >= target]
        return min(found, key=lambda one: one.bits)
