"""Outcomes of any number of files in some 40 bytes each: who told of a file, and what counts of it. The last that was told counts."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, replace

import numpy as np

from .outcome import Outcome, Totals


def key_of(source: str) -> int:
    """64 bits of a digest: of 10^8 files two are alike once in some thousand batches."""
    return int.from_bytes(hashlib.blake2b(source.encode(errors="surrogateescape"), digest_size=8).digest())


@dataclass(frozen=True)
class Sums:
    """duplicates: keys of files that several shards told of, with these."""

    totals: Totals
    seconds: float
    duplicates: dict[int, list[str]]


class Table:
    """A row an outcome. kinds: outcomes without their numbers, of which there are a few dozen."""

    def __init__(self) -> None:
        self.kinds, self.shards = dict[Outcome, int](), dict[str, int]()
        self.keys, self.who, self.what = array("Q"), array("I"), array("I")
        self.bytes_in, self.bytes_out, self.pixels, self.seconds = array("Q"), array("Q"), array("Q"), array("f")

    def add(self, key: int, shard: str, outcome: Outcome) -> None:
        """ValueError if its numbers are none."""
        numbers = (outcome.bytes_in, outcome.bytes_out, outcome.pixels)
        if not all(isinstance(number, int) and 0 <= number < 1 << 63 for number in numbers):
            raise ValueError("no numbers of bytes and pixels")
        seconds = float(outcome.seconds)
        elsewhere = outcome.target and outcome.target != outcome.source  # not in place
        kind = Outcome(
            "", "elsewhere" if elsewhere else None, outcome.status, outcome.reason and "", is_dicom=outcome.is_dicom,
            damaged=outcome.damaged, verified_by=tuple(outcome.verified_by),
        )  # fmt: skip
        self.keys.append(key)
        self.who.append(self.shards.setdefault(shard, len(self.shards)))
        self.what.append(self.kinds.setdefault(kind, len(self.kinds)))
        self.bytes_in.append(outcome.bytes_in)
        self.bytes_out.append(outcome.bytes_out)
        self.pixels.append(outcome.pixels)
        self.seconds.append(seconds)

    def sums(self, action: str) -> Sums:
        totals = Totals(action)
        if not self.keys:
            return Sums(totals, 0.0, {})
        keys, who, what = (np.frombuffer(column, column.typecode) for column in (self.keys, self.who, self.what))
        order = np.argsort(keys, kind="stable")  # of one file in the order in which it was told
        alike = keys[order[1:]] == keys[order[:-1]]
        last = order[np.append(~alike, True)]
        counts = np.bincount(what[last], minlength=len(self.kinds))
        bytes_in, bytes_out, pixels = (
            np.bincount(what[last], np.frombuffer(column, column.typecode)[last], len(self.kinds))
            for column in (self.bytes_in, self.bytes_out, self.pixels)
        )
        for kind, n in self.kinds.items():
            if counts[n]:
                sized = replace(kind, bytes_in=int(bytes_in[n]), bytes_out=int(bytes_out[n]), pixels=int(pixels[n]))
                totals.add(sized, int(counts[n]))
        names = list(self.shards)
        differ = np.flatnonzero(alike & (who[order[1:]] != who[order[:-1]]))
        found: dict[int, list[str]] = {}
        for place in differ:
            one, other = (names[who[order[place + step]]] for step in (0, 1))
            found.setdefault(int(keys[order[place]]), [one, other])
        seconds = float(np.frombuffer(self.seconds, self.seconds.typecode)[last].sum(dtype=np.float64))
        return Sums(totals, seconds, found)
