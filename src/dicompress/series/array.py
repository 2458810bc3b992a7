"""A series as an array of slices, and as pydicom's data sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any, TypeGuard

import numpy as np
import pydicom
from pydicom.dataset import FileDataset

from ..errors import UnsupportedImageError
from .entry import SLICE
from .reader import CACHED, Archive


class Series:
    """The slices of a series that are alike, a read-only array of stored values (slices, rows, columns); each is decoded when it is asked for.

    It can be used by several threads at once, and pickled for other processes. `numpy.asarray(series)` decodes all of it. Where the
    archive has several groups of slices, or images of several frames, `group` says which: 0 is the largest.
    """

    def __init__(self, archive: Archive, group: int = 0):
        """UnsupportedImageError if there is no such group, as in archives of images in colour."""
        self.archive, self.group = archive, group
        found = _groups(archive)
        if not 0 <= group < len(found):
            raise UnsupportedImageError(f"{archive.path}: group {group} of {len(found)} groups of grey images")
        self.numbers = found[group]
        first = archive.entries[self.numbers[0]]
        assert first.shape is not None and first.dtype is not None
        self.dtype = np.dtype(first.dtype)
        self._frames = first.frames
        self.shape: tuple[int, int, int] = (len(self.numbers) if first.frames is None else first.frames, *first.shape)

    ndim = 3

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def groups(self) -> int:
        """How many groups of slices the archive has."""
        return len(_groups(self.archive))

    @property
    def paths(self) -> list[str]:
        """Of the slices, as they were packed."""
        return [self.archive.entries[n].path for n in self.numbers]

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.slice(k) for k in range(len(self)))

    def slice(self, k: int) -> np.ndarray:
        """Slice k, (rows, columns), read-only. StreamError if it, or one that it leans on, is damaged; IndexError."""
        k = range(len(self))[k]
        if self._frames is None:
            return self.archive.pixels(self.numbers[k])
        frame: np.ndarray = self.archive.pixels(self.numbers[0])[k]
        return frame

    def __getitem__(self, key: Any) -> Any:
        """As of an array, or a number of it: integers, slices, arrays of numbers, Ellipsis. Only the slices that are asked for are decoded."""
        key = key if isinstance(key, tuple) else (key,)
        which: Any = key[0] if key else slice(None)
        inner: tuple[Any, ...] = key[1:]
        if which is Ellipsis:
            which, inner = (slice(None), (Ellipsis, *inner)) if len(inner) < self.ndim else (inner[0], inner[1:])
        if not all(k is Ellipsis or isinstance(k, slice) or _is_whole(k) for k in inner):
            return np.asarray(self)[key]
        example = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        shape = example[key].shape  # or whatever numpy says of it
        if _is_whole(which):
            return self.slice(which)[inner]
        if not isinstance(which, slice) and not (isinstance(which, (list, np.ndarray)) and np.asarray(which).ndim == 1):
            return np.asarray(self)[key]
        result = np.empty(shape, self.dtype)
        for n, k in enumerate(np.arange(len(self))[which].tolist()):
            result[n] = self.slice(k)[inner]
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a series is decoded: there is no array to share")
        result = np.empty(self.shape, self.dtype)
        for to, pixels in zip(result, self, strict=True):
            to[...] = pixels
        return result.astype(dtype or self.dtype, copy=False)

    def dataset(self, k: int) -> FileDataset:
        """The data set of slice k, with its pixels. StreamError if it is damaged."""
        number = self.numbers[0] if self._frames is not None else self.numbers[range(len(self))[k]]
        return pydicom.dcmread(BytesIO(self.archive.restore(number)))

    def datasets(self) -> Iterator[FileDataset]:
        """Of all files that the slices are from, in the slices' order."""
        return (self.dataset(k) for k in range(len(self.numbers)))

    def close(self) -> None:
        self.archive.close()

    def __enter__(self) -> Series:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Series {self.shape} {self.dtype} of {self.archive.path}>"


def open_series(path: str | os.PathLike[str], group: int = 0, cached: int = CACHED) -> Series:
    """The slices of an archive that `dicompress pack` or `pack_series` wrote.

    group: of slices that are alike, 0 for the largest. cached: bytes of decoded slices that are kept. FileError, StreamError if it is no
    archive or cannot be read, UnsupportedImageError if there is no such group.
    """
    archive = Archive(path, cached)
    try:
        return Series(archive, group)
    except BaseException:
        archive.close()
        raise


def _is_whole(key: Any) -> TypeGuard[int]:
    return isinstance(key, (int, np.integer)) and not isinstance(key, bool)


def _groups(archive: Archive) -> list[list[int]]:
    """Numbers of the files of each group in the order of their places; largest group first. Images of several frames are one each."""
    alike: dict[Any, list[int]] = {}
    for number, entry in sorted(archive.entries.items()):
        if entry.method == SLICE:
            key = (entry.group, entry.shape, entry.dtype) if entry.frames is None else number
            alike.setdefault(key, []).append(number)
    for numbers in alike.values():
        numbers.sort(key=lambda n: (archive.entries[n].place, n))
    return sorted(alike.values(), key=lambda n: -sum(archive.entries[k].frames or 1 for k in n))
