"""A shard: the files that one of several independent runs works on. They share nothing but what they are told."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..errors import DicompressError


class Named(Protocol):
    """name: a path in the tree, with slashes, whatever the folder that the tree is in. size: in bytes, None if it is not known."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int | None: ...


Item = TypeVar("Item", bound=Named)


@dataclass(frozen=True)
class Shard:
    """Number `index` of `count`, from 0."""

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """Of "I/N". DicompressError."""
        index, _, count = text.partition("/")
        if not (index.isascii() and index.isdigit() and count.isascii() and count.isdigit() and int(index) < int(count)):
            raise DicompressError(f"--shard {text}: say I/N, such as 0/8 to 7/8: shards are counted from 0")
        return cls(int(index), int(count))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, name: str) -> bool:
        """By a hash of the name, so that a file stays in its shard whatever comes and goes beside it."""
        return _number(name) % self.count == self.index

    def balanced(self, items: Iterable[Item]) -> Iterator[Item]:
        """Those of this shard: each goes to the shard that has the fewest bytes so far, where its size is known, else by its hash.

        All shards get the same if they are given the same items in the same order; none is ahead by more than one item's size.
        """
        loads = [(0, number) for number in range(self.count)]
        for item in items:
            if item.size is None:
                number = _number(item.name) % self.count
            else:
                load, number = loads[0]
                heapq.heapreplace(loads, (load + item.size, number))
            if number == self.index:
                yield item


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:8])
