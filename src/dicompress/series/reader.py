"""An archive of a series: its files, each by itself, whatever became of the others."""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import DicompressError, FileError, StreamError
from . import parts
from .entry import SLICE, Entry
from .heads import Packer, split
from .packing import decoded, restored

CACHED = 64 << 20  # bytes of pixels that are kept
DEEPEST = 64  # references of references; more are a damaged index


class Archive:
    """A `.dcma` file, open for reading. It can be used by several threads, and pickled.

    entries, places: by number. problems: what is damaged, one line each; files that it does not touch can be had even so.
    indexed: an index was found, though perhaps not at the end: what a killed run appended lies behind it.
    end: where more can be appended: the file's, unless a part is cut there.
    """

    def __init__(self, path: str | os.PathLike[str], cached: int = CACHED):
        """cached: bytes of decoded slices that are kept. FileError if it cannot be read, StreamError if it is no archive."""
        self.path, self._cached = Path(path), cached
        self._lock, self._cache, self._held = threading.RLock(), OrderedDict[int, np.ndarray](), 0
        self.entries: dict[int, Entry] = {}
        self.places: dict[int, parts.Place] = {}
        self.problems: list[str] = []
        self.series, self.indexed = "", False
        self.packer = Packer()
        try:
            self._file: BinaryIO = self.path.open("rb")
        except OSError as error:
            raise FileError(f"{path}: cannot be read: {error.strerror}") from None
        try:
            self.size = self.end = os.fstat(self._file.fileno()).st_size
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        if self._file.read(len(parts.MAGIC)) != parts.MAGIC:
            raise StreamError(f"{self.path}: not an archive of dicompress: it does not begin with {parts.MAGIC!r}")
        try:
            self._read_index(parts.last_index(self._file, self.size))
        except StreamError as error:
            self.problems.append(str(error))
            self._recover()

    def _read_index(self, start: int) -> None:
        place, head = parts.read_head(self._file, start, self.size)
        if place.kind != parts.INDEX:
            raise StreamError(f"the part at byte {start} is no index")
        try:
            found = json.loads(Packer().unpack(head))
            series = str(found["series"])
            files = [(parts.Place(parts.FILE, *map(int, file[:3])), Entry.of(file[3])) for file in found["files"]]
        except (KeyError, TypeError, ValueError, IndexError):
            raise StreamError("the index of the archive is none") from None
        base = self._base(place)
        self.series, self.packer, self.indexed = series, Packer(base), True
        for where, entry in files:
            self.places[entry.number], self.entries[entry.number] = where, entry

    def _base(self, index: parts.Place) -> bytes:
        """The dictionary of all heads, which stands twice: behind the magic number, and in the index."""
        try:
            return Packer().unpack(parts.read_data(self._file, index))
        except StreamError as error:
            first, _ = parts.read_head(self._file, len(parts.MAGIC), self.size)
            if first.kind != parts.BASE:
                raise
            self.problems.append(str(error))
            return Packer().unpack(parts.read_data(self._file, first))

    def _recover(self) -> None:
        """By the last index that is sound and all parts behind it; without any, by all parts that are."""
        found = list(parts.scan(self._file, self.size))
        behind = 0
        for place, _ in reversed(found):
            if place.kind == parts.INDEX and not self.indexed:
                try:
                    self._read_index(place.start)
                    behind = place.end
                except StreamError as error:
                    self.problems.append(str(error))
        packers = [self.packer] if self.indexed else self._packers(found)
        for place, head in found:
            if place.end > self.size:
                self.problems.append(f"the archive ends in the part at byte {place.start}")
                self.end = min(self.end, place.start)
                continue
            self.end = self.size  # what looked cut has parts behind it
            if place.kind != parts.FILE or place.start < behind:
                continue
            try:
                entry = self._read_entry(head, packers)
            except StreamError as error:
                self.problems.append(f"the part at byte {place.start}: {error}")
                continue
            self.places[entry.number], self.entries[entry.number] = place, entry

    def _packers(self, found: list[tuple[parts.Place, bytes]]) -> list[Packer]:
        """With each dictionary that is left; the series is what one of them says."""
        packers = list[Packer]()
        for place, head in found:
            if place.kind == parts.FILE:
                continue
            try:
                packers.append(Packer(Packer().unpack(parts.read_data(self._file, place))))
                if place.kind == parts.BASE:
                    self.series = Packer().unpack(head).decode(errors="replace")
            except StreamError as error:
                self.problems.append(str(error))
        return packers

    def _read_entry(self, head: bytes, packers: list[Packer]) -> Entry:
        trouble = StreamError("what its elements are like is lost")
        for packer in packers:
            try:
                entry = Entry.decode(split(packer.unpack(head), 2)[0])
            except StreamError as error:
                trouble = error
                continue
            self.packer = packer
            return entry
        raise trouble

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "cached": self._cached}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["cached"])  # type: ignore[misc]

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

    def restore(self, number: int, threads: int = 0) -> bytes:
        """A file as it was packed, checked. StreamError, with its path, if it is damaged, or what it leans on is."""
        entry = self.entries[number]
        try:
            pixels = self.pixels(number, threads) if entry.method == SLICE else None
            around, data = self._content(number, entry.method != SLICE)
            return restored(entry, around, data, pixels, self.packer, threads)
        except StreamError as error:
            raise StreamError(_named(entry, error)) from None

    def pixels(self, number: int, threads: int = 0) -> np.ndarray:
        """Stored pixels of a SLICE, read-only: (rows, columns), or (frames, rows, columns). Those it leans on are decoded first."""
        return self._pixels(number, threads, 0)

    def _pixels(self, number: int, threads: int, depth: int) -> np.ndarray:
        with self._lock:
            if number in self._cache:
                self._cache.move_to_end(number)
                return self._cache[number]
        entry = self.entries.get(number)
        if entry is None or entry.method != SLICE or depth > DEEPEST:
            raise StreamError(f"it leans on file number {number}, which is lost")
        references = [self._pixels(n, threads, depth + 1) for n in entry.references]
        _, data = self._content(number, True)
        pixels = decoded(entry, data, references, threads)
        pixels.setflags(write=False)
        with self._lock:
            self._keep(number, pixels)
        return pixels

    def _keep(self, number: int, pixels: np.ndarray) -> None:
        if number in self._cache:
            return
        self._cache[number] = pixels
        self._held += pixels.nbytes
        while self._held > self._cached and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._held -= dropped.nbytes

    def _content(self, number: int, with_data: bool) -> tuple[bytes, bytes]:
        """What is around the pixels, and the data."""
        with self._lock:
            place, head = parts.read_head(self._file, self.places[number].start, self.size)
            data = parts.read_data(self._file, place) if with_data else b""
        entry, around = split(self.packer.unpack(head), 2)
        if Entry.decode(entry).number != number:
            raise StreamError(f"the part at byte {place.start} is that of another file")
        return around, data

    def check(self, number: int, threads: int = 0) -> str | None:
        """What is wrong with a file; None if it comes back."""
        try:
            self.restore(number, threads)
        except DicompressError as error:
            return str(error)
        return None


def _named(entry: Entry, error: StreamError) -> str:
    return str(error) if entry.path in str(error) else f"{entry.path}: {error}"
