"""Bytes and numbers by Zstandard: what repeats where no model finds anything. The library is loaded where it is needed, as other streams do
with numpy alone.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import StreamError

LEVEL = 19
WINDOW = 27  # log2 of bytes, at most


def compress(data: bytes, level: int = LEVEL) -> bytes:
    return bytes(library().compress(data, level))


def decompress(data: bytes | memoryview, size: int) -> bytes:
    """StreamError unless it is of that size."""
    zstd = library()
    try:
        engine = zstd.ZstdDecompressor(None, {zstd.DecompressionParameter.window_log_max: WINDOW})
        found = bytes(engine.decompress(data, max_length=size + 1))
    except zstd.ZstdError as error:
        raise StreamError(f"what Zstandard compressed is damaged: {error}") from None
    if len(found) != size or not engine.eof or engine.unused_data:
        raise StreamError(f"what Zstandard compressed does not have {size} bytes")
    return found


def pack(numbers: np.ndarray, level: int = LEVEL) -> bytes:
    """One-dimensional integers, their bytes by significance: first the lowest bytes of all, then the next ones."""
    little = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
    return compress(little.view(np.uint8).reshape(-1, little.itemsize).T.tobytes(), level)


def unpack(data: bytes | memoryview, count: int, dtype: np.dtype) -> np.ndarray:
    """Inverse of `pack`, of so many numbers. StreamError for nonsense."""
    found = decompress(data, count * dtype.itemsize)
    little = np.frombuffer(found, np.uint8).reshape(dtype.itemsize, -1).T
    return np.ascontiguousarray(little).view(dtype.newbyteorder("<")).reshape(-1).astype(dtype, copy=False)


def library() -> Any:
    """The module, of the standard library or as it is installed for older ones."""
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
