"""What the loop (`train`) and the export ask of a model. A new one is a folder beside this file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from dicompress.errors import DicompressError

from .data import Images
from .layers import Prior

CLASSES = {  # folder: class
    "pyramid": "PyramidRecipe", "reference": "ReferenceRecipe", "l3c": "L3CRecipe", "srec": "SRecRecipe",
}  # fmt: skip
PRIOR_RATE = 10  # the constants of priors move this much faster than weights


class Recipe(Protocol):
    """One model's part in training and export; stateless."""

    name: str
    parts: tuple[str, ...]  # names of the bits a pixel that the log keeps apart
    Config: type  # sizes of the network; a dataclass with `to_dict` and `from_dict`
    Schedule: type  # a `train.Schedule`

    def network(self, config: Any) -> nn.Module: ...

    def groups(self, network: nn.Module) -> list[dict]:
        """The optimiser's groups of parameters; "factor": how much faster than the schedule's rate they move."""

    def sampler(self, images: Images, rng: np.random.Generator, count: int, config: Any) -> Callable[[], Any]:
        """A function that draws the next batch of `count` patches: a dataclass of tensors, or a list of them."""

    def bits(self, network: nn.Module, batch: Any, schedule: Any, step: int) -> Tensor:
        """The parts: mean bits a pixel, shape (len(parts),)."""

    def total(self, parts: Tensor | np.ndarray) -> Tensor | np.ndarray:
        """Bits a pixel of all parts together."""

    def loss(self, parts: Tensor, schedule: Any, step: int) -> Tensor:
        """What to descend."""

    def export(self, network: Any, folder: Path, card: dict) -> dict:
        """Write the files of the installable model; returns each network's largest possible sum and its bound."""


def prior_groups(network: nn.Module) -> list[dict]:
    """`Recipe.groups` of a network with priors."""
    priors = [p for module in network.modules() if isinstance(module, Prior) for p in module.parameters()]
    rest = [p for p in network.parameters() if all(p is not q for q in priors)]
    return [{"params": rest, "factor": 1}, {"params": priors, "factor": PRIOR_RATE}]


def by_name(name: str) -> Recipe:
    """The recipe of the model called `name`. DicompressError if there is none."""
    if name not in CLASSES:
        raise DicompressError(f"no model called {name!r} can be trained; there is {', '.join(CLASSES)}")
    return getattr(import_module(f".{name}.recipe", __package__), CLASSES[name])()
