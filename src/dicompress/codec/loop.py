"""The one loop: a model's tensors, coarse to fine, each coded under what the model predicts from those before.

Large frames are cut into tiles that are coded one by one, so that memory does not grow with the frame. What a tile
has of one level is a chunk: the coded tensors of this level, each behind its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .. import coder
from ..errors import StreamError
from ..models import Model, Values
from ..varint import Reader, write_varint

TILE = 1024  # pixels, the longest side of a tile
TILE_GRID = 64  # tiles start at multiples of this, so that they halve six times


def tiles(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """Nearly equal tiles in raster order, starting at multiples of TILE_GRID."""
    return [(r, c) for r in _cut(rows) for c in _cut(columns)]


def count_tiles(rows: int, columns: int) -> int:
    """len(tiles(rows, columns)), without making them: the numbers may come from a hostile header."""
    return -(-rows // _side(rows)) * -(-columns // _side(columns))


def _cut(length: int) -> list[slice]:
    side = _side(length)
    return [slice(start, min(start + side, length)) for start in range(0, length, side)]


def _side(length: int) -> int:
    """Of the parts that a side of `length` pixels is cut into; the last one may be shorter."""
    count = -(-length // TILE)
    return -(-length // count // TILE_GRID) * TILE_GRID if count > 1 else length


def reduced(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """The shape of an image at 1/2**level resolution."""
    return (-(-shape[0] >> level), -(-shape[1] >> level))


def encode_tile(
    model: Model, header: bytes, pixels: np.ndarray, values: Values, levels: int, threads: int,
    references: Sequence[np.ndarray] = (),
) -> tuple[list[bytes], np.ndarray]:  # fmt: skip
    """(rows, columns) int32 of `values` -> one chunk a level, of level `levels` first, and the pixels as decoded.

    references: the same tile of the planes it leans on. Without errors the decoder's tensors are known beforehand, so one is coded while the model predicts the next.
    """
    plan = model.plan(header, pixels.shape, values, levels, *([references] if references else []))
    known: list[np.ndarray] = []
    with ThreadPoolExecutor(1) as pool:
        work = []
        for k, tensor in enumerate(model.analyse(plan, pixels)):
            mixture = model.predict(plan, k, known)
            work.append(pool.submit(coder.encode, tensor, mixture, threads))
            known.append(work[-1].result()[1] if mixture.near else tensor)
    coded = [(at, w.result()[0]) for at, w in zip(plan.levels, work)]
    chunks = [
        b"".join(write_varint(len(data)) + data for at, data in coded if at == level) for level in range(levels, -1, -1)
    ]
    return chunks, model.synthesise(plan, known) if values.near else pixels


def decode_tile(
    model: Model, header: bytes, chunks: list[bytes], shape: tuple[int, int], values: Values, levels: int, level: int,
    threads: int, references: Sequence[np.ndarray] = (),
) -> np.ndarray:  # fmt: skip
    """Inverse of `encode_tile`, at 1/2**level resolution, from the chunks down to `level`.

    shape: of the whole tile; references: at this resolution. StreamError if the chunks cannot have come from `encode_tile`.
    """
    plan = model.plan(header, shape, values, levels, *([references, level] if references else []))
    tensors: list[np.ndarray] = []
    for k, (tensor_shape, data) in enumerate(_coded_tensors(plan, chunks, levels)):
        mixture = model.predict(plan, k, tensors)
        tensors.append(coder.decode(data, mixture, tensor_shape, threads))
    pixels = model.synthesise(plan, tensors)
    if pixels.shape != reduced(shape, level):
        raise StreamError(f"the model gave an image of {pixels.shape}, not {reduced(shape, level)}")
    return pixels


def _coded_tensors(plan: Any, chunks: list[bytes], levels: int) -> list[tuple[tuple[int, int, int], bytes]]:
    """Shapes and bytes of the tensors that a tile's chunks hold, coarse to fine: all of them before the first is decoded.

    StreamError if the chunks cannot have come from `encode_tile`.
    """
    coded = []
    for level, reader in zip(range(levels, -1, -1), map(Reader, chunks)):
        for shape in (shape for shape, at in zip(plan.shapes, plan.levels) if at == level):
            data = reader.take(reader.varint())
            if len(data) < coder.FEWEST_BYTES and 0 not in shape:
                raise StreamError(f"{len(data)} bytes cannot hold a tensor of {shape}")
            coded.append((shape, data))
        reader.finish()
    return coded
