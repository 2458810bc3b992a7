"""Which planes a plane leans on: none, one or two that are decoded before it, so that no circle and no long chain can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import StreamError

MAX_REFERENCES = 2
MAX_DEPTH = 16  # planes that must be decoded one after the other before any other one


def depths(needs: Sequence[Sequence[int]]) -> list[int]:
    """How long the longest chain of planes below each is; needs: for each plane the numbers of those it leans on.

    StreamError if planes lean on themselves, on each other or on one that does not exist, or are too deep.
    """
    count = len(needs)
    for number, others in enumerate(needs):
        if any(not 0 <= n < count or n == number for n in others):
            raise StreamError(f"plane {number} leans on itself or on one that does not exist")
    found = [0] * count
    for _ in range(MAX_DEPTH + 1):
        deeper = [1 + max(found[n] for n in others) if others else 0 for others in needs]
        if deeper == found:
            return found
        found = deeper
    raise StreamError(f"planes lean on each other in a circle, or in chains of more than {MAX_DEPTH}")


def order(wanted: Iterable[int], needs: Callable[[int], Sequence[int]]) -> Iterator[int]:
    """The numbers wanted and all they need, every one after those it leans on; of needs that `depths` accepts."""
    done: set[int] = set()
    for number in wanted:
        waiting = [number]
        while waiting:
            missing = [n for n in needs(waiting[-1]) if n not in done]
            if missing:
                waiting += missing
                continue
            found = waiting.pop()
            if found not in done:
                done.add(found)
                yield found


def candidates(number: int, samples: int, neighbours: bool, depth: Sequence[int]) -> list[tuple[int, ...]]:
    """The choices of planes for plane `number` to lean on, each nearest first: samples before it of its frame, and, with
    `neighbours`, its sample of the one or two frames before; if these are too deep, of the last frame that leans on none.

    depth: of the planes before it.
    """
    same = [n for n in range(number - 1, number - number % samples - 1, -1) if depth[n] < MAX_DEPTH][:MAX_REFERENCES]
    frames = range(number - samples, -1, -samples) if neighbours else range(0)
    earlier = [n for n in frames[:MAX_REFERENCES] if depth[n] < MAX_DEPTH]
    if not earlier:
        earlier = [n for n in frames if depth[n] < samples][:1]
    choices = [tuple(numbers[:k]) for numbers in (earlier, same) for k in range(1, len(numbers) + 1)]
    return choices + ([(same[0], earlier[0])] if same and earlier else [])
