"""An archive of a series: its files, each by itself, whatever became of the others."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from ..errors import DicompressError, FileError, StreamError
from ..limits import check_size
from . import index, parts
from .entry import SLICE, Entry
from .heads import Packer, split
from .packing import assembled, decoded, restored

CACHED = 64 << 20  # bytes of pixels that are kept
MOST_NEEDED = 64  # files for one; more are a damaged index
TURNS = 32


class Elsewhere(Protocol):
    """An archive that is no file of this machine. ranges: FileError."""

    def ranges(self) -> parts.Reads: ...


class Archive:
    """A `.dcma` file, open for reading. It can be used by several threads, and pickled.

    entries, places: by number. problems: what is damaged, one line each; files that it does not touch can be had even so.
    indexed: an index was found, though perhaps not at the end: what a killed run appended lies behind it.
    end: where more can be appended: the file's, unless a part is cut there.
    """

    def __init__(self, path: str | os.PathLike[str] | Elsewhere, cached: int = CACHED):
        """cached: bytes of decoded slices that are kept. FileError if it cannot be read, StreamError if it is no archive."""
        self.path = Path(path) if isinstance(path, str | os.PathLike) else path
        self._cached = cached
        self._file: BinaryIO | None = None
        self._cache, self._held = OrderedDict[int, np.ndarray](), 0
        self.renew_locks()
        self.entries: dict[int, Entry] = {}
        self.places: dict[int, parts.Place] = {}
        self.problems: list[str] = []
        self.series, self.indexed = "", False
        self.packer = Packer()
        try:
            self._bytes = self._begin()
            self.size = self.end = self._bytes.size
            self._open()
        except BaseException:
            self.close()
            raise
        _opened.add(self)

    def renew_locks(self) -> None:
        self._lock, self._turns = threading.Lock(), [threading.Lock() for _ in range(TURNS)]

    def _begin(self) -> parts.Reads:
        if not isinstance(self.path, Path):
            try:
                return self.path.ranges()
            except FileError as error:
                raise FileError(f"{self.path}: {error}") from None
        try:
            self._file = file = self.path.open("rb")
        except OSError as error:
            raise FileError(f"{self.path}: cannot be read: {error.strerror}") from None
        return parts.Bytes(file)

    def _open(self) -> None:
        if self._bytes.read(0, len(parts.MAGIC)) != parts.MAGIC:
            raise StreamError(f"{self.path}: not an archive of dicompress: it does not begin with 'DCMA'")
        try:
            self._read_index(*parts.read_head(self._bytes, parts.last_index(self._bytes)))
        except StreamError as error:
            self.problems.append(str(error))
            self._recover()

    def _read_index(self, place: parts.Place, head: bytes) -> None:
        if place.kind != parts.INDEX:
            raise StreamError(f"the part at byte {place.start} is no index")
        packer = Packer(self._base(place))
        found = index.read(place, head, packer, self.size)
        self.packer = packer
        self.series, self.indexed = found.series, True
        self.places = {entry.number: place for place, entry in found.files}
        self.entries = {entry.number: entry for _, entry in found.files}

    def _base(self, place: parts.Place) -> bytes:
        """The dictionary of all heads, which stands twice: behind the magic number, and in the index."""
        try:
            return Packer().unpack(parts.read_data(self._bytes, place))
        except StreamError as error:
            first, _ = parts.read_head(self._bytes, len(parts.MAGIC))
            if first.kind != parts.BASE:
                raise
            self.problems.append(str(error))
            return Packer().unpack(parts.read_data(self._bytes, first))

    def _recover(self) -> None:
        """By the last index that is sound, and by the parts that it does not have, or not where they are."""
        found = list(parts.scan(self._bytes, self.problems.append))
        for place, head, _ in reversed(found):
            if place.kind == parts.INDEX and not self.indexed:
                try:
                    self._read_index(place, head)
                except StreamError as error:
                    self.problems.append(str(error))
        if not self.indexed and not self._read_base(found):
            return
        there = {place for place, _, _ in found}
        listed = set(self.places.values())
        for place, head, sound in found:
            if place.end > self.size:
                self.end = min(self.end, place.start)
                continue
            self.end = self.size  # what looked cut has parts behind it
            if place.kind != parts.FILE or place in listed:
                continue
            try:
                entry = Entry.decode(split(self.packer.unpack(head), 2)[0])
                if entry.number > self.size // parts.SMALLEST:
                    raise StreamError("its entry is none")
            except StreamError as error:
                self.problems.append(f"the part at byte {place.start}: {error}")
                continue
            known = self.entries.get(entry.number)
            if known is None and self.indexed and not sound:  # what a killed run was at
                continue
            if self.places.get(entry.number) not in there:
                self.places[entry.number] = place
                self.entries[entry.number] = entry if known is None or replace(known, sha256="") != entry else known

    def _read_base(self, found: list[tuple[parts.Place, bytes, bool]]) -> bool:
        """The dictionary, and the series, where there is no index."""
        for place, head, _ in found:
            if place.kind == parts.FILE:
                continue
            try:
                base = Packer().unpack(parts.read_data(self._bytes, place))
                if place.kind == parts.BASE:
                    self.series = Packer().unpack(head).decode(errors="replace")
                self.packer = Packer(base)
                return True
            except StreamError as error:
                self.problems.append(str(error))
        self.problems.append("what the elements of all files are like is lost, and so are they")
        return False

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file:
            self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path.absolute() if isinstance(self.path, Path) else self.path, "cached": self._cached}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Archive.__init__(self, state["path"], state["cached"])

    @property
    def lost(self) -> list[int]:
        """Numbers of files that were here and are not any more, as far as others tell; with an index, it tells."""
        return [] if self.indexed else sorted(set(range(1 + max(self.entries, default=-1))) - set(self.entries))

    def find(self, name: str) -> int:
        """The number of the file with this path, the end of it, or SOP Instance UID. FileError if there is none, or there are several."""
        named = name.replace(os.sep, "/").strip("/")
        for fits in (lambda e: e.path == named, lambda e: named in (e.uid, e.original_uid), lambda e: e.path.endswith("/" + named)):
            found = [number for number, entry in sorted(self.entries.items()) if fits(entry)]
            if len(found) == 1:
                return found[0]
            if found:
                paths = ", ".join(self.entries[n].path for n in found[:3])
                raise FileError(f"{self.path} has {len(found)} files of that name: {paths}; give the whole path")
        raise FileError(f"{self.path} has no file {name!r}")

    def header(self, number: int) -> Dataset:
        """The elements of a SLICE as pydicom reads them, without its pixels, which are not decoded. StreamError if they are damaged."""
        entry = self.entries[number]
        nothing = np.broadcast_to(np.zeros((), entry.dtype), (entry.frames or 1, *(entry.shape or ())))
        frames, rows, columns = nothing.shape
        check_size(frames, rows, columns, 1, nothing.itemsize)
        try:
            return pydicom.dcmread(BytesIO(assembled(entry, self._around(number), nothing)), stop_before_pixels=True)
        except DicompressError:
            raise
        except Exception as error:  # pydicom raises several kinds
            raise StreamError(f"{entry.path}: its elements cannot be read: {error}") from None

    def restore(self, number: int, threads: int = 0) -> bytes:
        """A file as it was packed, checked. StreamError, with its path, if it is damaged, or what it leans on is."""
        entry = self.entries[number]
        try:
            pixels = self.pixels(number, threads) if entry.method == SLICE else None
            data = b"" if entry.method == SLICE else self._data(number)
            return restored(entry, self._around(number), data, pixels, self.packer, threads)
        except StreamError as error:
            raise StreamError(_named(entry, error)) from None

    def pixels(self, number: int, threads: int = 0) -> np.ndarray:
        """Stored pixels of a SLICE, read-only: (rows, columns), or (frames, rows, columns). Those it leans on are decoded first.

        StreamError if it, or one of those, is damaged or no SLICE.
        """
        found = dict[int, np.ndarray]()
        for needed in self._needed(number, found):
            references = [found[n] for n in self.entries[needed].references]
            with self._turns[needed % len(self._turns)]:  # of several threads that want the same slice, one decodes it
                pixels = self._kept(needed)
                found[needed] = self._decode(needed, references, threads) if pixels is None else pixels
        return found[number]

    def _needed(self, number: int, found: dict[int, np.ndarray]) -> list[int]:
        """What has to be decoded for a slice, itself at last; those that are kept are `found`."""
        order, path, left = dict[int, None](), list[int](), [number]
        while left:
            n = left[-1]
            entry = self.entries.get(n)
            if n not in found and (pixels := self._kept(n)) is not None:
                found[n] = pixels
            if n in found or n in order:
                left.pop()
            elif entry is None or entry.method != SLICE:
                raise StreamError(f"it leans on file number {n}, which is lost" if n != number else "it has no pixels in grey")
            elif path and path[-1] == n:  # all that it leans on is done
                order[path.pop()] = None
                left.pop()
            elif n in path or len(path) + len(order) > MOST_NEEDED:
                raise StreamError(f"it leans on too many files, of which number {n} is one")
            else:
                path.append(n)
                left += entry.references[::-1]
        return list(order)

    def _decode(self, number: int, references: list[np.ndarray], threads: int) -> np.ndarray:
        try:
            pixels = decoded(self.entries[number], self._data(number), references, threads)
        except StreamError as error:
            raise StreamError(_named(self.entries[number], error)) from None
        pixels.setflags(write=False)
        self._keep(number, pixels)
        return pixels

    def _kept(self, number: int) -> np.ndarray | None:
        with self._lock:
            if number in self._cache:
                self._cache.move_to_end(number)
            return self._cache.get(number)

    def _keep(self, number: int, pixels: np.ndarray) -> None:
        with self._lock:
            self._cache[number] = pixels
            self._held += pixels.nbytes
            while self._held > self._cached and len(self._cache) > 1:
                _, dropped = self._cache.popitem(last=False)
                self._held -= dropped.nbytes

    def _data(self, number: int) -> bytes:
        return parts.read_data(self._bytes, self.places[number])

    def _around(self, number: int) -> bytes:
        """What is around the pixels."""
        place, head = parts.read_head(self._bytes, self.places[number].start)
        entry, around = split(self.packer.unpack(head), 2)
        if place != self.places[number] or Entry.decode(entry).number != number:
            raise StreamError(f"the part at byte {place.start} is that of another file")
        return around

    def check(self, number: int, threads: int = 0) -> str | None:
        """What is wrong with a file; None if it comes back."""
        try:
            self.restore(number, threads)
        except DicompressError as error:
            return str(error)
        return None


_opened = weakref.WeakSet[Archive]()


def _after_fork() -> None:
    """No thread of the parent's gives its locks back here."""
    for archive in _opened:
        archive.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _named(entry: Entry, error: StreamError) -> str:
    return str(error) if entry.path in str(error) else f"{entry.path}: {error}"
