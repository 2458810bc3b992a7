"""How `reference` is trained: bits of the image and of what the decoder needs first (paper Eq. 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from ..loop import Schedule
from ..recipe import prior_groups
from .data import sample
from .export import export
from .network import Config, Reference


@dataclass(frozen=True)
class ReferenceSchedule(Schedule):
    """settled_from: share of the steps after which E is frozen and D learns the rounding of the encoder (`to_levels`).

    anneal: steps over which the weight of the bits of z grows from a quarter; z would die out without it.
    latent_weight: what it grows to. Straight-through gradients seem to make E spend more on z than x gets back; of 1, 2
    and 4 the weight 2 did best (one short run each, see the model card). Once E is frozen the weight is 1.
    """

    exact_from: float = 0.8
    settled_from: float = 0.9
    anneal: int = 800
    latent_weight: float = 2.0

    def settled(self, step: int) -> bool:
        return step >= self.settled_from * self.steps


class ReferenceRecipe:
    name = "reference"
    parts = ("x", "z1", "z2", "z3", "thumbnail")
    Config, Schedule = Config, ReferenceSchedule
    network, export = Reference, staticmethod(export)

    def groups(self, network):
        return prior_groups(network)

    def sampler(self, images, rng, count, config):
        return partial(sample, images, rng, count)

    def bits(self, network, batch, schedule, step):
        parts = network(batch, schedule.exact(step), schedule.settled(step))
        return torch.stack([p.mean() for p in parts]) / batch.x[0].numel()

    def total(self, parts):
        return parts.sum()

    def loss(self, parts, schedule, step):
        grown = 0.25 + (schedule.latent_weight - 0.25) * min(1.0, step / schedule.anneal)
        return parts[0] + (1.0 if schedule.settled(step) else grown) * parts[1:].sum()
