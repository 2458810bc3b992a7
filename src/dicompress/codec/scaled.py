"""Values that were computed from whole numbers, such as `stored * slope + intercept`: which numbers, and how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .words import values_of, words_of

MOST = 1 << 20  # numbers
SPARSE = 16  # numbers for each value that occurs, at most
AWAY = 127  # of a value's word from the one that is computed
FIRST = 0.3  # of a step that a value may be away from its number while the step is not known well
FARTHEST = float(1 << 52)  # steps
CANDIDATES = 16  # steps beside the likeliest that are tried


@dataclass(frozen=True)
class Scale:
    """step * n + start in float64, rounded to the values' type."""

    step: float
    start: float

    def values(self, numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """int64 to values; of integers those that fit."""
        with np.errstate(all="ignore"):
            exact = numbers.astype(np.float64) * self.step + self.start
            if dtype.kind == "f":
                return exact.astype(dtype)
        limits = np.iinfo(dtype)
        exact = np.where(np.isfinite(exact), exact, 0)
        found: np.ndarray = np.rint(np.clip(exact, limits.min, limits.max)).astype(np.int64).astype(dtype)
        return found

    def words(self, numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return words_of(self.values(numbers, dtype))


def scale_of(words: np.ndarray, dtype: np.dtype) -> tuple[Scale, np.ndarray] | None:
    """Ascending words, all of finite values -> a scale, and the number (int64) of each; None if there is none that is close."""
    values = values_of(words, dtype).astype(np.float64)
    if len(values) < 3:
        return None
    found = _fitted(values)
    if found is None:
        return None
    step, numbers = found
    if int(numbers[-1] - numbers[0]) >= min(MOST, SPARSE * len(values)):
        return None
    best = None
    for scale, shift in _candidates(values, numbers, step, dtype):
        away = _away(scale, numbers + shift, words, dtype)
        if away.max() <= AWAY and (best is None or np.count_nonzero(away) < best[0]):
            best = np.count_nonzero(away), scale, numbers + shift
        if best is not None and not best[0]:
            break
    return None if best is None else (best[1], best[2])


def _away(scale: Scale, numbers: np.ndarray, words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    computed = scale.words(numbers, dtype)
    found: np.ndarray = np.where(words > computed, words - computed, computed - words)
    return found


def _fitted(values: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The step, and numbers from 0 on: from the smallest distances, over ever longer ranges."""
    gaps = np.diff(values)
    smallest = gaps.min()
    if not smallest > 0 or not np.isfinite(values[-1] - values[0]):
        return None
    step = float(np.median(gaps[gaps < 1.5 * smallest]))
    middle = int(np.argmin(np.abs(values)))  # where floats are densest, and least rounded
    offsets = values - values[middle]
    if not np.abs(offsets).max() < step * FARTHEST:
        return None
    reach = 8 * step
    for _ in range(64):
        near = np.abs(offsets) <= reach
        numbers = np.rint(offsets[near] / step)
        if np.any(np.abs(offsets[near] - numbers * step) > FIRST * step):
            return None
        weight = np.dot(numbers, numbers)
        if weight:
            step = float(np.dot(numbers, offsets[near]) / weight)
        if near.all():
            counted = np.rint(offsets / step).astype(np.int64)
            return (step, counted - counted[0]) if np.all(np.diff(counted) > 0) else None
        reach *= 4
    return None


def _candidates(values: np.ndarray, numbers: np.ndarray, step: float, dtype: np.dtype) -> list[tuple[Scale, int]]:
    """Scales to try, and what is to be added to the numbers: without a start if that can be, else with the one that fits best."""
    found = []
    shift = round(values[0] / step) if abs(values[0] / step) < 1 << 40 else 0
    if abs(values[0] - shift * step) < 0.1 * step:
        whole = (numbers + shift).astype(np.float64)
        used = whole != 0
        half = (
            np.full(used.sum(), 0.5) if dtype.kind != "f" else np.spacing(np.abs(values[used]).astype(dtype)).astype(np.float64) / 2
        )
        low = ((np.abs(values[used]) - half) / np.abs(whole[used])).max()
        high = ((np.abs(values[used]) + half) / np.abs(whole[used])).min()
        likeliest = (low + high) / 2
        found = [(Scale(float(s), 0.0), shift) for s in _nice(low, high, likeliest)]
    centred = numbers - numbers.mean()
    slope = float(np.dot(centred, values - values.mean()) / np.dot(centred, centred))
    found.append((Scale(slope, float(values.mean() - slope * numbers.mean())), 0))
    return found


def _nice(low: float, high: float, likeliest: float) -> list[float]:
    """Steps between two, or near: the roundest decimals of it and of its inverse, float32, and the nearest doubles."""
    found: list[float] = []
    for digits in range(1, 17):
        rounded = float(f"{likeliest:.{digits - 1}e}")
        inverse = 1 / float(f"{1 / likeliest:.{digits - 1}e}")
        found += [s for s in (rounded, inverse) if low <= s <= high][:2]
        if len(found) >= 2:
            break
    found.append(float(np.float32(likeliest)))
    found.append(likeliest)
    for direction in (0.0, np.inf):
        step = likeliest
        for _ in range(CANDIDATES):
            step = float(np.nextafter(step, direction))
            if not low <= step <= high:
                break
            found.append(step)
    return found
