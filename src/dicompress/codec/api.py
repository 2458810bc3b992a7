"""numpy arrays to bytes and back."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from ..errors import UnsupportedImageError, VerificationError
from ..models import DEFAULT, Model, by_hash, by_name
from .container import DTYPES, Stream, read_stream, write_stream
from .frame import decode_frame, encode_frame, parse_frame


@dataclass(frozen=True)
class StreamInfo:
    """What `inspect` tells of a stream without decoding it.

    coded_bytes counts the whole stream; ratio_allocated and ratio_stored compare it with the pixels at their
    allocated and stored bits. checksums: one digest of the pixels a frame, in hexadecimal.
    """

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    model: str | None
    model_hash: str
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    checksums: list[str]


def encode(
    image: np.ndarray, *, model: str | Model = DEFAULT, bits_stored: int | None = None, threads: int = 0
) -> bytes:
    """Compress without loss; the result has been decoded and compared before it is returned.

    image: (rows, columns) or (frames, rows, columns), int8, uint8, int16 or uint16. bits_stored: DICOM's Bits Stored, for
    the record only: values outside it survive. threads: 0 for one a core.
    Raises UnsupportedImageError for other arrays, UnknownModelError, VerificationError.
    """
    data = encode_unproved(image, model=model, bits_stored=bits_stored, threads=threads)
    restored = decode(data, model=None if isinstance(model, str) else model, threads=threads)
    if not np.array_equal(restored, image):
        raise VerificationError("the image does not come back as it was; please report this")
    return data


def encode_unproved(
    image: np.ndarray, *, model: str | Model = DEFAULT, bits_stored: int | None = None, threads: int = 0
) -> bytes:
    """`encode` without the comparison, for a caller that decodes and compares itself."""
    image = np.asarray(image)
    dtype = image.dtype.newbyteorder("=")
    if dtype not in DTYPES.values():
        raise UnsupportedImageError(f"pixels of type {image.dtype} are not supported; use integers of 8 or 16 bits")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise UnsupportedImageError(
            f"an array of shape {image.shape} is not supported; use (rows, columns) or (frames, rows, columns)"
        )
    bits_allocated = dtype.itemsize * 8
    if not 1 <= (bits_stored or bits_allocated) <= bits_allocated:
        raise UnsupportedImageError(f"{bits_stored} bits stored do not fit into {bits_allocated} bits allocated")
    found = by_name(model, threads) if isinstance(model, str) else model
    threads = threads or os.cpu_count() or 1
    frames = image.astype(dtype, copy=False).reshape(-1, *image.shape[-2:])
    data = [encode_frame(found, pixels, threads) for pixels in frames]
    count = None if image.ndim == 2 else len(frames)
    return write_stream(Stream(found.hash, dtype, bits_stored or bits_allocated, count, *frames.shape[1:], data))


def decode(data: bytes, *, frame: int | None = None, model: Model | None = None, threads: int = 0) -> np.ndarray:
    """The array that `encode` was given, or only frame number `frame` (from 0) of it.

    model: to decode with instead of the installed one of the stream's hash. Raises StreamError for data that is not
    ours or damaged, LimitError for impossible sizes, UnknownModelError for a stream of another version.
    """
    stream = read_stream(data)
    found = model or by_hash(stream.model_hash, threads)
    threads = threads or os.cpu_count() or 1
    if frame is not None:
        if not 0 <= frame < len(stream.frame_data):
            raise IndexError(f"frame {frame} of {len(stream.frame_data)}")
        return decode_frame(found, stream.frame_data[frame], stream.dtype, stream.shape[-2:], threads)
    if stream.frames is None:
        return decode_frame(found, stream.frame_data[0], stream.dtype, stream.shape, threads)
    parts = (decode_frame(found, d, stream.dtype, stream.shape[1:], threads) for d in stream.frame_data)
    return np.stack(list(parts))


def inspect(data: bytes) -> StreamInfo:
    """What a stream holds, without decoding it. Raises StreamError, LimitError or UnknownModelError (version)."""
    from ..models import names

    stream = read_stream(data)
    frames = [parse_frame(d, stream.dtype, stream.shape[-2:]) for d in stream.frame_data]
    pixels = len(frames) * stream.rows * stream.columns
    bits = 8 * len(data)
    bits_allocated = stream.dtype.itemsize * 8
    model = next((n for n in names() if by_name(n).hash == stream.model_hash), None)
    return StreamInfo(
        rows=stream.rows,
        columns=stream.columns,
        frames=len(frames),
        bits_allocated=bits_allocated,
        bits_stored=stream.bits_stored,
        signed=stream.dtype.kind == "i",
        model=model,
        model_hash=stream.model_hash.hex(),
        coded_bytes=len(data),
        bits_per_pixel=bits / pixels,
        ratio_allocated=bits_allocated * pixels / bits,
        ratio_stored=stream.bits_stored * pixels / bits,
        checksums=[f.digest.hex() for f in frames],
    )
