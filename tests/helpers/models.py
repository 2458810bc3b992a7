"""Models that are simple enough to say what must come of them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np

from dicompress import StreamError
from dicompress.coder import MixtureTensor
from dicompress.models import Values


@dataclass
class Plan:
    values: Values
    shapes: list[tuple[int, int, int]]
    levels: list[int]


class Halves:
    """A model of two levels: image[::4, ::4], then twice the pixels between, in two tensors; constant mixtures."""

    name, hash, most_references = "halves", b"halves!!", 0

    def __init__(self, at_once: int = 8):
        """at_once: tiles whose plans may be there at a time."""
        self.plans, self.at_once = [], at_once

    def levels(self, shape):
        return min(2, (max(shape) - 1).bit_length())

    def header(self, image, values):
        return b"halves"

    def plan(self, header, shape, values, levels):
        if header != b"halves":
            raise StreamError("not a header of halves")
        shapes = [tensor.shape for tensor in self._split(np.empty(shape, bool), levels)]
        at = [levels, *(k for k in reversed(range(levels)) for _ in range(2))]
        plan = Plan(values, shapes, at)
        assert sum(before() is not None for before in self.plans) < self.at_once, "the plan of a tile outlives it"
        self.plans.append(weakref.ref(plan))
        return plan

    def _split(self, image, levels):
        tensors = [image[:: 1 << levels, :: 1 << levels][None]]
        for k in reversed(range(levels)):
            picture = image[:: 1 << k, :: 1 << k]
            tensors += [picture[None, ::2, 1::2], picture[None, 1::2]]
        return tensors

    def analyse(self, plan, image):
        return self._split(image, plan.levels[0])

    def predict(self, plan, k, tensors):
        assert len(tensors) == k
        shape = plan.shapes[k][1:]
        parameters = np.zeros((3, *shape), np.float32)
        parameters[2] = 8 * 4096
        base = np.full(shape, (plan.values.low + plan.values.high) * 128, np.int32)
        bound = {"near": plan.values.near, "exact": plan.values.exact}
        return MixtureTensor(parameters, 1, 256, plan.values.low, plan.values.high, base, **bound)

    def synthesise(self, plan, tensors):
        picture = tensors[0][0]
        for (beside,), (below,) in zip(tensors[1::2], tensors[2::2]):
            finer = np.empty((len(picture) + len(below), picture.shape[1] + beside.shape[1]), np.int32)
            finer[::2, ::2], finer[::2, 1::2], finer[1::2] = picture, beside, below
            picture = finer
        return picture


class Leaning(Halves):
    """Halves whose mixtures are centred on the mean of the references, if there are any."""

    hash, most_references = b"leaning!", 2

    def header(self, image, values, references=()):
        return b"halves"

    def estimate(self, image, values, choices):
        middles = [np.mean(references, 0) if references else image.mean() for references in choices]
        return [float(np.log2(np.abs(image - middle) + 0.7).sum()) for middle in middles]

    def plan(self, header, shape, values, levels, references=(), level=0):
        plan = super().plan(header, shape, values, levels)
        plan.leaned = [r.copy() for r in references], level
        return plan

    def predict(self, plan, k, tensors):
        mixture = super().predict(plan, k, tensors)
        references, lowest = plan.leaned
        if not references:
            return mixture
        step = 1 << plan.levels[k] - lowest
        middle = np.mean(references, 0)[::step, ::step]
        part = middle if k == 0 else middle[1::2] if k % 2 == 0 else middle[::2, 1::2]
        mixture.parameters[2] = 4096  # a deviation of two values
        return replace(mixture, base=np.rint(part * 256).astype(np.int32))
