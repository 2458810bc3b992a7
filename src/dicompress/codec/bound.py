"""Near-lossless images: which values must stay exact all the same, what error ranks may have, and whether a bound holds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..errors import UnsupportedImageError, VerificationError

MAX_NEAR = 255
MAX_RUNS = 16
Runs = tuple[tuple[int, int], ...]  # (first, last) values, ascending and apart


def exact_runs(image: np.ndarray, wanted: Iterable[tuple[int, int]]) -> Runs:
    """The runs of values that an image's pixels keep: those wanted, and the ends of its range where they are saturated.

    Only as far as they lie within the image's range. UnsupportedImageError if they are too many.
    """
    low, high = int(image.min()), int(image.max())
    runs: list[list[int]] = []
    for first, last in sorted([*wanted, *((end, end) for end in (low, high) if _is_saturated(image, end))]):
        first, last = max(first, low), min(last, high)
        if runs and first <= runs[-1][1] + 1:
            runs[-1][1] = max(runs[-1][1], last)
        elif first <= last:
            runs.append([first, last])
    if len(runs) > MAX_RUNS:
        raise UnsupportedImageError(f"{len(runs)} runs of values are to stay exact; {MAX_RUNS} are possible")
    return tuple((first, last) for first, last in runs)


def _is_saturated(image: np.ndarray, value: int) -> bool:
    """Whether most pixels of `value` have it all around: padding or saturation, not noise that happens to touch an end."""
    same = image == value
    around = same[:-2, 1:-1] & same[2:, 1:-1] & same[1:-1, :-2] & same[1:-1, 2:]
    return 2 * np.count_nonzero(around & same[1:-1, 1:-1]) > np.count_nonzero(same)


def rank_runs(values: np.ndarray, exact: Runs) -> Runs:
    """`exact` as ranks in the sorted `values`."""
    edges = ((np.searchsorted(values, first), np.searchsorted(values, last, "right") - 1) for first, last in exact)
    return tuple((int(first), int(last)) for first, last in edges if first <= last)


def apart(values: np.ndarray, exact: Runs) -> list[np.ndarray]:
    """The sorted `values` that are not exact, cut where exact ones lie between them."""
    edges = [0, *(edge for first, last in rank_runs(values, exact) for edge in (first, last + 1)), values.size]
    return [values[a:b] for a, b in zip(edges[::2], edges[1::2])]


def rank_near(values: np.ndarray, near: int, exact: Runs) -> int:
    """The largest error of ranks in the sorted `values` that is none beyond `near` of values."""
    between = [run for run in apart(values, exact) if run.size > 1]
    fits, fails = 0, near + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        steps = (min(middle, run.size - 1) for run in between)
        if all(np.all(run[step:] - run[:-step] <= near) for run, step in zip(between, steps)):
            fits = middle
        else:
            fails = middle
    return fits


def check_bound(original: np.ndarray, decoded: np.ndarray, near: int, exact: Iterable[tuple[int, int]]) -> None:
    """VerificationError unless no pixel is off by more than `near`, and none that has or takes an exact value at all."""
    error = np.abs(original.astype(np.int32) - decoded)
    if int(error.max()) > near:
        raise VerificationError(f"a pixel is off by {error.max()}, more than {near}; please report this")
    for first, last in exact:
        for image in (original, decoded):
            if error[(first <= image) & (image <= last)].any():
                raise VerificationError(f"values {first} to {last} do not come back exactly; please report this")
