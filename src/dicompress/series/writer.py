"""Files of a series to an archive, one after another, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from ..dicom.native import native_of
from ..dicom.part10 import parse
from ..errors import DicompressError, StreamError
from . import index, late, parts
from .entry import KEPT, Entry
from .heads import Packer, joined
from .order import FARTHEST, Chains, Facts, best, coding_order, groups, orders
from .packing import Content, Settings, pack, sha256
from .reader import Archive

LONGEST_BASE = 1 << 20
RECENT = 12  # late slices whose pixels are kept, so that others may lean on them


@dataclass(frozen=True)
class Source:
    """A file that is to be packed. read: its bytes, or FileError. mode, mtime_ns: permission bits and time of change, if it has such."""

    path: str
    facts: Facts
    read: Callable[[], bytes]
    mode: int | None = None
    mtime_ns: int | None = None


Tell = Callable[[Source, "Content | DicompressError", int], None]  # a source, what became of it, bytes in the archive


class Writer:
    """Packs files into an archive that is being written, or that is there already."""

    def __init__(self, file: BinaryIO, series: str, settings: Settings, tell: Tell, before: Archive | None = None):
        """file: stands where to write. before: the archive that the file is already; what is in it is left alone."""
        self.file, self.series, self.settings, self.tell = file, series, settings, tell
        self.places: dict[int, parts.Place] = dict(before.places) if before else {}
        self.entries: dict[int, Entry] = _known(before) if before else {}
        self.packer = before.packer if before else None
        self.before = before

    def pack(self, sources: Sequence[Source]) -> None:
        """All of them, and the index behind them."""
        if self.before is None:
            self.file.write(parts.MAGIC)
        alike = groups([source.facts for source in sources])
        there = late.groups_of(self.before) if self.before else {}
        free = 1 + max((entry.group for entry in self.entries.values()), default=-1)
        together = {number for group in alike for number in group}
        for numbers in alike:
            chosen = [sources[n] for n in numbers]
            if found := there.get(chosen[0].facts.alike):
                self._late(chosen, found)
            else:
                self._slices(chosen, free)
                free += 1
        for number in range(len(sources)):
            if number not in together:
                self._put(sources[number], {}, 0, 0)
        self._index()

    def _slices(self, sources: list[Source], group: int) -> None:
        """Files that may lean on each other."""
        order = best(orders([s.facts for s in sources], range(len(sources))), lambda n: _pixels(sources[n]))
        chains, known = Chains(), dict[int, tuple[int, np.ndarray]]()  # by place: number and pixels
        for place in coding_order(len(order)):
            candidates = dict(known[n] for n in chains.candidates(place) if n in known)
            content = self._put(sources[order[place]], candidates, group, place)
            pixels = _leaned_on(content)
            if content is None or pixels is None:
                continue
            by_number = {number: n for n, (number, _) in known.items()}
            chains.add(place, [by_number[number] for number in content.entry.references])
            known[place] = content.entry.number, pixels
            for n in [n for n in known if n < place - FARTHEST]:
                del known[n]

    def _late(self, sources: list[Source], there: late.Group) -> None:
        """Files of a group that is there: each between those beside it, leaning on them and on what came before it."""
        assert self.before is not None
        chains, recent = there.chains(), dict[int, np.ndarray]()
        places = {number: float(self.entries[number].place) for number in chains.needed}
        for number, place in there.insert([source.facts for source in sources]):
            candidates = dict[int, np.ndarray]()
            for n in chains.nearest(place, places):
                with suppress(DicompressError):  # it is damaged: others are leaned on
                    candidates[n] = recent[n] if n in recent else self.before.pixels(n, self.settings.threads)
            content = self._put(sources[number], candidates, there.number, place)
            pixels = _leaned_on(content)
            if content is None or pixels is None:
                continue
            chains.add(content.entry.number, content.entry.references)
            places[content.entry.number], recent[content.entry.number] = place, pixels
            if len(recent) > RECENT:
                first = next(iter(recent))
                del recent[first], places[first]

    def _put(self, source: Source, references: dict[int, np.ndarray], group: int, place: float) -> Content | None:
        """None if it cannot be read or packed, which is told."""
        number = 1 + max(self.entries, default=-1)
        entry = Entry(
            number, source.path, 0, "", uid=source.facts.instance, group=group, place=place, mode=source.mode, mtime_ns=source.mtime_ns,
        )  # fmt: skip
        try:
            data = source.read()
            content = pack(data, entry, references, self.settings, self.packer or Packer())
            if self.packer is None:
                self.packer = self._base(content)
                if content.entry.method == KEPT:
                    content = pack(data, entry, references, self.settings, self.packer)
        except DicompressError as error:
            self.tell(source, error, 0)
            return None
        except MemoryError:
            self.tell(source, DicompressError("not enough memory"), 0)
            return None
        except Exception as error:  # a defect of ours: this file fails, the others do not
            self.tell(source, DicompressError(f"unexpected {type(error).__name__}: {error}; please report this"), 0)
            return None
        head = self.packer.pack(joined(content.entry.encode(), content.around))
        self.entries[number] = content.entry
        self.places[number] = parts.write(self.file, parts.FILE, head, content.data)
        self.tell(source, content, self.places[number].end - self.places[number].start)
        return content

    def _base(self, content: Content) -> Packer:
        """Of the first file's facts and elements, which those of the others are like."""
        packer = Packer((content.entry.encode() + content.around)[:LONGEST_BASE])
        parts.write(self.file, parts.BASE, Packer().pack(self.series.encode()), Packer().pack(packer.base))
        return packer

    def _index(self) -> None:
        packer = self.packer or Packer()
        head = index.head_of(self.series, ((self.places[number], entry) for number, entry in self.entries.items()), packer)
        place = parts.write(self.file, parts.INDEX, head, Packer().pack(packer.base))
        parts.write_footer(self.file, place)


def _leaned_on(content: Content | None) -> np.ndarray | None:
    """The pixels of what others may lean on."""
    return content.pixels if content is not None and content.entry.frames is None else None


def _known(before: Archive) -> dict[int, Entry]:
    """What is there, with the checksums that parts behind the last index have not."""
    entries = dict(before.entries)
    for number, entry in entries.items():
        if not entry.sha256:
            with suppress(StreamError):  # damaged: it stays, for what leans on it to be told so
                entries[number] = replace(entry, sha256=sha256(before.restore(number)))
    return entries


def _pixels(source: Source) -> np.ndarray | None:
    """The first frame of a file that has such."""
    try:
        data = source.read()
        first: np.ndarray = native_of(parse(data), data).pixels[0]
        return first
    except DicompressError:
        return None
