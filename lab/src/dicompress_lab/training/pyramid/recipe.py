"""How `pyramid` is trained: the bits of the three phases of a level, all weighing the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..loop import Schedule
from .data import Sampler
from .export import export
from .network import Config, Pyramid


@dataclass(frozen=True)
class PyramidSchedule(Schedule):
    exact_from: float = 0.75


class PyramidRecipe:
    name = "pyramid"
    parts = ("D", "H", "V")
    Config, Schedule = Config, PyramidSchedule
    network, export = Pyramid, staticmethod(export)

    def groups(self, network):
        return [{"params": list(network.parameters()), "factor": 1}]

    def sampler(self, images, rng, count, config):
        sampler = Sampler(images, rng, references=config.references)
        return lambda: sampler.batch(count)

    def bits(self, network, batch, schedule, step):
        parts = network(batch, schedule.exact(step))
        return torch.stack([p.mean() / phase.x[0].numel() for p, phase in zip(parts, batch)])

    def total(self, parts):
        return parts.mean()

    def loss(self, parts, schedule, step):
        return self.total(parts)
