"""How values of 32 and 64 bits are coded in the fewest bytes: maps and splits are tried, picture by picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..native import lows
from . import wide, zstandard
from .valuemaps import Mapped, by_list, by_runs, by_scale
from .words import words_of
from .wrapped import EFFORT, HIGHEST

Code = Callable[[np.ndarray], bytes]  # (rows, columns[, samples]) of 8 or 16 bits to a stream
Shrink = Callable[[np.ndarray, bytes], bytes]  # the same and its stream, to that or a smaller one
PICTURE = 1 << 16  # values, up to which frames are stacked: heads of small pictures would take more than they
SPLITS = 16, 8  # high bits
LEVELS = 0.99  # of the bytes that a picture without low bits takes, as it has levels
REPEATED = 0.5  # values for each pixel, below which they repeat: then a list may pay, and fewer high bits
MOST_LISTED = 1 << 18
QUICK = 3  # level of Zstandard that tells whether the highest may win
HOPE = 0.7  # what that one may leave of it
NEAR = 1.15  # of the size so far: what JPEG XL may take, so that its highest effort is tried


@dataclass(frozen=True)
class Coded:
    """A picture by a map, or by Zstandard or JPEG XL: then the map is empty. chunk: it, but for the number that the map will have."""

    map: bytes
    low_bits: int
    image: np.ndarray | None  # of the high bits
    high: bytes
    low: bytes
    packed: bytes = b""

    @property
    def size(self) -> int:
        """Without the map."""
        return len(self.packed or self.high) + len(self.low)

    def shrunk(self, shrink: Shrink) -> Coded:
        return self if self.image is None else replace(self, image=None, high=shrink(self.image, self.high))

    def chunk(self, number: int) -> bytes:
        return self.packed or wide.planes(number, self.low_bits, self.high, self.low)


def encode(pixels: np.ndarray, bits_stored: int, has_frames: bool, code: Code, shrink: Shrink) -> bytes:
    """The stream of (frames, rows, columns, samples)."""
    stacked = min(len(pixels), max(1, PICTURE // math.prod(pixels.shape[1:])))
    values = wide.stack(pixels, stacked)
    pictures = [words_of(picture if picture.shape[-1] > 1 else picture[..., 0]) for picture in values]
    own = [_by_own_map(picture, words, code, shrink) for picture, words in zip(values, pictures)]
    shared = _of_all(pictures, pixels.dtype) if len(pictures) > 1 else None
    if shared is not None:
        found, mapped = shared
        repeated = len(found) < REPEATED * pixels.size
        common = [_by_map(mapped, np.searchsorted(found, words), repeated, code).shrunk(shrink) for words in pictures]
        if sum(c.size for c in common) + len(common[0].map) < sum(c.size + len(c.map) for c in own):
            own = common
    maps = list(dict.fromkeys(coded.map for coded in own if coded.map))
    frames = [coded.chunk(maps.index(coded.map) if coded.map else 0) for coded in own]
    return wide.joined(pixels, stacked, bits_stored, has_frames, maps, frames)


def _by_own_map(values: np.ndarray, words: np.ndarray, code: Code, shrink: Shrink) -> Coded:
    """A picture by what takes the fewest bytes, the map's among them."""
    found, places = np.unique(words, return_inverse=True)
    repeated = _repeats(found, words)
    tried = [_by_map(mapped, places.reshape(words.shape), repeated, code) for mapped in _maps(found, values.dtype, repeated)]
    best = min(tried, key=lambda coded: coded.size + len(coded.map)).shrunk(shrink)
    size = best.size + len(best.map)
    noisy = best.low_bits and not repeated
    for other in (_by_zstandard, _by_jpeg_xl) if noisy else (_by_zstandard,):
        packed = other(values, size)
        if packed is not None and len(packed) < size:
            best, size = Coded(b"", 0, None, b"", b"", packed), len(packed)
    return best


def _by_zstandard(values: np.ndarray, size: int) -> bytes | None:
    """None where there is little hope that it takes less than `size`."""
    quick = zstandard.pack(values.reshape(-1).view(f"u{values.itemsize}"), QUICK)
    return wide.packed(values) if HOPE * len(quick) < size else None


def _by_jpeg_xl(values: np.ndarray, size: int) -> bytes | None:
    """None where it is far from `size`, as its highest effort takes long."""
    quick = wide.pictured(values, EFFORT)
    return wide.pictured(values, HIGHEST) if quick is not None and len(quick) < NEAR * size else None


def _by_map(mapped: Mapped, places: np.ndarray, repeated: bool, code: Code) -> Coded:
    """places: which of the map's indices each pixel has."""
    data = mapped.map.encode()
    tried = [Coded(data, *planes) for planes in _splits(mapped.indices[places], mapped.map.count, repeated, code)]
    return min(tried, key=lambda coded: coded.size * (1 if coded.low_bits else LEVELS))


def _repeats(found: np.ndarray, words: np.ndarray) -> bool:
    return len(found) < REPEATED * words.size


def _maps(found: np.ndarray, dtype: np.dtype, repeated: bool) -> list[Mapped]:
    """Those that may be best for ascending words."""
    scaled, runs = by_scale(found, dtype), by_runs(found)
    if scaled is not None and scaled.map.count.bit_length() < runs.map.count.bit_length():
        return [scaled]
    return [runs, by_list(found)] if repeated and 2 <= len(found) <= MOST_LISTED else [runs]


def _of_all(pictures: list[np.ndarray], dtype: np.dtype) -> tuple[np.ndarray, Mapped] | None:
    """A map of the words of all pictures, if they have a scale or repeat; and these words."""
    found = np.unique(np.concatenate([np.unique(words) for words in pictures]))
    mapped = by_scale(found, dtype)
    if mapped is None and 2 <= len(found) <= min(MOST_LISTED, REPEATED * sum(words.size for words in pictures)):
        mapped = by_list(found)
    return None if mapped is None else (found, mapped)


def _splits(indices: np.ndarray, count: int, repeated: bool, code: Code) -> Iterator[tuple[int, np.ndarray, bytes, bytes]]:
    """Low bits, the image of the high ones, its stream, and the coded low ones."""
    bits = (count - 1).bit_length()
    for low_bits in sorted({min(max(0, bits - high), wide.MOST_LOW) for high in SPLITS[: 1 + repeated]}):
        high = (indices >> np.uint64(low_bits)).astype(wide.high_type(count, low_bits))
        stream, low = code(high), b""
        if low_bits:
            mask = np.uint64((1 << low_bits) - 1)
            low = lows.encode(wide.rows_of(high).astype(np.uint16), wide.rows_of(indices & mask), low_bits)
        yield low_bits, high, stream, low
