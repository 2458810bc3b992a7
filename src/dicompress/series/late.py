"""Where late slices belong among those that an archive has."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from ..dicom.pixels import GREY
from ..errors import DicompressError
from .entry import SLICE
from .order import Chains, Facts, coding_order, facts_of, orders
from .reader import Archive


@dataclass
class Group:
    """Slices of an archive that are alike. members: entry's number, place, facts."""

    number: int
    archive: Archive
    members: list[tuple[int, float, Facts]] = field(default_factory=list)

    def chains(self) -> Chains:
        """Of the slices that are there, by entry's number."""
        chains = Chains()
        for number, _, _ in sorted(self.members):
            references = self.archive.entries[number].references
            if all(n in chains.needed for n in references):
                chains.add(number, references)
        return chains

    def insert(self, late: Sequence[Facts]) -> Iterator[tuple[int, float]]:
        """Numbers of late slices, in the order in which they are coded, and their places between those that are there."""
        members = sorted(self.members, key=lambda member: member[1])
        order, left = self._order(members, late), members[0][1] - 1
        for is_late, run in groupby(order, lambda n: n >= len(members)):
            numbers = list(run)
            if not is_late:
                left = members[numbers[-1]][1]
                continue
            following = next((n for n in order[order.index(numbers[-1]) + 1 :]), None)
            if following is None:
                places = [left + 1 + k for k in range(len(numbers))]
            elif order[0] == numbers[0]:
                places = [left - k for k in reversed(range(len(numbers)))]
            else:
                step = (members[following][1] - left) / (len(numbers) + 1)
                places = [left + step * (k + 1) for k in range(len(numbers))]
            yield from ((numbers[k] - len(members), places[k]) for k in coding_order(len(numbers)))

    @staticmethod
    def _order(members: Sequence[tuple[int, float, Facts]], late: Sequence[Facts]) -> list[int]:
        """Of members and late ones behind them: the first that elements speak for and in which the members lie as they do."""
        found = [facts for _, _, facts in members] + list(late)
        there = list(range(len(members)))
        for order in orders(found, range(len(found))):
            kept = [n for n in order if n < len(members)]
            if kept == there:
                return order
            if kept == there[::-1]:
                return order[::-1]
        return list(range(len(found)))


def groups_of(archive: Archive) -> dict[Hashable, Group]:
    """By what its slices have in common; those are left out whose elements are damaged."""
    found: dict[int, Group] = {}
    alike: dict[int, Hashable] = {}
    for number, entry in archive.entries.items():
        if entry.method != SLICE or entry.frames is not None:
            continue
        try:
            facts = facts_of(archive.header(number), GREY)
        except DicompressError:
            continue
        group = found.setdefault(entry.group, Group(entry.group, archive))
        group.members.append((number, float(entry.place), facts))
        alike[entry.group] = facts.alike
    return {alike[number]: group for number, group in found.items()}
