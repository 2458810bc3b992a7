"""Patches of pyramid levels: what the codec would feed the network, on random places of training images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from ...models.pyramid.fit import fit_level, has_blocks
from ...models.pyramid.phases import BLOCK, PHASES, Level, LevelHeader, split
from ..data import Images, TrainingImage, draw

LEVELS = (0.62, 0.24, 0.09, 0.05)  # how often a level is drawn


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
    """Draws patches; keeps the filters fitted to every level and orientation of an image it has met."""

    data: Images
    rng: np.random.Generator
    size: int = 128
    fits: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)

    def batch(self, count: int) -> list[PhaseBatch]:
        """D, H and V of `count` patches of `draw`n images."""
        patches = [self.patch(image) for image in draw(self.data, self.rng, count)]
        return [_stack([patch[k] for patch in patches]) for k in range(3)]

    def patch(self, image: TrainingImage) -> list[tuple]:
        """`level_tensors` of a random level and place, turned, mirrored and inverted at random."""
        rng = self.rng
        level = int(rng.choice(len(LEVELS), p=LEVELS))
        while level and min(image.pixels.shape) >> level < 32:
            level -= 1
        if id(image) not in self.blocks:
            self.blocks[id(image)] = has_blocks(image.pixels) and not any(n % BLOCK for n in image.pixels.shape)
        blocks = self.blocks[id(image)]  # they stay in place when turned and mirrored
        turns, mirrored, inverted = rng.integers(4), rng.integers(2), rng.random() < 0.2
        pixels = np.rot90(image.pixels, turns)
        pixels = pixels[:, ::-1] if mirrored else pixels
        shift = (0, 0) if blocks else tuple(rng.integers(2, size=2))  # which pixels are kept
        pixels = pixels[shift[0] :: 1 << level, shift[1] :: 1 << level]
        key = (id(image), level, turns, mirrored, *shift)
        if key not in self.fits:
            filters = dict(zip(PHASES, fit_level(pixels, 0, image.high)))
            coarser = fit_level(pixels[::2, ::2], 0, image.high)[0].scale
            self.fits[key] = LevelHeader(filters, level, coarser, blocks)
        top, left = (2 * (rng.integers(max(n - self.size, 0) + 1) // 2) for n in pixels.shape)
        crop = pixels[top : top + self.size, left : left + self.size]
        crop = np.pad(crop, [(0, self.size - n) for n in crop.shape], mode="edge")
        stretch = int(image.high * rng.random() ** 3 * 0.5)  # a range wider than the values used
        low, high = (-stretch, image.high) if rng.integers(2) else (0, image.high + stretch)
        crop = image.high - crop if inverted else crop
        return level_tensors(crop, self.fits[key], low, high, (top // 2, left // 2))


def level_tensors(pixels: np.ndarray, header: LevelHeader, low: int, high: int, origin=(0, 0)) -> list[tuple]:
    """(inputs, x, low, high, width) of D, H and V of one level; origin: of its grid in that of the whole image.

    A pixel that repeats four equal neighbours costs nothing (low = x = high): the coder takes care of flat areas.
    """
    planes = split(pixels.astype(np.int32))
    level, result = Level(planes[0], low, high), []
    for phase in PHASES:
        scale = header.filters[phase].scale
        base, known, channels = level.describe(phase, header, origin)
        level.put(phase, planes[phase])
        rows, columns = planes[phase].shape
        x, least, most = [(v * 256 - base[:rows, :columns]) / scale for v in (planes[phase], low, high)]
        flat = (known[:, :rows, :columns] == planes[phase]).all(0)
        least[flat] = most[flat] = x[flat]
        result.append((channels, x, least, most, 256 / scale))
    return result


def _stack(items: list[tuple]) -> PhaseBatch:
    inputs, x, low, high, width = zip(*items)
    activations = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).float().sub(128).div(32)
    x, low, high = (torch.from_numpy(np.stack(v)[:, None].astype(np.float32)) for v in (x, low, high))
    return PhaseBatch(activations, x, low, high, torch.tensor(width, dtype=torch.float32).view(-1, 1, 1, 1))
