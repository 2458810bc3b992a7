"""The samples of colour pixels as planes: each less what the planes before it say of it, pixel by pixel.

A reversible colour transform in lifting steps, as in JPEG 2000's, whose coefficients are fitted to the image: where red, green
and blue go together, the second and third planes are nearly zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_SAMPLES = 4
ONE_BITS = 6  # fixed point of the coefficients
LARGEST = 4 << ONE_BITS
SAMPLED = 256  # rows at most that coefficients are fitted on
LIMIT = 65535  # of coded values, and of their largest minus their smallest


def fit(plane: np.ndarray, before: Sequence[np.ndarray]) -> tuple[int, ...]:
    """A coefficient for each of the planes `before` `plane`, all (rows, columns); zeros where none is of use."""
    none = (0,) * len(before)
    if not before or min(plane.shape) < 2:
        return none
    step = -(-(plane.shape[0] - 1) // SAMPLED)
    wanted, *details = (_detail(p, step) for p in (plane, *before))
    candidates = [none, *(tuple((1 << ONE_BITS) * (i == k) for i in range(len(before))) for k in range(len(before)))]
    weight = np.ones_like(wanted)
    regressors = np.stack(details)
    for _ in range(3):
        weighted = regressors * weight
        solution = np.linalg.solve(weighted @ regressors.T + np.eye(len(before)), weighted @ wanted)
        weight = 1 / (1 + np.abs(wanted - solution @ regressors))
        rounded = np.clip(np.rint(solution * (1 << ONE_BITS)), -LARGEST, LARGEST)
        candidates.append(tuple(int(c) for c in rounded))
    best = min(candidates, key=lambda c: _cost(wanted - np.array(c) / (1 << ONE_BITS) @ regressors))
    coded = plane - offset(before, best)
    return best if -LIMIT <= coded.min() and coded.max() <= LIMIT and np.ptp(coded) <= LIMIT else none


def offset(before: Sequence[np.ndarray], coefficients: Sequence[int]) -> np.ndarray | int:
    """What the planes before say of a plane: int32 of their shape, or 0."""
    used = [(p, c) for p, c in zip(before, coefficients) if c]
    total = sum(p.astype(np.int32) * c for p, c in used)
    return (total + (1 << ONE_BITS - 1)) >> ONE_BITS if used else 0


def _detail(plane: np.ndarray, step: int) -> np.ndarray:
    """What no neighbour tells: the mixed second difference, of every `step`-th row."""
    p = plane.astype(np.float64)
    rows = p[1::step] - p[:-1:step]
    return np.diff(rows, axis=1).ravel()


def _cost(detail: np.ndarray) -> float:
    """About the nats a value of these differences."""
    return float(np.log(np.abs(detail) + 0.7).mean())
