"""numpy arrays to bytes and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ..errors import UnsupportedImageError
from ..limits import memory_limit, pixel_limit
from ..models import DEFAULT, AnyModel, by_hash, by_name, name_of
from ..native import codec as native
from . import wrapped

MAX_NEAR = 255
MAX_SAMPLES = 4
DTYPES = {np.dtype(name) for name in ("uint8", "int8", "uint16", "int16")}


class Settings(TypedDict, total=False):
    """Of `encode`: what does not hang on the error that is allowed."""

    model: str | AnyModel
    bits_stored: int | None
    colour: bool
    threads: int


class Sizes(TypedDict):
    """What `StreamInfo` has of both kinds of streams."""

    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    levels: int
    level_bytes: list[int]


@dataclass(frozen=True)
class StreamInfo:
    """What `inspect` tells of a stream without decoding it.

    rows, columns: of a frame; samples: of a pixel; frames: 1 also for an array without an axis of frames. bits_allocated: 8 or 16;
    bits_stored: DICOM's, as it was given. signed: whether pixels are. near: by how much a pixel may differ from the original, 0 for
    not at all. model: its name, None if it is not installed; model_hash: 8 bytes in hexadecimal.

    coded_bytes counts the whole stream, bits_per_pixel are its bits by the pixels of all frames, all samples of a pixel together;
    ratio_allocated and ratio_stored compare it with the pixels at their allocated and stored bits. levels: by how many
    halvings the image can be had early; level_bytes[k]: how many bytes of the stream `decode(data, level=k)` needs, k from 0.
    checksums: XXH64 of the pixels, one a frame and sample, in hexadecimal (docs/format.md). references: those of the images that the
    stream leans on, which `decode` must be given. Of JPEG XL `model` is "JPEG XL", without a hash, and there is one checksum a frame.
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
    references: list[str]


def encode(
    image: np.ndarray,
    *,
    model: str | AnyModel | None = None,
    bits_stored: int | None = None,
    colour: bool = False,
    near: int = 0,
    exact: Iterable[tuple[int, int]] = (),
    neighbours: bool = False,
    references: Sequence[np.ndarray] = (),
    verify: bool = True,
    threads: int = 0,
) -> bytes:
    """Compress without loss, or with a bounded error; the result has been decoded and compared before it is returned.

    image: (rows, columns) or (frames, rows, columns), int8, uint8, int16 or uint16, of any byte order and strides. bits_stored:
    DICOM's Bits Stored, for the record only: values outside it survive. colour: the last axis holds 2 to 4 samples a pixel. near:
    by how much a decoded pixel may differ, 1 to 255; 0 for not at all. exact: runs (first, last) of values of grey pixels that come
    back as they were even so, e.g. padding, and that no other pixel takes; ends of the value range that are saturated are found and
    always kept. neighbours: frames may lean on one or two beside them, where that pays; then `decode(data, frame=k)` decodes up to
    16 others first. references: one or two images like a single grey one, the likelier first, such as slices beside it as they are
    decoded; where leaning on them pays the stream does (`inspect(data).references`), and `decode` must be given these.

    model: to encode with, by its name or as it was loaded; None for `pyramid`, or JPEG XL where that takes fewer bytes, as of many
    drawings and images in colour. Such a stream has JPEG XL inside: it has no levels, and the C library does not decode it.
    verify: False for a caller that decodes and compares the result itself. threads: 0 for one a core.

    Returns a stream (docs/format.md). Raises UnsupportedImageError for other arrays and masked ones, UnknownModelError,
    VerificationError, ValueError for another `near` and for `exact` of colours.
    """
    exact = list(exact)
    settings: Settings = {"model": model or DEFAULT, "bits_stored": bits_stored, "colour": colour, "threads": threads}
    data, pixels = encode_with_result(image, near=near, exact=exact, neighbours=neighbours, references=references, **settings)
    if model is None and not near:
        has_frames = pixels.ndim - colour == 3
        data = wrapped.smaller(_four(pixels, has_frames, colour), data, threads, bits_stored or 0, has_frames)
    if verify:
        found = None if isinstance(model, str) else model
        used = references[: len(inspect(data).references)]
        check_bound(np.asarray(image), decode(data, references=used, model=found, threads=threads), near, exact)
    return data


