"""Training patches of `srec` as what the codec would feed the network a level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...models.reference.normalise import plane_residual
from ...models.srec.levels import CODED, CORNERS, LEVELS, ZERO, Level, halve
from ..data import Images, TrainingImage, patches


@dataclass
class LevelBatch:
    """Blocks of one level, float32. x, low, high: distances from the pixels' bases in units of the noise."""

    planes: Tensor  # activations, (count, PLANES[-1], rows, columns)
    remainder: Tensor  # integers, (count, 1, rows, columns)
    x: Tensor  # (count, CODED, rows, columns)
    low: Tensor  # like x
    high: Tensor
    width: Tensor  # (count, 1, 1, 1): distance of two pixel values


@dataclass
class CoarsestBatch:
    """The coarsest means, in units of the noise, float32."""

    residual: Tensor  # (count, 1, rows, columns): the plane residual
    span: Tensor  # (count, 1, 1, 1): its largest size
    width: Tensor  # (count, 1, 1, 1)


def sample(images: Images, rng: np.random.Generator, count: int, size: int = 128) -> list:
    """A CoarsestBatch and a LevelBatch a level, coarse to fine, of `count` random patches."""
    picks = [patch_tensors(pixels, image) for pixels, image in patches(images, rng, count, size)]
    return [_stack(kind, [pick[i] for pick in picks]) for i, kind in enumerate([CoarsestBatch] + [LevelBatch] * LEVELS)]


def patch_tensors(pixels: np.ndarray, image: TrainingImage) -> list[tuple[np.ndarray, ...]]:
    """The fields of a CoarsestBatch and of a LevelBatch a level, coarse to fine, of one patch without its batch axis."""
    scale, fine_to_coarse = image.scale / 256, []
    width = np.full((1, 1, 1), 1 / scale)
    for _ in range(LEVELS):
        means, remainder = halve(pixels)
        level, distances = Level(means, remainder, image.scale, 0, image.high), []
        for r, c in CORNERS[:CODED]:
            base, coded = level.base / 256, pixels[r::2, c::2]
            level.put(coded)
            distances.append([(v - base) / scale for v in (coded, 0, image.high)])
        activations = (level.planes.astype(np.float32) - ZERO) / 32
        fine_to_coarse.append((activations, remainder[None], *np.swapaxes(distances, 0, 1), width))
        pixels = means
    residual = plane_residual(pixels, image.high + 1)
    residual[0], residual[:, 0] = 0, 0  # a patch has borders, an image hardly any
    return [(residual[None] / scale, width * image.high, width), *reversed(fine_to_coarse)]


def _stack(kind: type, items: list[tuple[np.ndarray, ...]]) -> CoarsestBatch | LevelBatch:
    return kind(*(torch.from_numpy(np.stack(v).astype(np.float32)) for v in zip(*items)))
