"""One level of SReC's pyramid: 2x2 means, and what the network sees of a block before each of its pixels.

Of every 2x2 block the rounded mean is known from the coarser level and the remainder is coded first, so that the sum of
the four pixels is known exactly. Three pixels follow one after another; the fourth is what is left of the sum. The paper
(arXiv:2004.02872) feeds 8-bit values to a float network; here 12 to 16 bits enter 8-bit activations as differences at
three resolutions, in units of the image's noise. All of it is integer arithmetic, the same on every machine.
"""

from __future__ import annotations

import numpy as np

LEVELS = 3
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column in the block, in coding order; the last one follows
CODED = 3
ZERO = 128  # of uint8 activations
REMAINDER = (-2, 1)  # of the sum by 4, around the rounded mean
REMAINDER_COMPONENTS = 4  # of its mixture, as many as it has values
BLOCK_PLANES = 11
PIXEL_PLANES = 3  # more for every pixel of the block that is known: its error at as many resolutions
ORDER = [(level, k) for level in range(LEVELS, 0, -1) for k in range(CODED)]  # of the pixels: level 1 is the finest
PLANES = [BLOCK_PLANES + k * PIXEL_PLANES for k in range(CODED)]  # of the network's input, by pixel


def halve(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) -> means of the 2x2 blocks, rounded half up, and sum - 4 * mean; odd sides repeat the last line."""
    rows, columns = image.shape
    padded = np.pad(image.astype(np.int64), ((0, rows % 2), (0, columns % 2)), mode="edge")
    sums = sum(padded[r::2, c::2] for r, c in CORNERS)
    means = (sums + 2) >> 2
    return means.astype(np.int32), (sums - 4 * means).astype(np.int32)


def corner_shape(shape: tuple[int, int], k: int) -> tuple[int, int]:
    """How many pixels of kind k an image of `shape` has."""
    return tuple((n + 1 - offset) // 2 for n, offset in zip(shape, CORNERS[k]))


def join(
    means: np.ndarray, remainder: np.ndarray, pixels: list[np.ndarray], shape: tuple[int, int], low: int, high: int
) -> np.ndarray:
    """The image of `shape` from its blocks and the first three of their pixels: inverse of `halve`, int32."""
    left, whole = means.astype(np.int64) * 4 + remainder, [_completed(p, pixels[0]) for p in pixels]
    image = np.empty([2 * n for n in means.shape], np.int32)
    for (r, c), plane in zip(CORNERS, (*whole, np.clip(left - sum(whole), low, high))):
        image[r::2, c::2] = plane
    return image[: shape[0], : shape[1]]


def _completed(pixels: np.ndarray, first: np.ndarray) -> np.ndarray:
    """One pixel of every block; where an odd side lacks the last one, the block's first stands in, as in `halve`."""
    whole = first.copy()
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    return whole


class Level:
    """The blocks of one level and their pixels as far as they are known.

    planes: uint8 (PLANES[-1], rows, columns), activations q + 128; the first PLANES[k] are ready once k pixels are known.
    base: int64 (rows, columns), where the next pixel is expected, in 1/256 of a value: on the plane through the means
    around the block, raised to fit what is left of its sum.
    """

    def __init__(self, means: np.ndarray, remainder: np.ndarray, scale: int, low: int, high: int):
        """means, remainder: int32 (rows, columns) as `halve` returns them; scale: the noise in 1/256 of a value."""
        sums = means.astype(np.int64) * 4 + remainder
        self.scale, self.known, self.first, self._left = scale, 0, None, sums * 256
        around = np.pad(sums, 1, mode="edge") * 8  # a block is 2 pixels wide, and a pixel's centre half a pixel off
        down, right = around[2:, 1:-1] - around[:-2, 1:-1], around[1:-1, 2:] - around[1:-1, :-2]
        self._slopes = [(2 * r - 1) * down + (2 * c - 1) * right for r, c in CORNERS]
        self.base = self._expected()
        self.planes = np.full((PLANES[-1], *means.shape), ZERO, np.uint8)
        self._describe_blocks(sums, remainder, low, high)

    def _describe_blocks(self, sums: np.ndarray, remainder: np.ndarray, low: int, high: int) -> None:
        """Differences to the next block in both directions, place in the value range, remainder, and the noise."""
        n = PIXEL_PLANES
        self.planes[:n, :, :-1] = self._resolved(np.diff(sums, axis=1) * 64)
        self.planes[n : 2 * n, :-1] = self._resolved(np.diff(sums, axis=0) * 64)
        above, below = sums - 4 * low, 4 * high - sums
        place = above * 255 // max(4 * (high - low), 1)
        noise = (self.scale**16).bit_length() - 1 - 224  # sixteenths of an octave around 2**14
        near = [self._finest(v * 64) - ZERO for v in (above, below)]
        for plane, values in zip(self.planes[2 * n :], (*near, place - ZERO, remainder * 32, noise)):
            plane[...] = np.clip(values, -ZERO, ZERO - 1) + ZERO

    def _finest(self, difference: np.ndarray) -> np.ndarray:
        """Sixteenths of the noise, away from zero: 0 stands for equality alone. difference: in 1/256 of a value."""
        return np.sign(difference) * -(-np.abs(difference) * 16 // self.scale)

    def _resolved(self, difference: np.ndarray) -> np.ndarray:
        """Activations of a difference in 1/256 of a value: in 1/16, 1 and 16 units of noise, uint8 (3, rows, columns)."""
        coarser = ((difference + unit // 2) // unit for unit in (self.scale, 16 * self.scale))
        found = np.stack([self._finest(difference), *coarser])
        return (np.clip(found, -ZERO, ZERO - 1) + ZERO).astype(np.uint8)

    def known_planes(self) -> np.ndarray:
        """The network's input for the next pixel."""
        return self.planes[: PLANES[self.known]]

    def _expected(self) -> np.ndarray:
        unknown = self._slopes[self.known :]
        return unknown[0] + (self._left - sum(unknown)) // len(unknown)

    def put(self, pixels: np.ndarray) -> None:
        """Make the next pixel of the blocks known, int32 of `corner_shape`."""
        self.first = pixels if self.first is None else self.first
        values = _completed(pixels, self.first).astype(np.int64) * 256
        if self.known + 1 < CODED:
            self.planes[PLANES[self.known] : PLANES[self.known + 1]] = self._resolved(values - self.base)
        self.known, self._left = self.known + 1, self._left - values
        self.base = self._expected()
