"""Which planes a plane leans on: none, one or two that are decoded before it, so that no circle and no long chain can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


def coding_order(frames: int, neighbours: bool) -> list[int]:
    """0, 2, 1, 4, 3 ...: every second frame after the one or two before it in this row, and the others between two of these."""
    if not neighbours:
        return list(range(frames))
    return [k for even in range(0, frames + 1, 2) for k in (even, even - 1) if 0 <= k < frames]


def candidates(number: int, samples: int, neighbours: bool, depth: Mapping[int, int]) -> list[tuple[int, ...]]:
    """The choices of planes for plane `number` to lean on: samples before it of its frame, and, with `neighbours`, its sample of
    the frames that `coding_order` has beside it; if those are too deep, of the last frame that leans on none.

    depth: of the planes that are decoded before it.
    """
    frame, sample = divmod(number, samples)
    limit = MAX_DEPTH + 1 + sample - samples  # as each sample that follows may need this one
    apart = (-2, -4) if frame % 2 == 0 else (-1, 1, -2)

    def shallow(numbers: Iterable[int]) -> list[int]:
        return [n for n in numbers if depth.get(n, limit) < limit][:MAX_REFERENCES]

    same = shallow(range(number - 1, number - sample - 1, -1))
    beside = shallow(number + k * samples for k in apart) if neighbours else []
    if neighbours and not beside:
        beside = [n for n in range(number - samples, -1, -samples) if depth.get(n, limit) < samples][:1]
    choices = [tuple(numbers[:k]) for numbers in (beside, same) for k in range(1, len(numbers) + 1)]
    if frame % 2 and len(beside) > 1:
        choices.remove((beside[0],))  # between two frames both are better than one
    return choices + ([(same[0], beside[0])] if same and beside else [])
