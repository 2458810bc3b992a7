"""A tensor's mixtures, and coding a tensor under them in independent sub-streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..native import coder as native
from ..varint import Reader, write_varint

REVISION = 1  # of all that turns parameters into bits; changes with any of it
SYMBOLS_PER_STREAM = 1 << 16
FEWEST_BYTES = 2  # of a tensor with elements: one sub-stream's length, and what the range coder always writes
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
    streams: how many sub-streams the rows are cut into at most; 0 for as many as `bands` makes.
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

    def bands(self, shape: tuple[int, int, int]) -> list[tuple[int, int]]:
        """Cut the rows of a tensor into the runs (first, last) that share a sub-stream."""
        channels, rows, columns = shape
        symbols = channels * rows * columns
        count = max(1, min(2, 2 * symbols // SYMBOLS_PER_STREAM), symbols // SYMBOLS_PER_STREAM)
        count = min(rows, symbols, count, self.streams or count)
        edges = [rows * i // count for i in range(count + 1)] if count else [0]
        return list(zip(edges, edges[1:]))

    @property
    def prediction(self) -> tuple:
        """What the native coder takes."""
        return self.parameters, self.base, self.known, self.spec

    @cached_property
    def spec(self) -> native.MixtureSpec:
        return native.MixtureSpec(
            self.components, self.scale, self.low, self.high, DISTRIBUTIONS[self.distribution], self.adaptive,
            self.near, self.exact,
        )


def constant_parameters(values: list[int], shape: tuple[int, int, int]) -> np.ndarray:
    """A MixtureTensor's parameters that are the same at all positions of a tensor of `shape`; values: in their order."""
    return np.broadcast_to(np.array(values, np.float32)[:, None, None], (len(values), *shape[1:])).copy()


def encode(symbols: np.ndarray, mixture: MixtureTensor, threads: int = 1) -> tuple[bytes, np.ndarray]:
    """Code int32 `symbols` (channels, rows, columns): the sub-streams' lengths, then the sub-streams.

    Also returns what `decode` will give: the symbols, or, with `near`, others that differ no more than it allows.
    """
    symbols = np.array(symbols, np.int32, order="C") if mixture.near else np.require(symbols, np.int32, "CW")

    def one(rows: tuple[int, int]) -> tuple[bytes, bool]:
        return native.encode(symbols, *mixture.prediction, *rows)

    streams = _each(one, mixture.bands(symbols.shape), threads)
    lengths = b"".join(write_varint(2 * len(data) + lanes) for data, lanes in streams)
    return lengths + b"".join(data for data, _ in streams), symbols


def decode(data: bytes, mixture: MixtureTensor, shape: tuple[int, int, int], threads: int = 1) -> np.ndarray:
    """Inverse of `encode`: int32 symbols of `shape`. StreamError if `data` cannot have come from `encode`."""
    symbols = np.empty(shape, np.int32)
    bands = mixture.bands(shape)
    reader = Reader(data)
    lengths = [reader.varint() for _ in bands]
    streams = [(reader.take(length >> 1), bool(length & 1)) for length in lengths]
    reader.finish()

    def one(job: tuple[tuple[bytes, bool], tuple[int, int]]) -> None:
        native.decode(*job[0], symbols, *mixture.prediction, *job[1])

    _each(one, list(zip(streams, bands)), threads)
    return symbols


def code_length(
    symbols: np.ndarray, mixture: MixtureTensor, *, shift: bool = True, width: bool = True, flat: bool = True
) -> float:
    """The ideal code length, the sum of -log2 p after adaptation, in bits; as one sub-stream.

    shift, width, flat: False to measure what a part of the adaptive stage is worth (core/coder/band.hpp).
    """
    return native.code_length(np.array(symbols, np.int32, order="C"), *mixture.prediction, shift, width, flat)


def _each(work: Callable, items: Iterable, threads: int) -> list:
    items = list(items)
    if threads < 2 or len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
