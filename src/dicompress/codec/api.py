"""numpy arrays to bytes and back."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import StreamError, UnsupportedImageError
from ..models import DEFAULT, Model, by_hash, by_name, name_of
from .bound import MAX_NEAR, check_bound
from .colour import MAX_SAMPLES
from .container import read_stream, write_stream
from .content import Choice
from .loop import reduced
from .plane import decode_plane, encode_plane
from .references import candidates, coding_order, order
from .stream import DTYPES, Section, Stream, needs


@dataclass(frozen=True)
class StreamInfo:
    """What `inspect` tells of a stream without decoding it.

    coded_bytes counts the whole stream; ratio_allocated and ratio_stored compare it with the pixels at their
    allocated and stored bits. near: by how much a pixel may differ from the original, 0 for not at all. levels: by how many
    halvings the image can be had early; level_bytes[k]: how many bytes of the stream `decode(data, level=k)` needs, k from 0.
    checksums: one digest of the pixels a frame and sample, in hexadecimal.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    near: int
    model: str | None
    model_hash: str
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    levels: int
    level_bytes: list[int]
    checksums: list[str]


def encode(
    image: np.ndarray,
    *,
    model: str | Model = DEFAULT,
    bits_stored: int | None = None,
    colour: bool = False,
    near: int = 0,
    exact: Iterable[tuple[int, int]] = (),
    neighbours: bool = False,
    verify: bool = True,
    threads: int = 0,
) -> bytes:
    """Compress without loss, or with a bounded error; the result has been decoded and compared before it is returned.

    image: (rows, columns) or (frames, rows, columns), int8, uint8, int16 or uint16. bits_stored: DICOM's Bits Stored, for
    the record only: values outside it survive. colour: the last axis holds 2 to 4 samples a pixel. near: by how much a decoded
    pixel may differ, 1 to 255; 0 for not at all. exact: runs (first, last) of values of grey pixels that come back as they were
    even so, e.g. padding, and that no other pixel takes; ends of the value range that are saturated are found and always kept.
    neighbours: frames may lean on one or two beside them, where that pays; then `decode(data, frame=k)` decodes up to 16 others
    first.
    verify: False for a caller that decodes and compares the result itself. threads: 0 for one a core.

    Raises UnsupportedImageError for other arrays and masked ones, UnknownModelError, VerificationError, ValueError for another
    `near` and for `exact` of colours.
    """
    settings = {"model": model, "bits_stored": bits_stored, "colour": colour, "threads": threads}
    exact = list(exact)
    data, _ = encode_with_result(image, near=near, exact=exact, neighbours=neighbours, **settings)
    if verify:
        found = None if isinstance(model, str) else model
        check_bound(np.asarray(image), decode(data, model=found, threads=threads), near, exact)
    return data


def encode_with_result(
    image: np.ndarray,
    *,
    model: str | Model = DEFAULT,
    bits_stored: int | None = None,
    colour: bool = False,
    near: int = 0,
    exact: Iterable[tuple[int, int]] = (),
    neighbours: bool = False,
    threads: int = 0,
) -> tuple[bytes, np.ndarray]:
    """`encode` without verification, and the array that `decode` will give."""
    if isinstance(image, np.ma.MaskedArray):
        raise UnsupportedImageError("masked arrays are not supported: what the mask hides would be lost; fill it first")
    image, exact = np.asarray(image), list(exact)
    dtype = image.dtype.newbyteorder("=")
    if dtype not in DTYPES.values():
        raise UnsupportedImageError(f"pixels of type {image.dtype} are not supported; use integers of 8 or 16 bits")
    if image.ndim - colour not in (2, 3) or 0 in image.shape or (colour and not 2 <= image.shape[-1] <= MAX_SAMPLES):
        wanted = f", samples), colour, 2 to {MAX_SAMPLES} samples" if colour else ")"
        raise UnsupportedImageError(
            f"an array of shape {image.shape} is not supported; use ([frames, ]rows, columns{wanted}"
        )
    bits_allocated = dtype.itemsize * 8
    if not 1 <= (bits_stored or bits_allocated) <= bits_allocated:
        raise UnsupportedImageError(f"{bits_stored} bits stored do not fit into {bits_allocated} bits allocated")
    if not isinstance(near, (int, np.integer)) or not 0 <= near <= MAX_NEAR:
        raise ValueError(f"an error of {near} is not possible; near is a whole number, 0 to {MAX_NEAR}")
    if colour and exact:
        raise ValueError("values of colour samples cannot be kept exact: leave out `exact` or `colour`")
    found = by_name(model, threads) if isinstance(model, str) else model
    threads = threads or os.cpu_count() or 1
    samples = image.shape[-1] if colour else 1
    frames = image.astype(dtype, copy=False).reshape(-1, *image.shape[image.ndim - 2 - colour :][:2], samples)
    levels = found.levels(frames.shape[1:3])
    planes, depth, decoded = {}, {}, frames.copy() if near else frames
    order_of_frames = coding_order(len(frames), neighbours and found.most_references > 0)
    for number in (frame * samples + k for frame in order_of_frames for k in range(samples)):
        frame, k = divmod(number, samples)
        before = [decoded[frame, ..., i] for i in range(k)]
        choices = [
            Choice(tuple(number - n for n in numbers), [_plane(decoded, n) for n in numbers])
            for numbers in (candidates(number, samples, neighbours, depth) if found.most_references else ())
        ]
        plane, result = encode_plane(found, frames[frame, ..., k], before, levels, near, exact, threads, choices)
        planes[number] = plane
        depth[number] = max((depth[n] + 1 for n in needs(plane.head, number, samples)), default=0)
        if near:
            decoded[frame, ..., k] = result
    planes = [planes[number] for number in range(len(planes))]
    sections = [Section.of(tile[i] for plane in planes for tile in plane.tiles) for i in range(levels + 1)]
    count = None if image.ndim - colour == 2 else len(frames)
    heads = [plane.head for plane in planes]
    facts = (found.hash, dtype, bits_stored or bits_allocated, count, *frames.shape[1:], near)
    return write_stream(Stream(*facts, levels, heads, sections)), decoded.reshape(image.shape)


