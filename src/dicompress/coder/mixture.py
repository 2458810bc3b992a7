"""A tensor's mixtures, as a model in Python gives them to the codec."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..native import coder as native

DISTRIBUTIONS = {"gaussian": False, "logistic": True}  # name: MixtureSpec's `logistic`


@dataclass(frozen=True)
class MixtureTensor:
    """p(t) for every element of an integer tensor t of shape (channels, rows, columns).

    parameters: float32 (channels * 3 * components, >= rows, >= columns) holding integers below 2**24 in multiples of
    2**-12; for every channel first the log2 of the unnormalised weights, then the means, then the log2 of the standard
    deviations (of logistic components: of their scale s), means and deviations in units of scale / 256 values.
    low, high: smallest and largest value; the distribution is open at both ends.
    base: int32, as many rows and columns as parameters: where a mean of 0 lies, in 1/256 of a value; None for 0.
    known: int32 (4, rows, columns) like parameters, for one channel: values of the known pixels around every element,
    which the coder then adapts to (core/coder/ridge.hpp); None: it adapts to the errors before it alone.
    streams: how many sub-streams the rows are cut into at most; 0 for as many as the codec makes.
    distribution: of the components, "gaussian" or "logistic". adaptive: False for a coder that learns nothing on its way.
    near: how far a decoded value may be off, 0 to 255. exact: runs (first, last) of values that may not, and that none of the
    others becomes (core/coder/bins.hpp).
    """

    parameters: np.ndarray
    components: int
    scale: int
    low: int
    high: int
    base: np.ndarray | None = None
    known: np.ndarray | None = None
    streams: int = 0
    distribution: str = "gaussian"
    adaptive: bool = True
    near: int = 0
    exact: tuple[tuple[int, int], ...] = ()

    @property
    def prediction(self) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, native.MixtureSpec]:
        """What the native coder takes."""
        return self.parameters, self.base, self.known, self.spec

    @cached_property
    def spec(self) -> native.MixtureSpec:
        return native.MixtureSpec(
            self.components,
            self.scale,
            self.low,
            self.high,
            DISTRIBUTIONS[self.distribution],
            self.adaptive,
            self.near,
            self.exact,
        )


def constant_parameters(values: list[int], shape: tuple[int, int, int]) -> np.ndarray:
    """A MixtureTensor's parameters that are the same at all positions of a tensor of `shape`; values: in their order."""
    return np.broadcast_to(np.array(values, np.float32)[:, None, None], (len(values), *shape[1:])).copy()


def code_length(symbols: np.ndarray, mixture: MixtureTensor, *, shift: bool = True, width: bool = True, flat: bool = True) -> float:
    """The ideal code length, the sum of -log2 p after adaptation, in bits; as one sub-stream.

    shift, width, flat: False to measure what a part of the adaptive stage is worth (core/coder/band.hpp).
    """
    parameters, base, known, spec = mixture.prediction
    return native.code_length(np.array(symbols, np.int32, order="C"), parameters, base, known, spec, shift, width, flat)
