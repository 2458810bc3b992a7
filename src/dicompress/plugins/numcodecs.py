"""The compressor of Zarr version 2 arrays and of whatever else takes numcodecs codecs (extra `[zarr]`).

zarr.create_array(store, data=volume, chunks=(1, 512, 512), zarr_format=2, compressors=Dicompress())
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy

from .. import codec
from ..codec import MAX_NEAR
from ..errors import UnknownModelError, UnsupportedImageError
from ..models import DEFAULT, for_archives


class Dicompress(Codec):  # type: ignore[misc]  # numcodecs has no types
    """Chunks (rows, columns) or (frames, rows, columns) of integers of 8, 16 or 32 bits or floats of 32 or 64, little-endian, in C order.

    Frames of a chunk lean on each other where that pays. model: its name; None for `pyramid`, or JPEG XL for chunks that it codes in
    fewer bytes, as of many drawings. near: by how much a value may differ, 0 to 255; a chunk that is written in parts is coded anew
    each time, and such errors add up. bits_stored: for the record. ValueError for other numbers, UnknownModelError for other models.
    """

    codec_id = "dicompress"

    def __init__(self, model: str | None = None, near: int = 0, bits_stored: int | None = None):
        if model not in (None, DEFAULT) and model not in for_archives():
            raise UnknownModelError(f"{model!r} is no model for archives; there is {', '.join(for_archives())}")
        if not 0 <= near <= MAX_NEAR:
            raise ValueError(f"near is 0 to {MAX_NEAR}, not {near}")
        if bits_stored is not None and not 1 <= bits_stored <= 16:
            raise ValueError(f"bits_stored is 1 to 16, not {bits_stored}")
        self.model, self.near = model, index(near)
        self.bits_stored = None if bits_stored is None else index(bits_stored)

    def encode(self, buf: Any) -> bytes:
        """One stream. UnsupportedImageError for arrays of another type, shape or order."""
        array = ensure_ndarray(buf)
        if array.dtype.newbyteorder("<") != array.dtype:  # Zarr takes the decoded bytes for the order that it gave
            raise UnsupportedImageError("big-endian values are not supported; let the array be little-endian")
        if not array.flags.c_contiguous:
            raise UnsupportedImageError("chunks in Fortran order or with gaps are not supported; use C order")
        return codec.encode(array, model=self.model, near=self.near, bits_stored=self.bits_stored, neighbours=True)

    def decode(self, buf: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The array, little-endian, or `out` filled with it.

        StreamError for a damaged stream, ValueError for `out` of another size.
        """
        array = codec.decode(ensure_bytes(buf))
        found: np.ndarray = ndarray_copy(array.astype(array.dtype.newbyteorder("<"), copy=False), out)
        return found