def decode(
    data: bytes, *, frame: int | None = None, level: int = 0, model: Model | None = None, threads: int = 0
) -> np.ndarray:
    """The array that `encode` was given, or only frame number `frame` (from 0) of it.

    level: k for the image at 1/2**k resolution, (ceil(rows / 2**k), ceil(columns / 2**k)) a frame; `data` may then end
    after the bytes that `inspect` lists for level k. model: to decode with instead of the installed one of the stream's
    hash. Raises StreamError for data that is not ours, damaged or too short, LimitError for impossible sizes,
    UnknownModelError for a stream of another version, IndexError and ValueError for a frame or level it does not have.
    """
    stream = read_stream(data, level)
    found = model or by_hash(stream.model_hash, threads)
    if stream.levels != found.levels((stream.rows, stream.columns)):
        raise StreamError(f"{stream.levels} levels are claimed, which is not what {found.name} makes of this size")
    most = max((len(head.references) for head in stream.heads), default=0)
    if most > found.most_references:
        raise StreamError(f"a plane leans on {most} others, which {found.name} cannot make use of")
    threads = threads or os.cpu_count() or 1
    if frame is not None and not 0 <= frame < stream.count:
        raise IndexError(f"frame {frame} of {stream.count}")
    shape = (*reduced((stream.rows, stream.columns), level), stream.samples)
    first, count = (0, stream.count) if frame is None else (frame, 1)
    frames = np.empty((count, *shape), stream.dtype)
    planes = {first * stream.samples + k: _plane(frames, k) for k in range(count * stream.samples)}
    for number in order(list(planes), stream.needs):
        before = [planes.get(n) for n in range(number - number % stream.samples, number)]
        references = [planes[number - n] for n in stream.heads[number].references]
        pixels = decode_plane(found, stream.plane(number), before, level, threads, references)
        if number in planes:
            planes[number][...] = pixels
        else:
            planes[number] = pixels
    whole = frames if stream.samples > 1 else frames[..., 0]
    return whole if frame is None and stream.frames is not None else whole[0]


def _plane(frames: np.ndarray, number: int) -> np.ndarray:
    """Plane `number` of (frames, rows, columns, samples)."""
    frame, sample = divmod(number, frames.shape[-1])
    return frames[frame, ..., sample]


def inspect(data: bytes) -> StreamInfo:
    """What a stream holds, without decoding it; its header and heads are enough.

    Raises StreamError, LimitError or UnknownModelError (version).
    """
    stream = read_stream(data, None)
    pixels, samples = stream.count * stream.rows * stream.columns, stream.samples
    bits = 8 * stream.level_bytes[0]
    bits_allocated = stream.dtype.itemsize * 8
    return StreamInfo(
        rows=stream.rows,
        columns=stream.columns,
        samples=samples,
        frames=stream.count,
        bits_allocated=bits_allocated,
        bits_stored=stream.bits_stored,
        signed=stream.dtype.kind == "i",
        near=stream.near,
        model=name_of(stream.model_hash),
        model_hash=stream.model_hash.hex(),
        coded_bytes=stream.level_bytes[0],
        bits_per_pixel=bits / pixels,
        ratio_allocated=bits_allocated * samples * pixels / bits,
        ratio_stored=stream.bits_stored * samples * pixels / bits,
        levels=stream.levels,
        level_bytes=stream.level_bytes,
        checksums=[head.digest.hex() for head in stream.heads],
    )
