"""Files of a series to an archive, one after another, so that memory does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from ..dicom.native import native_of
from ..dicom.part10 import parse
from ..errors import DicompressError, StreamError
from . import parts
from .entry import SLICE, Entry
from .heads import Packer, joined
from .order import Chains, Facts, best, coding_order, groups, orders
from .packing import Content, Settings, pack, sha256
from .reader import Archive

LONGEST_BASE = 1 << 20


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
        found = [source.facts for source in sources]
        alike = groups(found)
        first = 1 + max((entry.group for entry in self.entries.values()), default=-1)
        together = {number for group in alike for number in group}
        for group, numbers in enumerate(alike, first):
            self._slices([sources[n] for n in numbers], group)
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
            if content is None or content.entry.method != SLICE or content.pixels is None or content.entry.frames is not None:
                continue
            by_number = {number: n for n, (number, _) in known.items()}
            chains.add(place, [by_number[number] for number in content.entry.references])
            known[place] = content.entry.number, content.pixels
            [known.pop(k) for k in [*known] if k < place - 12]

    def _put(self, source: Source, references: dict[int, np.ndarray], group: int, place: int) -> Content | None:
        """None if it cannot be read or packed, which is told."""
        number = 1 + max(self.entries, default=-1)
        entry = Entry(
            number, source.path, 0, "", uid=source.facts.instance, group=group, place=place, mode=source.mode, mtime_ns=source.mtime_ns,
        )  # fmt: skip
        try:
            data = source.read()
            packer = self.packer or self._base(data)
            content = pack(data, entry, references, self.settings, packer)
        except DicompressError as error:
            self.tell(source, error, 0)
            return None
        except MemoryError:
            self.tell(source, DicompressError("not enough memory"), 0)
            return None
        except Exception as error:  # a defect of ours: this file fails, the others do not
            self.tell(source, DicompressError(f"unexpected {type(error).__name__}: {error}; please report this"), 0)
            return None
        head = packer.pack(joined(content.entry.encode(), content.around))
        self.entries[number] = content.entry
        self.places[number] = parts.write(self.file, parts.FILE, head, content.data)
        self.tell(source, content, self.places[number].end - self.places[number].start)
        return content

    def _base(self, data: bytes) -> Packer:
        """Of the first file's elements, which those of the others are like."""
        try:
            part10 = parse(data)
            pixels = part10.pixels
            base = part10.content if pixels is None else part10.content[: pixels.start] + part10.content[pixels.stop :]
        except DicompressError:
            base = b""
        self.packer = Packer(base[:LONGEST_BASE])
        parts.write(self.file, parts.BASE, Packer().pack(self.series.encode()), Packer().pack(self.packer.base))
        return self.packer

    def _index(self) -> None:
        files = [
            [place.start, place.head, place.data, self.entries[number].facts()] for number, place in sorted(self.places.items())
        ]  # fmt: skip
        index = {"series": self.series, "files": files}
        head = Packer().pack(json.dumps(index, separators=(",", ":")).encode("ascii"))
        place = parts.write(self.file, parts.INDEX, head, Packer().pack(self.packer.base if self.packer else b""))
        parts.write_footer(self.file, place)


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
