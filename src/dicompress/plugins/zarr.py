"""The codec of Zarr version 3 arrays (extra `[zarr]`, zarr-python from 3.1); version 2's is in `dicompress.numcodecs`.

zarr.create_array(store, data=volume, chunks=(1, 512, 512), serializer=DicompressCodec(), compressors=None)
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from ..codec import DTYPES
from ..errors import StreamError, UnsupportedImageError
from .numcodecs import Dicompress

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

NAME = Dicompress.codec_id


@dataclass(frozen=True)
class DicompressCodec(ArrayBytesCodec):
    """An array-to-bytes codec, Zarr's `serializer`; for chunks and settings see `dicompress.numcodecs.Dicompress`."""

    model: str | None = None
    near: int = 0
    bits_stored: int | None = None

    is_fixed_size = False

    def __post_init__(self) -> None:
        self._codec()

    def _codec(self) -> Dicompress:
        return Dicompress(**asdict(self))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DicompressCodec:
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        return {"name": NAME, "configuration": asdict(self)}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """UnsupportedImageError for arrays whose chunks cannot be coded."""
        if len(shape) not in (2, 3):
            raise UnsupportedImageError(f"an array of shape {shape} is not supported; use (rows, columns) or (frames, rows, columns)")
        native = dtype.to_native_dtype()
        if native.newbyteorder("=") not in DTYPES:
            raise UnsupportedImageError(
                f"values of type {native} are not supported; use integers of 8, 16 or 32 bits, or floats of 32 or 64"
            )

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("a stream's length is not known before")

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        array = chunk_data.as_numpy_array()
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        stream = await asyncio.to_thread(self._codec().encode, array)
        return chunk_spec.prototype.buffer.from_bytes(stream)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = await asyncio.to_thread(self._codec().decode, chunk_data.to_bytes())
        wanted = chunk_spec.dtype.to_native_dtype()
        if array.shape != tuple(chunk_spec.shape) or array.dtype != wanted.newbyteorder("<"):
            raise StreamError(f"the chunk is {array.dtype} {array.shape}, the array says {wanted} {chunk_spec.shape}")
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.astype(wanted, copy=False))
