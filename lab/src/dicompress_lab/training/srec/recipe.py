"""How `srec` is trained: all bits of an image, weighing the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from ..loop import Schedule
from ..recipe import prior_groups
from .data import sample
from .export import export
from .network import Config, SRec

FINEST_BLOCKS = 4  # pixels a block of the finest level


@dataclass(frozen=True)
class SRecSchedule(Schedule):
    """learning_rate: half that of the others. The nine predictors stand in one chain through the context; at 2e-3 their
    activations ran to the ends of the range within a hundred steps (before the gradient had a way back from there).
    """

    learning_rate: float = 1e-3


class SRecRecipe:
    name = "srec"
    parts = ("level1", "level2", "level3", "remainders", "coarsest")
    Config, Schedule = Config, SRecSchedule
    network, export = SRec, staticmethod(export)

    def groups(self, network):
        return prior_groups(network)

    def sampler(self, images, rng, count, config):
        return partial(sample, images, rng, count)

    def bits(self, network, batch, schedule, step):
        finest = batch[-1].remainder
        return torch.stack([p.mean() for p in network(batch, schedule.exact(step))]) / (FINEST_BLOCKS * finest[0].numel())

    def total(self, parts):
        return parts.sum()

    def loss(self, parts, schedule, step):
        return parts.sum()