def encode_with_result(
    image: np.ndarray,
    *,
    model: str | AnyModel = DEFAULT,
    bits_stored: int | None = None,
    colour: bool = False,
    near: int = 0,
    exact: Iterable[tuple[int, int]] = (),
    neighbours: bool = False,
    references: Sequence[np.ndarray] = (),
    threads: int = 0,
) -> tuple[bytes, np.ndarray]:
    """`encode` by the model, whatever JPEG XL would take; without verification, and the array that `decode` will give."""
    if isinstance(image, np.ma.MaskedArray):
        raise UnsupportedImageError("masked arrays are not supported: what the mask hides would be lost; fill it first")
    image, runs = np.asarray(image), list(exact)
    dtype = image.dtype.newbyteorder("=")
    if dtype not in DTYPES:
        raise UnsupportedImageError(f"pixels of type {image.dtype} are not supported; use integers of 8 or 16 bits")
    if image.ndim - colour not in (2, 3) or 0 in image.shape or (colour and not 2 <= image.shape[-1] <= MAX_SAMPLES):
        wanted = f", samples), colour, 2 to {MAX_SAMPLES} samples" if colour else ")"
        raise UnsupportedImageError(f"an array of shape {image.shape} is not supported; use ([frames, ]rows, columns{wanted}")
    if bits_stored is not None and not 1 <= bits_stored <= dtype.itemsize * 8:
        raise UnsupportedImageError(f"{bits_stored} bits stored do not fit into {dtype.itemsize * 8} bits allocated")
    if not isinstance(near, (int, np.integer)) or not 0 <= near <= MAX_NEAR:
        raise ValueError(f"an error of {near} is not possible; near is a whole number, 0 to {MAX_NEAR}")
    found = by_name(model, threads) if isinstance(model, str) else model
    pixels = _four(image, image.ndim - colour == 3, colour).astype(dtype, "C", copy=False)
    decoded = np.empty_like(pixels) if near else None
    has_frames = image.ndim - colour == 3
    outer = [_outer(reference, image.shape, dtype) for reference in references]
    data = native.encode(pixels, found, bits_stored or 0, has_frames, near, runs, neighbours, outer, decoded, threads)
    return data, (pixels if decoded is None else decoded).reshape(image.shape)


def check_bound(original: np.ndarray, decoded: np.ndarray, near: int, exact: Iterable[tuple[int, int]]) -> None:
    """VerificationError unless no pixel is off by more than `near`, and none that has or takes an exact value at all."""
    first, second = (np.ascontiguousarray(a, a.dtype.newbyteorder("=")).reshape(1, -1, a.shape[-1], 1) for a in (original, decoded))
    native.check_bound(first, second, near, list(exact))


def decode(
    data: bytes | memoryview,
    *,
    frame: int | None = None,
    level: int = 0,
    references: Sequence[np.ndarray] = (),
    model: AnyModel | None = None,
    threads: int = 0,
) -> np.ndarray:
    """The array that `encode` was given, or only frame number `frame` (from 0) of it.

    Shape and type are those of the encoded array, in the machine's byte order; without the first axis for one frame.
    level: k for the image at 1/2^k resolution, every 2^k-th row and column from the first; `data` may then end after the bytes
    that `inspect` lists for level k. references: the images that the stream leans on (`inspect(data).references`), whole or at
    this level. model: to decode with instead of the installed one of the stream's hash. threads: 0 for one a core.

    Raises StreamError for data that is not ours, damaged or too short, LimitError for impossible sizes, UnknownModelError for a
    stream of another model or version, IndexError and ValueError for a frame or level it does not have and for images that are
    not its references.
    """
    if wrapped.is_wrapped(data):
        if level:
            raise ValueError(f"level {level} of 0: JPEG XL has the whole image only")
        return wrapped.decode(data, frame)
    stream = native.Stream(data, level, pixel_limit(), memory_limit())
    found = model or by_hash(stream.model_hash, threads)
    count = stream.frames or 1
    if frame is not None and not 0 <= frame < count:
        raise IndexError(f"frame {frame} of {count}")
    shape = tuple(-(-n >> level) for n in (stream.rows, stream.columns))
    outer = [_outer(image if image.shape == shape else image[:: 1 << level, :: 1 << level], shape) for image in references]
    whole = stream.decode(found, level, frame, None, outer, threads)
    whole = whole if stream.samples > 1 else whole[..., 0]
    return whole if frame is None and stream.frames is not None else whole[0]


