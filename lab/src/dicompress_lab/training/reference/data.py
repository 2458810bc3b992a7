"""Training patches of `reference`: 128x128 pixels in units of the noise, balanced over modalities and series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...models.reference.normalise import base, plane_residual, thumbnail
from ..data import Images, patches


@dataclass
class Batch:
    """Patches in units of the noise, float32. x, base, high: (count, 1, size, size); the rest as said."""

    x: Tensor
    base: Tensor
    low: Tensor  # (count, 1, 1, 1): smallest value of the image
    high: Tensor  # (count, 1, 1, 1)
    width: Tensor  # (count, 1, 1, 1): distance of two pixel values
    residual: Tensor  # (count, 1, size / 8, size / 8): the thumbnail's plane residual


def sample(images: Images, rng: np.random.Generator, count: int, size: int = 128) -> Batch:
    """`count` patches of `draw`n images, at random places, flipped and turned at random."""
    picks = []
    for patch, image in patches(images, rng, count, size):
        small, scale = thumbnail(patch), image.scale / 256
        residual = plane_residual(small, image.high + 1)
        residual[0], residual[:, 0] = 0, 0  # a patch has borders, an image hardly any
        picks.append((patch / scale, base(small) / image.scale, 0.0, image.high / scale, 1 / scale, residual / scale))
    x, surface, low, high, width, residual = zip(*picks)
    planes = (np.stack(v)[:, None].astype(np.float32) for v in (x, surface, residual))
    scalars = (np.array(v, np.float32).reshape(-1, 1, 1, 1) for v in (low, high, width))
    x, surface, residual = map(torch.from_numpy, planes)
    return Batch(x, surface, *map(torch.from_numpy, scalars), residual)
