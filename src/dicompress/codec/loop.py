"""The one loop: a model's tensors, coarse to fine, each coded under what the model predicts from those before.

Large frames are cut into tiles that are coded one by one, so that memory does not grow with the frame.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .. import coder
from ..errors import StreamError
from ..models import Model
from ..varint import Reader, write_varint

TILE = 1024  # pixels, the longest side of a tile
TILE_GRID = 8  # tiles start at multiples of this


def tiles(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """Nearly equal tiles in raster order."""
    return [(r, c) for r in _cut(rows) for c in _cut(columns)]


def count_tiles(rows: int, columns: int) -> int:
    """len(tiles(rows, columns)), without making them: the numbers may come from a hostile header."""
    return len(_cut(rows)) * len(_cut(columns))


def _cut(length: int) -> list[slice]:
    count = -(-length // TILE)
    size = -(-length // count // TILE_GRID) * TILE_GRID if count > 1 else length
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def encode_tile(model: Model, header: bytes, pixels: np.ndarray, low: int, high: int, threads: int) -> bytes:
    """(rows, columns) int32 in low..high -> the tensors' coded bytes, each behind its length.

    The encoder knows all tensors, so one is coded while the model predicts the next.
    """
    plan = model.plan(header, pixels.shape, low, high)
    tensors = model.analyse(plan, pixels)
    with ThreadPoolExecutor(1) as pool:
        work = [
            pool.submit(coder.encode, tensor, model.predict(plan, k, tensors[:k]), threads)
            for k, tensor in enumerate(tensors)
        ]
    return b"".join(write_varint(len(w.result())) + w.result() for w in work)


def decode_tile(
    model: Model, header: bytes, data: bytes, shape: tuple[int, int], low: int, high: int, threads: int
) -> np.ndarray:
    """Inverse of `encode_tile`; StreamError if `data` cannot have come from it."""
    plan = model.plan(header, shape, low, high)
    reader = Reader(data)
    tensors: list[np.ndarray] = []
    for k, tensor_shape in enumerate(plan.shapes):
        mixture = model.predict(plan, k, tensors)
        tensors.append(coder.decode(reader.take(reader.varint()), mixture, tensor_shape, threads))
    reader.finish()
    pixels = model.synthesise(plan, tensors)
    if pixels.shape != shape:
        raise StreamError(f"the model gave an image of {pixels.shape}, not {shape}")
    return pixels
