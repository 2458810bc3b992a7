"""Patches of pyramid levels: what the codec would feed the network, on random places of training images and of neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from dicompress.native import pyramid as native

from ..data import Images, TrainingImage, draw, with_neighbours

PARITIES = ((1, 1), (0, 1), (1, 0))  # of D, H and V: row and column in a 2x2 block
BLOCK = 8  # pixels; of JPEG
FEWEST = 2048  # pixels of a phase below which it keeps the mean of its four neighbours (core/pyramid/fit.hpp)
LEVELS = (0.62, 0.24, 0.09, 0.05)  # how often a level is drawn
IN_ORDER = 0.6  # of the patches, if the network takes references: of images that have neighbours,
ALONE = 0.2  # of which so many are coded without
BESIDE, OFTEN = ((-1, 1), (2, 4), (1, 2)), (0.45, 0.35, 0.2)  # what two neighbours are drawn, and how often


@dataclass(frozen=True)
class LevelHeader:
    """What the stream says of a level: filters of D, H and V; the level's number, 0 for the finest; D's scale one level coarser;
    whether the image was a JPEG once, with blocks counted from its first pixel."""

    filters: list[native.Filter]
    number: int
    coarser_scale: int
    blocks: bool


@dataclass
class PhaseBatch:
    """One phase of a batch. x, low, high: distances from the base in units of the scale, (batch, 1, rows, columns)."""

    inputs: torch.Tensor  # activations, (batch, channels, rows, columns)
    x: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    width: torch.Tensor  # (batch, 1, 1, 1): distance of two pixel values


@dataclass
class Sampler:
    """Draws patches; keeps the filters fitted to every level and orientation of an image it has met.

    references: of images that have neighbours more often, and with these as references.
    """

    data: Images
    rng: np.random.Generator
    size: int = 128
    references: bool = False
    fits: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)
    blends: dict = field(default_factory=dict)

    def __post_init__(self):
        self.in_order = with_neighbours(self.data) if self.references else {}

    def batch(self, count: int) -> list[PhaseBatch]:
        """D, H and V of `count` patches of `draw`n images."""
        in_order = int(self.rng.binomial(count, IN_ORDER)) if self.in_order else 0
        patches = [self.patch(image) for image in draw(self.data, self.rng, count - in_order)]
        patches += [self.patch(image, True) for image in draw(self.in_order, self.rng, in_order)] if in_order else []
        return [_stack([patch[k] for patch in patches]) for k in range(3)]

    def neighbours(self, image: TrainingImage) -> list[TrainingImage]:
        """None, one or two images beside `image`, as the codec chooses them (`codec.references`), and others."""
        rng = self.rng
        way, alone, single = (1, -1)[rng.integers(2)], rng.random() < ALONE, rng.random() < 0.4
        apart = BESIDE[rng.choice(len(BESIDE), p=OFTEN)]
        found = [n for n in (image.neighbour(way * d) for d in apart) if n]
        return [] if alone else found[:1] if single and apart[0] * apart[-1] > 0 else found

    def patch(self, image: TrainingImage, in_order: bool = False) -> list[tuple]:
        """`level_tensors` of a random level and place, turned, mirrored and inverted at random."""
        rng = self.rng
        level = int(rng.choice(len(LEVELS), p=LEVELS))
        while level and min(image.pixels.shape) >> level < 32:
            level -= 1
        if id(image) not in self.blocks:
            self.blocks[id(image)] = native.has_blocks(_integers(image.pixels)) and not any(n % BLOCK for n in image.pixels.shape)
        blocks = self.blocks[id(image)]  # they stay in place when turned and mirrored
        turns, mirrored, inverted = rng.integers(4), rng.integers(2), rng.random() < 0.2
        shift = (0, 0) if blocks else tuple(rng.integers(2, size=2))  # which pixels are kept
        leaned_on = self.neighbours(image) if in_order else []

        def oriented(pixels: np.ndarray) -> np.ndarray:
            pixels = np.rot90(pixels, turns)
            pixels = pixels[:, ::-1] if mirrored else pixels
            return pixels[shift[0] :: 1 << level, shift[1] :: 1 << level]

        pixels = oriented(image.pixels)
        reference = oriented(self._blend(image, leaned_on)) if leaned_on else None
        key = (id(image), level, turns, mirrored, *shift, *map(id, leaned_on))
        if key not in self.fits:
            filters = _fit_level(pixels, reference)
            coarser = _fit_level(*(p if p is None else p[::2, ::2] for p in (pixels, reference)))[0].scale
            self.fits[key] = LevelHeader(filters, level, coarser, blocks)
        top, left = (2 * (rng.integers(max(n - self.size, 0) + 1) // 2) for n in pixels.shape)
        stretch = int(image.high * rng.random() ** 3 * 0.5)  # a range wider than the values used
        low, high = (-stretch, image.high) if rng.integers(2) else (0, image.high + stretch)

        def crop(pixels: np.ndarray) -> np.ndarray:
            pixels = pixels[top : top + self.size, left : left + self.size]
            pixels = np.pad(pixels, [(0, self.size - n) for n in pixels.shape], mode="edge")
            return image.high - pixels if inverted else pixels

        reference = None if reference is None else crop(reference)
        origin = (top // 2, left // 2)
        return level_tensors(crop(pixels), self.fits[key], low, high, origin, reference, self.references)

    def _blend(self, image: TrainingImage, leaned_on: list[TrainingImage]) -> np.ndarray:
        """The neighbours as one reference, in the numbers of the image."""
        planes, key = [_integers(n.stored()) for n in leaned_on], (id(image), *map(id, leaned_on))
        if key not in self.blends:
            self.blends[key] = native.fit_blend(_integers(image.pixels), planes, image.as_coded())
        return native.blend(planes, *self.blends[key], image.as_coded())


def _integers(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels, np.int32)


def _fit_level(pixels: np.ndarray, reference: np.ndarray | None) -> list[native.Filter]:
    return native.fit_level(_integers(pixels), None if reference is None else _integers(reference), FEWEST)


def level_tensors(
    pixels: np.ndarray, header: LevelHeader, low: int, high: int, origin=(0, 0), reference: np.ndarray | None = None,
    references: bool = False,
) -> list[tuple]:  # fmt: skip
    """(inputs, x, low, high, width) of D, H and V of one level; origin: of its grid in that of the whole image.

    reference: of the shape of `pixels`; references: whether the network has inputs for one. A pixel that repeats four equal
    neighbours costs nothing (low = x = high): the coder takes care of flat areas.
    """
    result, leaned_on = [], None if reference is None else _integers(reference)
    level = (header.filters, header.number, header.coarser_scale, header.blocks)
    phases = native.describe(_integers(pixels), low, high, *level, origin, leaned_on, references)
    for (row, column), filter_, (base, known, channels) in zip(PARITIES, header.filters, phases):
        plane, scale = pixels[row::2, column::2], filter_.scale
        rows, columns = plane.shape
        x, least, most = [(np.int32(v) * 256 - base[:rows, :columns]) / scale for v in (plane, low, high)]
        flat = (known[:, :rows, :columns] == plane).all(0)
        least[flat] = most[flat] = x[flat]
        result.append((channels, x, least, most, 256 / scale))
    return result


def _stack(items: list[tuple]) -> PhaseBatch:
    inputs, x, low, high, width = zip(*items)
    activations = (np.stack(inputs).astype(np.float32) - 128) / 32  # not by torch, whose threads are busy training
    x, low, high = (torch.from_numpy(np.stack(v)[:, None].astype(np.float32)) for v in (x, low, high))
    return PhaseBatch(
        torch.from_numpy(activations).permute(0, 3, 1, 2), x, low, high, torch.tensor(width, dtype=torch.float32).view(-1, 1, 1, 1)
    )