def _outer(image: np.ndarray, shape: tuple[int, ...], dtype: np.dtype | None = None) -> np.ndarray:
    """A reference as (1, rows, columns, 1). ValueError if it has not the image's shape or type."""
    native_type = image.dtype.newbyteorder("=")
    if image.ndim != 2 or image.shape != shape or native_type != (dtype or native_type):
        raise ValueError(
            f"a reference is {image.dtype} {image.shape}; it must be a single image in grey like the one that leans on it"
        )
    return np.ascontiguousarray(image, native_type)[None, ..., None]


def _four(image: np.ndarray, has_frames: bool, colour: bool) -> np.ndarray:
    """As (frames, rows, columns, samples)."""
    image = image if has_frames else image[None]
    return image if colour else image[..., None]


def inspect(data: bytes | memoryview) -> StreamInfo:
    """What a stream holds, without decoding it; `data` may end after its header and heads.

    Raises StreamError, LimitError or UnknownModelError (version).
    """
    if wrapped.is_wrapped(data):
        return _inspect_wrapped(wrapped.read(data))
    stream = native.Stream(data, None, pixel_limit(), memory_limit())
    shape = stream.frames or 1, stream.rows, stream.columns, stream.samples
    return StreamInfo(
        **_sizes(shape, stream.bits_allocated, stream.bits_stored, stream.level_bytes),
        signed=stream.signed,
        near=stream.near,
        model=name_of(stream.model_hash),
        model_hash=stream.model_hash.hex(),
        checksums=[checksum.hex() for checksum in stream.checksums],
        references=[checksum.hex() for checksum in stream.outer],
    )


def _inspect_wrapped(facts: wrapped.Wrapped) -> StreamInfo:
    return StreamInfo(
        **_sizes(facts.shape, 8 * facts.dtype.itemsize, facts.bits_stored, [facts.size]),
        signed=facts.dtype.kind == "i",
        near=0,
        model="JPEG XL",
        model_hash="",
        checksums=[checksum.hex() for checksum in facts.checksums],
        references=[],
    )


def _sizes(shape: tuple[int, int, int, int], bits_allocated: int, bits_stored: int, level_bytes: list[int]) -> Sizes:
    frames, rows, columns, samples = shape
    pixels, bits = frames * rows * columns, 8 * level_bytes[0]
    return {
        "frames": frames,
        "rows": rows,
        "columns": columns,
        "samples": samples,
        "bits_allocated": bits_allocated,
        "bits_stored": bits_stored,
        "coded_bytes": level_bytes[0],
        "bits_per_pixel": bits / pixels,
        "ratio_allocated": bits_allocated * samples * pixels / bits,
        "ratio_stored": bits_stored * samples * pixels / bits,
        "levels": len(level_bytes) - 1,
        "level_bytes": level_bytes,
    }


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of what `decode` gives, without decoding it. Raises what `inspect` does."""
    if wrapped.is_wrapped(data):
        facts = wrapped.read(data)
        return facts.array_shape, facts.dtype
    stream = native.Stream(data, None, pixel_limit(), memory_limit())
    frames, samples = () if stream.frames is None else (stream.frames,), (stream.samples,) if stream.samples > 1 else ()
    dtype = np.dtype(f"{'int' if stream.signed else 'uint'}{stream.bits_allocated}")
    return (*frames, stream.rows, stream.columns, *samples), dtype
