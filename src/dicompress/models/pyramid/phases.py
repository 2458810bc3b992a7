"""One level of the pyramid: the kept grid A, the phases D, H and V of its gaps, and what the network sees of them.

Every 2x2 block of an image holds a pixel of A (even row, even column), which the next coarser level has coded, and one
of D (odd, odd), H (even, odd) and V (odd, even), coded in this order. All of it is integer arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import native

PARITIES = ((0, 0), (1, 1), (0, 1), (1, 0))  # A, D, H, V: row and column in the 2x2 block
PHASES = (1, 2, 3)  # D, H, V
MARGIN = 2
ZERO = 128  # of uint8 activations
ONE_BITS = 9  # fixed point of a filter's coefficients
REFERENCE_BITS = 6  # fixed point of its coefficients for a reference
MOST_DEVIATION = 1 << 22  # of a reference from its interpolation, in 1/256 of a value
SCALES = (64, 1 << 24)  # smallest and largest deviation, in 1/256 of a value
BLOCK = 8  # pixels; of JPEG
NEAR = 9  # channels of the network's input: four neighbours at two resolutions, and the place in the value range
FIRST_OF_LEVEL = {1: NEAR, 2: NEAR + 2, 3: NEAR + 2}  # H and V: and the errors of the phase before
USED = {phase: first + BLOCK + 3 for phase, first in FIRST_OF_LEVEL.items()}  # and what LevelHeader tells
OF_REFERENCE = 10  # and what Reference tells, of a network that takes references

# Per phase: the offsets (rows, columns) of one pixel of each pair of opposite neighbours; the first two are nearest.
SUPPORTS = {
    1: ((1, 1), (1, -1), (1, 3), (1, -3), (3, 1), (3, -1), (3, 3), (3, -3)),
    2: ((0, 1), (1, 0), (0, 3), (3, 0), (1, 2), (1, -2), (2, 1), (2, -1), (2, 3), (2, -3), (3, 2), (3, -2)),
    3: ((1, 0), (0, 1), (3, 0), (0, 3), (2, 1), (2, -1), (1, 2), (1, -2), (1, 1), (1, -1), (1, 3), (1, -3), (3, 1), (3, -1)),
}


def tap(phase: int, offset: tuple[int, int]) -> tuple[int, int, int]:
    """(plane, row, column) of the pixel at `offset` from a pixel of `phase`, in the planes' grid."""
    (row, r), (column, c) = (divmod(p + o, 2) for p, o in zip(PARITIES[phase], offset))
    return PARITIES.index((r, c)), row, column


def _both(phase: int, offsets) -> np.ndarray:
    """Taps of offsets and their opposites, one after the other."""
    return np.array([tap(phase, (s * r, s * c)) for r, c in offsets for s in (1, -1)], np.int32)


# Of the reference's deviations: at the pixel itself and around it, in the phases D, H and V.
_OWN = ((0, 2), (0, -2), (2, 0), (-2, 0))
_DIAGONAL = ((1, 1), (1, -1), (-1, 1), (-1, -1))
REFERENCE_SUPPORTS = {
    1: ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), *_OWN),
    2: ((0, 0), (1, 0), (-1, 0), *_DIAGONAL, *_OWN),
    3: ((0, 0), (0, 1), (0, -1), *_DIAGONAL, *_OWN),
}


