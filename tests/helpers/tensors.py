"""Coding a tensor under given mixtures in sub-streams, as `core/codec/loop.cpp` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from dicompress import coder
from dicompress.coder import MixtureTensor
from dicompress.varint import Reader, write_varint

SYMBOLS_PER_STREAM = 1 << 16


def bands(mixture: MixtureTensor, shape: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Cut the rows of a tensor into the runs (first, last) that share a sub-stream."""
    channels, rows, columns = shape
    symbols = channels * rows * columns
    count = max(1, min(2, 2 * symbols // SYMBOLS_PER_STREAM), symbols // SYMBOLS_PER_STREAM)
    count = min(rows, symbols, count, mixture.streams or count)
    edges = [rows * i // count for i in range(count + 1)] if count else [0]
    return list(pairwise(edges))


def encode(symbols: np.ndarray, mixture: MixtureTensor, threads: int = 1) -> tuple[bytes, np.ndarray]:
    """Code int32 `symbols` (channels, rows, columns): the sub-streams' lengths, then the sub-streams.

    Also returns what `decode` will give: the symbols, or, with `near`, others that differ no more than it allows.
    """
    symbols = np.array(symbols, np.int32, order="C") if mixture.near else np.require(symbols, np.int32, "CW")

    def one(rows: tuple[int, int]) -> tuple[bytes, bool]:
        return coder.native.encode(symbols, *mixture.prediction, *rows)

    streams = _each(one, bands(mixture, symbols.shape), threads)
    lengths = b"".join(write_varint(2 * len(data) + lanes) for data, lanes in streams)
    return lengths + b"".join(data for data, _ in streams), symbols


def decode(data: bytes, mixture: MixtureTensor, shape: tuple[int, int, int], threads: int = 1) -> np.ndarray:
    """Inverse of `encode`: int32 symbols of `shape`. StreamError if `data` cannot have come from `encode`."""
    symbols = np.empty(shape, np.int32)
    rows = bands(mixture, shape)
    reader = Reader(data)
    lengths = [reader.varint() for _ in rows]
    streams = [(reader.take(length >> 1), bool(length & 1)) for length in lengths]
    reader.finish()

    def one(job: tuple[tuple[bytes, bool], tuple[int, int]]) -> None:
        coder.native.decode(*job[0], symbols, *mixture.prediction, *job[1])

    _each(one, list(zip(streams, rows)), threads)
    return symbols


def _each(work: Callable, items: Iterable, threads: int) -> list:
    items = list(items)
    if threads < 2 or len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def phase(rows=60, columns=80, seed=0, deviation=40.0, flat=0.0):
    """Symbols around a known texture, and a mixture that misjudges them: (symbols, MixtureTensor)."""
    rng = np.random.default_rng(seed)
    surface = 2000 + 300 * np.sin(np.arange(rows)[:, None] / 7) * np.cos(np.arange(columns) / 9)
    noise = rng.normal(0, deviation, (5, rows, columns))
    symbols = np.rint(surface + 0.5 * noise[0] + noise[1]).astype(np.int32)
    known = np.rint(surface + noise[1:]).astype(np.int32)
    padding = np.arange(columns) < flat * columns
    symbols[:, padding], known[:, :, padding] = 0, 0
    parameters = np.zeros((9, rows, columns), np.float32)
    parameters[3:6] = rng.integers(-1000, 1000, (3, rows, columns))
    parameters[6:] = rng.integers(-3000, 9000, (3, rows, columns))
    base = (known.mean(0) * 256).astype(np.int32)
    return symbols[None], MixtureTensor(parameters, 3, int(deviation * 256), 0, 4095, base, known)
