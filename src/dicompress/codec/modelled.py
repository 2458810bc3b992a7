"""The core's own streams: images coded by a model (docs/format.md, "The stream")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..limits import memory_limit, pixel_limit
from ..models import AnyModel, by_hash, name_of
from ..native import codec as native
from .info import StreamInfo, sizes

MARK = b"DCMP"


def decode(
    data: bytes | memoryview,
    *,
    frame: int | None = None,
    level: int = 0,
    references: Sequence[np.ndarray] = (),
    model: AnyModel | None = None,
    threads: int = 0,
) -> np.ndarray:
    """As `codec.decode`."""
    stream = native.Stream(data, level, pixel_limit(), memory_limit())
    found = model or by_hash(stream.model_hash, threads)
    count = stream.frames or 1
    if frame is not None and not 0 <= frame < count:
        raise IndexError(f"frame {frame} of {count}")
    shape = tuple(-(-n >> level) for n in (stream.rows, stream.columns))
    outer = [outer_of(image if image.shape == shape else image[:: 1 << level, :: 1 << level], shape) for image in references]
    whole = stream.decode(found, level, frame, None, outer, threads)
    whole = whole if stream.samples > 1 else whole[..., 0]
    return whole if frame is None and stream.frames is not None else whole[0]


def outer_of(image: np.ndarray, shape: tuple[int, ...], dtype: np.dtype | None = None) -> np.ndarray:
    """A reference as (1, rows, columns, 1). ValueError if it has not the image's shape or type."""
    native_type = image.dtype.newbyteorder("=")
    if image.ndim != 2 or image.shape != shape or native_type != (dtype or native_type):
        raise ValueError(
            f"a reference is {image.dtype} {image.shape}; it must be a single image in grey like the one that leans on it"
        )
    return np.ascontiguousarray(image, native_type)[None, ..., None]


def inspect(data: bytes | memoryview) -> StreamInfo:
    """As `codec.inspect`."""
    stream = native.Stream(data, None, pixel_limit(), memory_limit())
    shape = stream.frames or 1, stream.rows, stream.columns, stream.samples
    return StreamInfo(
        **sizes(shape, stream.bits_allocated, stream.bits_stored, stream.level_bytes),
        signed=stream.signed,
        near=stream.near,
        model=name_of(stream.model_hash),
        model_hash=stream.model_hash.hex(),
        checksums=[checksum.hex() for checksum in stream.checksums],
        references=[checksum.hex() for checksum in stream.outer],
    )


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """As `codec.layout`."""
    stream = native.Stream(data, None, pixel_limit(), memory_limit())
    frames, samples = () if stream.frames is None else (stream.frames,), (stream.samples,) if stream.samples > 1 else ()
    dtype = np.dtype(f"{'int' if stream.signed else 'uint'}{stream.bits_allocated}")
    return (*frames, stream.rows, stream.columns, *samples), dtype
