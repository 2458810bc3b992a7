"""Fitting a phase's filter to an image: least squares, with outliers weighing less (the encoder's side only)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..base import Values
from .phases import (
    BLOCK,
    MARGIN,
    ONE_BITS,
    PHASES,
    REFERENCE_BITS,
    REFERENCE_TAPS,
    SCALES,
    SUPPORTS,
    TAPS,
    Filter,
    Level,
    Reference,
    split,
)  # fmt: skip

ONE = 1 << ONE_BITS  # coefficients of a filter add up to ONE / 2, as each serves two pixels
LARGEST_SUM = 1 << 13  # of |coefficients|: 32 bits then hold every prediction
LARGEST_OF_REFERENCE = 1 << 8  # of a reference's |coefficients|, likewise
FEWEST = 2048  # pixels below which a phase keeps the mean of its four neighbours, and of the reference takes the same pixel
FEWEST_OF_REFERENCE = 64  # or not even that
SAMPLES = 8192  # pixels at most that a filter is fitted on
PIECE = 512  # pixels of a matrix product
SIDE, STRIP = 256, 64  # pixels; larger grids are fitted on strips of themselves
DEFAULT = {p: np.array([ONE // 4] * 2 + [0] * (len(s) - 2), np.int32) for p, s in SUPPORTS.items()}


def as_decoded(image: np.ndarray, values: Values) -> np.ndarray:
    """An image with such errors as decoding may bring, for filters that will see decoded pixels."""
    if not values.near:
        return image
    noise = np.random.default_rng(0).integers(-values.near, values.near, image.shape, image.dtype, endpoint=True)
    for first, last in values.exact:
        noise[(first <= image) & (image <= last)] = 0
    return np.clip(image + noise, values.low, values.high)


def fit_level(
    image: np.ndarray, low: int, high: int, reference: np.ndarray | None = None, phases: Sequence[int] = PHASES
) -> list[Filter]:
    """The filters of D, H and V of one level of an image; reference: of the same shape, what it leans on."""
    planes = split(strips(image).astype(np.int32))
    level = Level(planes[0], low, high)
    filters = []
    for phase in phases:
        filters.append(fit(level, phase, planes[phase]))
        level.put(phase, planes[phase])
    if reference is None:
        return filters
    found = Reference(strips(reference), dict(zip(PHASES, filters)), low, high)
    return [fit_reference(level, found, phase, f, planes[phase]) for phase, f in zip(phases, filters)]


def estimate_bits(image: np.ndarray, low: int, high: int, references: Sequence[np.ndarray | None]) -> list[float]:
    """About the bits of an image with each of the references, or None, in turn; by what the filters leave of a sample of the two
    finest levels, and up to a constant."""
    totals = [0.0] * len(references)
    for level in range(2):
        pixels = strips(image[:: 1 << level, :: 1 << level]).astype(np.int32)
        if min(pixels.shape) < 2:
            break
        alone = dict(zip(PHASES, fit_level(pixels, low, high)))
        planes, state = split(pixels), Level(pixels[::2, ::2], low, high)
        for phase in PHASES:
            state.put(phase, planes[phase])
        for k, reference in enumerate(references):
            leaned_on = reference if reference is None else _sample(reference[:: 1 << level, :: 1 << level], alone, low, high)
            costs = [_left(state, phase, filter_, leaned_on, planes[phase]) for phase, filter_ in alone.items()]
            totals[k] += 0.75 * image.size / 4**level * float(np.mean(costs)) / np.log(2)
    return totals


def _sample(reference: np.ndarray, filters: dict[int, Filter], low: int, high: int) -> Reference:
    return Reference(strips(reference), filters, low, high)


def _left(level: Level, phase: int, filter_: Filter, reference: Reference | None, target: np.ndarray) -> float:
    """The cost of what a phase's filter leaves, with coefficients for the reference if there is one."""
    found = filter_ if reference is None else fit_reference(level, reference, phase, filter_, target)
    rows, columns = target.shape
    return _cost(target - predict(level, phase, found, reference)[:rows, :columns] / 256)


