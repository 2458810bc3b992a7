"""The planes that a plane leans on, as one picture of it: each times a gain, and an offset, fitted by the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import StreamError
from ...varint import Reader, unzigzag, write_varint, zigzag
from ..base import Values
from .fit import combined, fit_level, normal_equations, strips
from .phases import MARGIN, PHASES, Reference

GAIN_BITS = 14  # fixed point of gains
MOST_GAIN, MOST_OFFSET = 1 << 18, 1 << 38
SAMPLES = 16384  # pixels at most that gains are fitted on


@dataclass(frozen=True)
class Blend:
    """gains: one a reference; with the offset, in 2**-GAIN_BITS."""

    gains: tuple[int, ...]
    offset: int

    def of(self, references: Sequence[np.ndarray], values: Values) -> np.ndarray:
        """int32 of the references' shape, in the numbers in which the image is coded."""
        total = np.full(references[0].shape, self.offset + (1 << GAIN_BITS - 1), np.int64)
        for gain, reference in zip(self.gains, references):
            total += gain * reference.astype(np.int64)
        return values.numbers(total >> GAIN_BITS)


def write_blend(blend: Blend) -> bytes:
    return b"".join(write_varint(zigzag(v)) for v in (*blend.gains, blend.offset))


def read_blend(reader: Reader, count: int) -> Blend:
    """Inverse of `write_blend`, of `count` references. StreamError if it cannot be one."""
    *gains, offset = (unzigzag(reader.varint()) for _ in range(count + 1))
    if any(abs(g) > MOST_GAIN for g in gains) or abs(offset) > MOST_OFFSET:
        raise StreamError(f"a reference cannot be weighted by {gains} and {offset}")
    return Blend(tuple(gains), offset)


def fit_blend(image: np.ndarray, references: Sequence[np.ndarray], values: Values) -> Blend:
    """Gains and offset with which one or two references come nearest to an image, and nearest to what is new in it."""
    image, references = strips(image).astype(np.int32), [strips(r) for r in references]
    stored = values.stored(image)
    blends = [_comparable(stored, r) for r in references]
    if len(references) == 1:
        return blends[0]
    share = _share(image, [b.of([r], values) for b, r in zip(blends, references)], values.low, values.high)
    parts = [(b, s) for b, s in zip(blends, (share, 1 - share))]
    return Blend(tuple(round(b.gains[0] * s) for b, s in parts), round(sum(b.offset * s for b, s in parts)))


def _comparable(image: np.ndarray, reference: np.ndarray) -> Blend:
    """A gain and an offset that bring a reference to the values of the image; 1 and 0 if nothing is won by others."""
    step = -(-image.size // SAMPLES)
    wanted, given = (p.ravel()[::step].astype(np.float64) for p in (image, reference))
    middle, one = given.mean(), 1 << GAIN_BITS
    regressors = np.stack([given - middle, np.ones_like(given)])
    start = wanted - given
    found, least = Blend((one,), 0), _cost(start) - 0.02
    for weight in (np.ones_like(start), _weight(start)):  # all of the image first, or what is alike without any gain
        for _ in range(4):
            products, targets = normal_equations(regressors, weight, wanted)
            solution = np.linalg.solve(products + 1e-9 * weight.sum() * np.eye(2), targets)
            error = wanted - combined(solution, regressors)
            weight = _weight(error)
        gain, offset = round(float(solution[0]) * one), round(float(solution[1] - solution[0] * middle) * one)
        if _cost(error) < least and 0 < gain <= MOST_GAIN // 4 and abs(offset) <= MOST_OFFSET // 4:
            found, least = Blend((gain,), offset), _cost(error)
    return found


def _weight(error: np.ndarray) -> np.ndarray:
    return 1 / (error**2 + max(float(np.median(np.abs(error))), 0.5) ** 2)


def _share(image: np.ndarray, references: list[np.ndarray], low: int, high: int) -> float:
    """How much of the first reference, the rest being the second, deviates from interpolation as the image does."""
    filters = dict(zip(PHASES, fit_level(image, low, high)))
    planes = (Reference(p, filters, low, high).deviations[1:, MARGIN:-MARGIN:2, MARGIN:-MARGIN] for p in (image, *references))
    wanted, *given = (p.ravel() / 256 for p in planes)
    given, weight = np.stack(given), np.ones_like(wanted)
    for _ in range(3):
        products, targets = normal_equations(given, weight, wanted)
        solution = np.linalg.solve(products + 1e-3 * np.eye(2), targets)
        error = wanted - combined(solution, given)
        weight = _weight(error)
    first, both = float(solution[0]), float(solution.sum())
    return min(max(round(16 * first / both) / 16, -0.5), 1.5) if both > 0.05 else 1.0


def _cost(error: np.ndarray) -> float:
    return float(np.log(np.abs(error) + 0.7).mean())
