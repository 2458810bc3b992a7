"""Which slices of a series are alike, and in which order they lie: by their elements, and by what their pixels say of that."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

PAIRS = 6  # of slices, which tell what an order is worth
LOOKED_AT = 1 << 14  # pixels of each
STEP = 8  # places from one slice to the next of those that lean on slices before them only; the others lie between two
FARTHEST = STEP + 1  # places that a slice leans across
MOST_NEEDED = 15  # slices that are decoded before any other one


@dataclass(frozen=True)
class Facts:
    """What of a file's elements tells where it belongs. alike: files that have it in common may lean on each other; None: it stands alone.

    along: of the position, along the normal of the slices, in mm. time, number: what there is of such, ascending.
    """

    series: str
    instance: str = ""
    alike: Hashable = None
    along: float | None = None
    times: tuple[Any, ...] = ()
    number: int | None = None


def facts_of(dataset: Dataset, grey: Iterable[str]) -> Facts:
    """Of a data set without its pixels; whatever cannot be read is not there. grey: Photometric Interpretations of such images."""

    def value(name: str) -> Any:
        try:
            return dataset.get(name)
        except Exception:  # pydicom raises several kinds for values that are none
            return None

    def numbers(name: str, count: int) -> tuple[float, ...] | None:
        try:
            found = tuple(float(n) for n in value(name))
            return found if len(found) == count and all(map(math.isfinite, found)) else None
        except (TypeError, ValueError):
            return None

    def number(name: str) -> int | None:
        try:
            return int(value(name))
        except (TypeError, ValueError):
            return None

    orientation, position = numbers("ImageOrientationPatient", 6), numbers("ImagePositionPatient", 3)
    normal = None if orientation is None else np.cross(orientation[:3], orientation[3:])
    size = tuple(number(name) for name in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation"))
    single = (number("NumberOfFrames") or 1) == 1 and value("PhotometricInterpretation") in tuple(grey)
    facing = None if orientation is None else tuple(round(n, 2) for n in orientation)
    times = tuple(
        "" if value(name) is None else str(value(name))
        for name in ("TemporalPositionIdentifier", "TriggerTime", "AcquisitionTime", "ContentTime")
    )
    return Facts(
        series=str(value("SeriesInstanceUID") or ""),
        instance=str(value("SOPInstanceUID") or ""),
        alike=(size, facing) if single and None not in size else None,
        along=None if normal is None or position is None else round(float(np.dot(normal, position)), 3),
        times=times,
        number=number("InstanceNumber"),
    )


def groups(found: Sequence[Facts]) -> list[list[int]]:
    """Numbers of files that are alike, in groups, largest first; files that stand alone are in none."""
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for number, facts in enumerate(found):
        if facts.alike is not None:
            alike[facts.alike].append(number)
    return sorted(alike.values(), key=len, reverse=True)


def orders(found: Sequence[Facts], group: Sequence[int]) -> list[list[int]]:
    """The orders of a group that its elements speak for, each once; the last one is that in which the files came."""

    def time(facts: Facts) -> tuple[Any, ...]:
        return tuple(_natural(text) for text in facts.times)

    keys: list[Callable[[int], Any] | None] = []
    has_place, has_number = (all(getattr(found[n], name) is not None for n in group) for name in ("along", "number"))
    if has_place:
        keys.append(lambda n: (found[n].along, time(found[n]), found[n].number or 0))
        keys.append(lambda n: (time(found[n]), found[n].along))
    if has_number:
        keys.append(lambda n: found[n].number)
    if not has_place and len({found[n].times for n in group}) > 1:
        keys.append(lambda n: time(found[n]))
    result: list[list[int]] = []
    for key in (*keys, None):
        order = list(group) if key is None else sorted(group, key=key)
        if order not in result and order[::-1] not in result:
            result.append(order)
    return result


def best(choices: Sequence[list[int]], pixels: Callable[[int], np.ndarray | None]) -> list[int]:
    """The order in which slices are most like those before them. pixels: of file number n, None if there are none to be had."""
    if len(choices) == 1 or len(choices[0]) < 3:
        return choices[0]
    seen: dict[int, np.ndarray | None] = {}

    def look(number: int) -> np.ndarray | None:
        if number not in seen:
            image = pixels(number)
            step = 1 if image is None else max(1, math.isqrt(image.size // LOOKED_AT))
            seen[number] = None if image is None else image[::step, ::step].astype(np.float64)
        return seen[number]

    def cost(order: list[int]) -> float:
        places = np.unique(np.linspace(0, len(order) - 2, PAIRS).astype(int))
        pairs = [(look(order[i]), look(order[i + 1])) for i in places]
        return float(np.mean([_unlike(a, b) for a, b in pairs if a is not None and b is not None] or [0.0]))

    costs = [cost(order) for order in choices]
    return choices[int(np.argmin(costs))]


def _unlike(a: np.ndarray, b: np.ndarray) -> float:
    """What is left of b, when a times a gain and an offset are taken away: log2 of the deviation."""
    if a.shape != b.shape:
        return 16.0
    x, y = a - a.mean(), b - b.mean()
    power = float((x * x).sum())
    rest = y - x * (float((x * y).sum()) / power if power else 0.0)
    return float(np.log2(rest.std() + 0.5))


def coding_order(count: int) -> list[int]:
    """0, 8, 4, 2, 1, 3, 6 ...: places of slices, each of them after those that it may lean on."""
    order = list(range(min(count, 1)))
    for first in range(0, count - 1, STEP):
        last = min(first + STEP, count - 1)
        order += [last, *_between(first, last)]
    return order


def _between(first: int, last: int) -> list[int]:
    """Places between two, the middle before what is on either side of it."""
    if last - first < 2:
        return []
    middle = (first + last + 1) // 2
    return [middle, *_between(first, middle), *_between(middle, last)]


@dataclass
class Chains:
    """What slices, by their places, lean on, so that none needs too many others. needed: by place, all that is decoded before it."""

    needed: dict[int, frozenset[int]] = field(default_factory=dict)

    def candidates(self, place: int) -> list[int]:
        """Places that a slice may lean on, the likelier first, two at most: the nearest on either side."""
        near = [n for n in range(place - FARTHEST, place + FARTHEST + 1) if n in self.needed]
        sides = [n for n in near if n < place][-1:] + [n for n in near if n > place][:1]
        others = sorted(near, key=lambda n: abs(n - place))
        return self._two(dict.fromkeys([*sides, *others]), MOST_NEEDED - _level(place))

    def nearest(self, place: float, places: Mapping[int, float]) -> list[int]:
        """As `candidates`, of a slice that comes later, and by other numbers: those of `places`, by number, that are nearest."""
        return self._two(sorted(places, key=lambda n: abs(places[n] - place)), MOST_NEEDED)

    def _two(self, wanted: Iterable[int], most: int) -> list[int]:
        """The first two that together need no more than `most`, themselves included."""
        chosen: list[int] = []
        for n in wanted:
            if len(chosen) < 2 and len(self._closure([*chosen, n])) <= most:
                chosen.append(n)
        return chosen

    def add(self, place: int, leans_on: Sequence[int]) -> None:
        self.needed[place] = self._closure(leans_on)

    def _closure(self, places: Sequence[int]) -> frozenset[int]:
        return frozenset(places).union(*(self.needed[n] for n in places))


def _level(place: int) -> int:
    """By how many slices those between this one and the next need more than it does."""
    level = 0
    while place % (2 << level) == 0 and 1 << level < STEP:
        level += 1
    return level


def _natural(text: str) -> tuple[int, float, str]:
    """Numbers by their size, behind them what is no number."""
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text
