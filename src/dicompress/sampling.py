"""Telling many from few: of neighbours that are alike one is tried, and tells what the others would become."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

PREDICTED = "predicted from its neighbour"
Item = TypeVar("Item")


def blocks(items: Sequence[Item], share: float) -> Iterator[tuple[Item, Sequence[Item]]]:
    """(what is tried, those behind it that it stands for) of items in their order. share: that is tried at least."""
    step = max(1, math.floor(1 / share))
    for start in range(0, len(items), step):
        yield items[start], items[start + 1 : start + step]
