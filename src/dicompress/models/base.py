"""What the codec knows of a model: three functions, and the shapes and levels of its tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..coder import MixtureTensor
from ..native import codec as native


@dataclass(frozen=True)
class Values:
    """The values of an image's pixels, low to high, and how far a decoded pixel may be off.

    near: by so much at most; 0 for an image that comes back as it was. exact: runs (first, last) of values, in ascending order,
    that come back as they were all the same, and that no other pixel takes. listed: what 0, 1, 2 ... stand for, ascending, if pixels
    are coded as ranks among these.
    """

    low: int
    high: int
    near: int = 0
    exact: tuple[tuple[int, int], ...] = ()
    listed: np.ndarray | None = field(default=None, compare=False)

    @property
    def count(self) -> int:
        return self.high - self.low + 1


class Model(Protocol):
    """A model turns an image into integer tensors, coarse to fine, and predicts each from those before.

    The codec codes tensor after tensor with `predict`'s mixtures; decoding is the same loop (docs/architecture.md).
    """

    name: str
    hash: bytes  # 8 bytes that change with anything that changes a stream
    most_references: int  # planes decoded before that an image may lean on: 0 to 2. If 0, nothing here is ever given references

    def levels(self, shape: tuple[int, int]) -> int:
        """By how many halvings the picture of a frame of `shape` can be had early: 0 to 6. Of the shape alone."""

    def header(self, image: np.ndarray, values: Values, references: Sequence[np.ndarray] = ()) -> bytes:
        """What the decoder must know before the first tensor, e.g. a normalisation.

        references: int32 of the image's shape, as decoded, the nearest first; at most `most_references`. They are in the values
        that the image's stand for, and need not lie in their range.
        """

    def estimate(self, image: np.ndarray, values: Values, choices: Sequence[Sequence[np.ndarray]]) -> list[float]:
        """About the bits that the image takes with each choice of references, up to a constant of the image."""

    def plan(
        self, header: bytes, shape: tuple[int, int], values: Values, levels: int,
        references: Sequence[np.ndarray] = (), level: int = 0,
    ) -> Any:  # fmt: skip
        """The state that `predict` and `synthesise` share, for a tile of `shape` of a frame with so many levels.

        references: those of `header`, the same tile of them at 1/2**level resolution; `predict` is then asked for no tensors
        of levels below `level`.

        `shapes` of it lists the tensors' shapes, coarse to fine, and `levels` the level of each, never rising: the
        tensors of levels k and above suffice for the image at 1/2**k resolution. StreamError if `header` is not one of
        this model's; UnsupportedImageError if the model allows no error.
        """

    def analyse(self, plan: Any, image: np.ndarray) -> list[np.ndarray]:
        """(rows, columns) integers of `values` -> int32 tensors (channels, rows, columns)."""

    def predict(self, plan: Any, k: int, tensors: list[np.ndarray]) -> MixtureTensor:
        """The distribution of tensor k, from tensors 0 to k-1 as decoded. Called for k = 0, 1, 2, ... in order.

        Of a tensor of pixels it carries `near` and `exact` of the values.
        """

    def synthesise(self, plan: Any, tensors: list[np.ndarray]) -> np.ndarray:
        """Inverse of `analyse`; of the tensors of levels k and above, image[:: 2**k, :: 2**k]."""


AnyModel = Model | native.Model
"""A model in Python, or one of the core."""