def channels(phase: int, references: bool) -> int:
    """How many the network's input has; integer convolutions like multiples of four."""
    return -(-(USED[phase] + references * OF_REFERENCE) // 4) * 4


TAPS = {phase: _both(phase, offsets) for phase, offsets in SUPPORTS.items()}
REFERENCE_TAPS = {phase: np.array([tap(phase, o) for o in s], np.int32) for phase, s in REFERENCE_SUPPORTS.items()}
NEAREST = {phase: _both(phase, offsets[:2]) for phase, offsets in SUPPORTS.items()}


def split(image: np.ndarray) -> list[np.ndarray]:
    """(rows, columns) -> A, D, H, V; those of an image with an odd side differ in shape by one."""
    return [image[r::2, c::2] for r, c in PARITIES]


def join(planes: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Inverse of `split`."""
    image = np.empty(shape, planes[0].dtype)
    for (r, c), plane in zip(PARITIES, planes):
        image[r::2, c::2] = plane
    return image


@dataclass(frozen=True)
class Filter:
    """A phase's filter: a coefficient a pair of opposite neighbours, in 2**-ONE_BITS, and its typical error.

    scale: the deviation of what the filter leaves, in 1/256 of a value. of_reference: coefficients of the reference's
    deviations at REFERENCE_SUPPORTS, in 2**-REFERENCE_BITS; None without a reference.
    """

    coefficients: np.ndarray
    scale: int
    of_reference: np.ndarray | None = None


@dataclass(frozen=True)
class LevelHeader:
    """What the stream says of a level before its pixels.

    number: 0 for the finest. coarser_scale: D's scale one level coarser. blocks: the image was a JPEG once, with blocks
    counted from its first pixel.
    """

    filters: dict[int, Filter]
    number: int
    coarser_scale: int
    blocks: bool

    def constants(self, phase: int) -> list[int]:
        """Activations: the scale, how it compares with that of D, and with that of D one level coarser."""
        of_d, own = self.filters[1].scale, self.filters[phase].scale
        values = log2_32(own) // 4 - 100, log2_32(of_d) - log2_32(own), log2_32(self.coarser_scale) - log2_32(of_d)
        return [min(max(v, -128), 127) for v in values]


def log2_32(value: int) -> int:
    """32 * log2(value), rounded down."""
    return (value**32).bit_length() - 1


class Level:
    """The planes of one level as far as they are known, and their filters' predictions.

    `grid` is the shape of A; D, H and V are brought to it by repeating their last row and column.
    """

    def __init__(self, kept: np.ndarray, low: int, high: int):
        self.grid, self.low, self.high = kept.shape, low, high
        rows, columns = self.grid
        self.planes = np.empty((4, rows + 2 * MARGIN, columns + 2 * MARGIN), np.int32)
        self.put(0, kept)
        self.errors: tuple[int, np.ndarray, int] | None = None  # phase, base and scale of the phase before

    def put(self, plane: int, pixels: np.ndarray) -> None:
        """Make a plane known: the border is repeated around it, A stands in for an empty one."""
        if not pixels.size:
            self.planes[plane] = self.planes[0]
            return
        rows, columns = (g - s for g, s in zip(self.grid, pixels.shape))
        self.planes[plane] = np.pad(pixels, ((MARGIN, MARGIN + rows), (MARGIN, MARGIN + columns)), mode="edge")

    def interpolate(self, phase: int, coefficients: np.ndarray) -> np.ndarray:
        """The filter's prediction of a phase: int32 of the grid's shape, in 1/256 of a value."""
        base = np.empty(self.grid, np.int32)
        native.interpolate(self.planes, TAPS[phase], np.repeat(coefficients, 2), ONE_BITS - 8, base)
        return base

    def describe(
        self, phase: int, header: LevelHeader, origin: tuple[int, int] = (0, 0), reference: Reference | None = None,
        references: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """(base, the four nearest known pixels, the network's input as activations q + 128), of the grid's shape.

        With a reference what it says of the pixel stands in for the second of the four, so that the coder learns on its way how
        far to trust it.
        The input: the neighbours' distances from the base at two resolutions, the base's place in the value range, for H
        and V the errors of the phase before at two resolutions, the place in the block of a former JPEG, the header's
        constants, and, if the network takes `references`, what this level's reference tells. uint8 (rows, columns,
        channels(phase, references)). origin: of the grid in that of the whole image.
        """
        filter_, first = header.filters[phase], FIRST_OF_LEVEL[phase]
        base = self.interpolate(phase, filter_.coefficients)
        if reference is not None:
            copied = reference.copied(phase, base, self.low, self.high)
            added = reference.adds(phase, filter_.of_reference)
            base += added
        known = np.empty((4, *self.grid), np.int32)
        inputs = np.full((*self.grid, channels(phase, references)), ZERO, np.uint8)
        native.describe(self.planes, NEAREST[phase], base, filter_.scale, self.low, self.high, known, inputs)
        if phase > 1:
            before, its_base, its_scale = self.errors
            native.errors(self.planes, before, its_base, its_scale, inputs, NEAR)
        self.errors = phase, base, filter_.scale
        if header.blocks and header.number < 2:
            _mark_places(inputs[..., first : first + BLOCK], header.number, origin)
        inputs[..., first + BLOCK : USED[phase]] += np.array(header.constants(phase), np.int8).astype(np.uint8)
        if reference is not None and references:
            reference.describe(phase, self.planes, added, filter_.scale, inputs)
        if reference is not None:
            known[1] = copied
        return base, known, inputs


class Reference:
    """A plane decoded before, at one level, made comparable: its planes, and their deviations from their interpolations.

    image: of the same shape and in the same range of values as the level's image, which it is to tell something about.
    """

    def __init__(self, image: np.ndarray, filters: dict[int, Filter], low: int, high: int):
        planes = split(image)
        level = Level(planes[0], low, high)
        self.bases = {}
        for phase in filters:
            self.bases[phase] = level.interpolate(phase, filters[phase].coefficients)
            level.put(phase, planes[phase])
        self.planes = level.planes
        self.deviations = np.zeros_like(self.planes)
        inside = self.planes[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        for phase, base in self.bases.items():
            deviation = np.clip(inside[phase] * 256 - base, -MOST_DEVIATION, MOST_DEVIATION)
            self.deviations[phase] = np.pad(deviation, MARGIN, mode="edge")

    def adds(self, phase: int, coefficients: np.ndarray) -> np.ndarray:
        """What the filter adds to its interpolation of a phase: int32 of the grid's shape, in 1/256 of a value."""
        found = np.empty(self.bases[phase].shape, np.int32)
        native.interpolate(self.deviations, REFERENCE_TAPS[phase], coefficients, REFERENCE_BITS, found)
        return found

    def copied(self, phase: int, base: np.ndarray, low: int, high: int) -> np.ndarray:
        """A phase's pixels as they are if they deviate from their interpolation, `base`, as the reference's do."""
        deviation = self.deviations[phase, MARGIN:-MARGIN, MARGIN:-MARGIN]
        return np.clip(base + deviation + 128 >> 8, low, high)

    def describe(self, phase: int, known: np.ndarray, added: np.ndarray, scale: int, inputs: np.ndarray) -> None:
        """The network's last channels, at two resolutions each: its deviations in D, H and V; the distance of the known pixels A
        from its own; what it `added` to the base."""
        first = USED[phase]
        for k, base in enumerate(self.bases.values()):
            native.errors(self.planes, k + 1, base, scale, inputs, first + 2 * k)
        native.errors(known, 0, self.planes[0, MARGIN:-MARGIN, MARGIN:-MARGIN] * 256, scale, inputs, first + 6)
        native.errors(self.deviations, 0, -added, scale, inputs, first + 8)  # those of A are 0


def _mark_places(inputs: np.ndarray, number: int, origin: tuple[int, int]) -> None:
    """Which of a block's kept rows and columns this is: one channel of four each is not zero; of two at level 1."""
    count, value = (4, ZERO + 64) if number == 0 else (2, ZERO - 64)
    for k in range(count):
        inputs[(k - origin[0]) % count :: count, :, k] = value
        inputs[:, (k - origin[1]) % count :: count, 4 + k] = value