def fit_reference(level: Level, reference: Reference, phase: int, filter_: Filter, target: np.ndarray) -> Filter:
    """A phase's filter with coefficients for the reference's deviations, zeros where they are of no use."""
    rows, columns = target.shape
    coefficients = np.zeros(len(REFERENCE_TAPS[phase]), np.int32)
    if target.size >= FEWEST_OF_REFERENCE:
        step = -(-target.size // SAMPLES)  # rows
        used = REFERENCE_TAPS[phase][: None if target.size >= FEWEST else 1]
        wanted = (target * 256 - level.interpolate(phase, filter_.coefficients)[:rows, :columns])[::step].ravel() / 256
        taps = [_at(reference.deviations, *tap)[:rows:step, :columns].ravel() for tap in used]
        taps = np.stack(taps) / 256
        found = np.rint(_least_squares(taps, wanted) * (1 << REFERENCE_BITS))
        found = np.clip(found, -LARGEST_OF_REFERENCE, LARGEST_OF_REFERENCE).astype(np.int32)
        if np.abs(found).sum() <= LARGEST_OF_REFERENCE and _cost(wanted - combined(found / (1 << REFERENCE_BITS), taps)) < _cost(wanted):
            coefficients[: len(found)] = found
    filter_ = Filter(filter_.coefficients, filter_.scale, coefficients)
    error = np.abs(target * 256 - predict(level, phase, filter_, reference)[:rows, :columns])
    return Filter(filter_.coefficients, measure_scale(error), coefficients)


def predict(level: Level, phase: int, filter_: Filter, reference: Reference | None) -> np.ndarray:
    """The whole filter's prediction of a phase: int32 of the grid's shape, in 1/256 of a value."""
    base = level.interpolate(phase, filter_.coefficients)
    return base if reference is None else base + reference.adds(phase, filter_.of_reference)


def _at(planes: np.ndarray, plane: int, row: int, column: int) -> np.ndarray:
    """The pixels that a tap names, from the first of the phase on."""
    return planes[plane, MARGIN + row :, MARGIN + column :]


def has_blocks(image: np.ndarray) -> bool:
    """Whether an image was a JPEG once: rougher where blocks of 8x8 pixels meet, counted from its first pixel."""
    image = strips(image).astype(np.int32)
    if min(image.shape) < 8 * BLOCK:
        return False
    for axis in (0, 1):
        third = np.log(np.abs(np.diff(image, 3, axis)) + 0.7).mean(1 - axis)
        place = np.arange(2, third.size + 2)  # of the difference's middle; strips meet at multiples of STRIP
        edge = third[(place % BLOCK == 0) & (place % STRIP != 0)].mean()
        others = [third[place % BLOCK == k].mean() for k in range(2, BLOCK - 1)]
        if edge - max(others) < 0.1:
            return False
    return True


def strips(image: np.ndarray) -> np.ndarray:
    """At most SIDE rows and columns of an image: evenly spaced strips of it."""
    for axis, length in enumerate(image.shape):
        if length > SIDE:
            starts = np.linspace(0, (length - STRIP) // STRIP, SIDE // STRIP).astype(int) * STRIP
            image = np.take(image, (starts[:, None] + np.arange(STRIP)).ravel(), axis)
    return image


def fit(level: Level, phase: int, target: np.ndarray) -> Filter:
    """The filter of a phase whose pixels are `target`."""
    rows, columns = target.shape
    coefficients = DEFAULT[phase]
    if target.size >= FEWEST:
        step = -(-target.size // SAMPLES)  # rows
        taps = [_at(level.planes, *tap)[:rows:step, :columns] for tap in TAPS[phase]]
        pairs = np.stack([(a + b).ravel() for a, b in zip(taps[::2], taps[1::2])]).astype(np.float64)
        middle = (pairs[0] + pairs[1]) / 4
        pairs, wanted = pairs - 2 * middle, target[::step].ravel() - middle
        found = _quantise(_least_squares(pairs, wanted))
        if np.abs(found).sum() <= LARGEST_SUM and _cost(wanted - combined(found / ONE, pairs)) < _cost(wanted):
            coefficients = found
    error = np.abs(target * 256 - level.interpolate(phase, coefficients)[:rows, :columns])
    return Filter(coefficients, measure_scale(error))


def _least_squares(pairs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weights of `pairs` (pairs, pixels) that predict `wanted`; reweighted so that log |error| counts."""
    ridge = (1e-6 * np.mean(pairs**2) * wanted.size + 1e-3) * np.eye(len(pairs))
    weight = np.ones_like(wanted)
    for _ in range(4):
        products, targets = normal_equations(pairs, weight, wanted)
        solution = np.linalg.solve(products + ridge, targets)
        error = wanted - combined(solution, pairs)
        floor = max(float(np.median(np.abs(error))), 0.5)
        weight = 1 / (error**2 + floor**2)
        weight /= weight.mean()
    return solution


def normal_equations(rows: np.ndarray, weight: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows * weight) @ rows.T and @ wanted, piece by piece: on the whole BLAS would start threads, which fight for busy cores."""
    sides = np.concatenate([rows, wanted[None]])
    weighted, whole = rows * weight, wanted.size // PIECE * PIECE
    pieces = (m[:, :whole].reshape(len(m), -1, PIECE).transpose(1, 0, 2) for m in (weighted, sides))
    products = np.matmul(next(pieces), next(pieces).transpose(0, 2, 1)).sum(0)
    products += weighted[:, whole:] @ sides[:, whole:].T
    return products[:, :-1], products[:, -1]


def combined(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """weights @ rows, on one thread."""
    return np.einsum("i,ij->j", weights, rows)


def _quantise(solution: np.ndarray) -> np.ndarray:
    """Fixed-point coefficients with the right sum; the two nearest pairs share what is missing to it.

    They may: their sum is what the fit was centred on.
    """
    coefficients = np.clip(np.rint(solution * ONE), -LARGEST_SUM, LARGEST_SUM).astype(np.int32)
    missing = ONE // 2 - int(coefficients.sum())
    coefficients[0] += missing // 2
    coefficients[1] += missing - missing // 2
    return coefficients


def _cost(error: np.ndarray) -> float:
    """About the nats a value of these errors."""
    return float(np.log(np.abs(error) + 0.7).mean())


def measure_scale(error: np.ndarray) -> int:
    """Typical |error| in 1/256 of a value, as a deviation: of the errors above half a value."""
    error = error[error > 128]
    return int(np.clip(np.median(error) * 1.48, *SCALES)) if error.size else SCALES[0]
