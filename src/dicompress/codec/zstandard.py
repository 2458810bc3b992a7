"""Numbers by Zstandard, their bytes by significance: what repeats where no model finds anything."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

import numpy as np

from ..errors import StreamError

LEVEL = 19
WINDOW = 27  # log2 of bytes, at most


def library() -> ModuleType:
    """The standard library's, or its backport: imported where it is needed, as most streams do with numpy alone."""
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def pack(numbers: np.ndarray, level: int = LEVEL) -> bytes:
    """One-dimensional integers: first the lowest bytes of all, then the next ones."""
    little = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
    packed: bytes = library().compress(little.view(np.uint8).reshape(-1, little.itemsize).T.tobytes(), level)
    return packed


def unpack(data: bytes, count: int, dtype: np.dtype) -> np.ndarray:
    """Inverse of `pack`, of so many numbers. StreamError for nonsense."""
    zstd = library()
    size = count * dtype.itemsize
    try:
        engine = zstd.ZstdDecompressor(None, {zstd.DecompressionParameter.window_log_max: WINDOW})
        found = engine.decompress(data, max_length=size + 1)
    except zstd.ZstdError as error:
        raise StreamError(f"what Zstandard compressed is damaged: {error}") from None
    if len(found) != size or not engine.eof or engine.unused_data:
        raise StreamError(f"what Zstandard compressed are not {count} numbers of {dtype.itemsize} bytes")
    little = np.frombuffer(found, np.uint8).reshape(dtype.itemsize, -1).T
    return np.ascontiguousarray(little).view(dtype.newbyteorder("<")).reshape(-1).astype(dtype, copy=False)
