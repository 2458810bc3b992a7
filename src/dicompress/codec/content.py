"""What the encoder makes of a plane: its values less what other samples say, packed; and which planes it leans on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..models import Model, Values
from . import colour
from .bound import Runs, exact_runs, rank_near, rank_runs
from .packing import sparse_values

WORTH = 0.008  # of a bit a pixel, by the estimate; less is not worth leaning on a plane
FEWEST = 1024  # pixels below which planes lean on none


@dataclass(frozen=True)
class Choice:
    """Planes that a plane may lean on, nearest first: how far before it they lie, and their pixels as decoded."""

    distances: tuple[int, ...] = ()
    planes: Sequence[np.ndarray] = ()


@dataclass(frozen=True)
class Content:
    """What is coded of a plane. said: what the samples before say, by `coefficients`; occurring: the values that occur, if
    pixels are coded as ranks among them; exact: runs of values that are, if errors are allowed."""

    coefficients: tuple[int, ...]
    said: np.ndarray | int
    low: int
    high: int
    exact: Runs
    occurring: np.ndarray | None
    packed: np.ndarray  # int32
    values: Values

    @classmethod
    def of(
        cls, pixels: np.ndarray, before: Sequence[np.ndarray], coefficients: tuple[int, ...], near: int,
        wanted: Iterable[tuple[int, int]],
    ) -> Content:  # fmt: skip
        said = colour.offset(before, coefficients)
        content = pixels.astype(np.int32)
        content -= said
        low, high = int(content.min()), int(content.max())
        exact = exact_runs(content, wanted) if near and low < high else ()
        occurring = sparse_values(content, near, exact)
        values = coded(low, high, near, exact, occurring)
        return cls(coefficients, said, low, high, exact, occurring, values.numbers(content), values)


def coded(low: int, high: int, near: int, exact: Runs, occurring: np.ndarray | None) -> Values:
    """What is coded: values, or ranks among those `occurring`."""
    if occurring is None:
        return Values(low, high, near, exact)
    return Values(0, occurring.size - 1, rank_near(occurring, near, exact), rank_runs(occurring, exact), occurring)


def choose(
    model: Model, pixels: np.ndarray, before: Sequence[np.ndarray], near: int, exact: Iterable[tuple[int, int]],
    choices: Sequence[Choice],
) -> tuple[Content, Choice]:  # fmt: skip
    """What to code of a plane, and what it leans on: by what the model expects them to take, never less than WORTH."""
    fitted = colour.fit(pixels, before)
    content, none = Content.of(pixels, before, fitted, near, exact), Choice()
    choices = [c for c in choices if len(c.planes) <= model.most_references]
    if not choices or pixels.size < FEWEST or content.low == content.high:
        return content, none
    contents = [content]
    if any(fitted):
        contents.append(Content.of(pixels, before, (0,) * len(before), near, exact))
    least, best = np.inf, (content, none)
    for content in contents:
        references = [[p.astype(np.int32) for p in choice.planes] for choice in (none, *choices)]
        alone, *leaning = model.estimate(content.packed, content.values, references)
        bits = [alone - WORTH * pixels.size, *leaning]
        if min(bits) < least:
            least, best = min(bits), (content, (none, *choices)[int(np.argmin(bits))])
    return best
