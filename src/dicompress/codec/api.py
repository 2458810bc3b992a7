"""numpy arrays to bytes and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from ..errors import UnsupportedImageError, VerificationError
from ..models import DEFAULT, AnyModel, by_name
from ..native import codec as native
from . import few, widening, wrapped
from .info import StreamInfo
from .kinds import kind_of
from .modelled import outer_of
from .words import WIDE

MAX_NEAR = 255
MAX_SAMPLES = 4
NARROW = {np.dtype(name) for name in ("uint8", "int8", "uint16", "int16")}
DTYPES = NARROW | set(WIDE)


class Settings(TypedDict, total=False):
    """Of `encode`: what does not hang on the error that is allowed."""

    model: str | AnyModel
    bits_stored: int | None
    colour: bool
    threads: int


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

    image: (rows, columns) or (frames, rows, columns), bool, integers of 8, 16 or 32 bits or floats of 32 or 64, of any byte order and
    strides; of floats every bit comes back, those of NaNs, too. bits_stored: DICOM's Bits Stored, for the record only: values outside
    it survive. colour: the last axis holds 2 to 4 samples a pixel. near: by how much a decoded pixel may differ, 1 to 255, of integers
    of 8 or 16 bits; 0 for not at all. exact: runs (first, last) of values of grey pixels that come back as they were even so, e.g.
    padding, and that no other pixel takes; ends of the value range that are saturated are found and always kept. neighbours: frames
    may lean on one or two beside them, where that pays; then `decode(data, frame=k)` decodes up to 16 others first. references: one or
    two images like a single grey one, the likelier first, such as slices beside it as they are decoded; where leaning on them pays the
    stream does (`inspect(data).references`), and `decode` must be given these. Values of 32 and 64 bits lean on nothing.

    model: to encode with, by its name or as it was loaded; None for `pyramid`, or what takes fewer bytes: JPEG XL, as of many
    drawings and images in colour, or labels, of bitmaps and of few values, which a bool array always is. Such streams have no
    levels, and the C library does not decode them; frames of labels lean on up to 63 before them.
    verify: False for a caller that decodes and compares the result itself. threads: 0 for one a core.

    Returns a stream (docs/format.md). Raises UnsupportedImageError for other arrays and masked ones, UnknownModelError,
    VerificationError, ValueError for another `near` and for `exact` of colours.
    """
    exact = list(exact)
    if isinstance(image, np.ndarray) and image.dtype == np.bool_:
        return _encode_bits(image, model, colour, near, verify, threads)
    settings: Settings = {"model": model or DEFAULT, "bits_stored": bits_stored, "colour": colour, "threads": threads}
    found = None if model or near or colour else _encode_few(image, bits_stored or 0, threads)
    if found and found[1]:
        data = found[0]
    else:
        data, pixels = encode_with_result(image, near=near, exact=exact, neighbours=neighbours, references=references, **settings)
        if model is None and not near and pixels.dtype in NARROW:
            has_frames = pixels.ndim - colour == 3
            data = wrapped.smaller(_four(pixels, has_frames, colour), data, threads, bits_stored or 0, has_frames)
        data = min(found[0] if found else data, data, key=len)
    if verify:
        loaded = None if isinstance(model, str) else model
        used = references[: len(inspect(data).references)]
        decoded = decode(data, references=used, model=loaded, threads=threads)
        if decoded.dtype in WIDE:
            _check_bits(np.asarray(image), decoded)
        else:
            check_bound(np.asarray(image), decoded, near, exact)
    return data


def _encode_bits(image: np.ndarray, model: str | AnyModel | None, colour: bool, near: int, verify: bool, threads: int) -> bytes:
    """Of a bool array. UnsupportedImageError, ValueError as `encode`."""
    if isinstance(image, np.ma.MaskedArray) or model is not None or colour or image.ndim not in (2, 3) or not image.size:
        raise UnsupportedImageError(
            f"a bool array of shape {image.shape} is not supported so: ([frames, ]rows, columns), unmasked, without model and colour"
        )
    if near:
        raise ValueError("a bool array bears no error")
    has_frames = image.ndim == 3
    data = few.coded(image if has_frames else image[None], threads, 0, has_frames)
    assert data is not None  # of two values
    if verify and not np.array_equal(decode(data, threads=threads), image):
        raise VerificationError("a bool array does not come back as it was")
    return data


def _encode_few(image: np.ndarray, bits_stored: int, threads: int) -> tuple[bytes, bool] | None:
    """An integer array of few values as labels or in JPEG XL, and whether no model need be tried; None for others."""
    if isinstance(image, np.ma.MaskedArray):
        return None
    pixels = np.asarray(image)
    dtype = pixels.dtype.newbyteorder("=")
    if dtype not in NARROW or pixels.ndim not in (2, 3) or not pixels.size or bits_stored not in range(8 * dtype.itemsize + 1):
        return None
    has_frames = pixels.ndim == 3
    pixels = (pixels if has_frames else pixels[None]).astype(dtype, "C", copy=False)
    data = few.coded(pixels, threads, bits_stored, has_frames)
    if data is None:
        return None
    return few.smaller(pixels, data, threads, bits_stored, has_frames), few.is_sure(data, pixels)


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
    """`encode` by the model, whatever JPEG XL would take; without verification, and the array that `decode` will give.

    The high bits of 32 and 64 are in JPEG XL where that takes fewer bytes.
    """
    if isinstance(image, np.ma.MaskedArray):
        raise UnsupportedImageError("masked arrays are not supported: what the mask hides would be lost; fill it first")
    image, runs = np.asarray(image), list(exact)
    dtype = image.dtype.newbyteorder("=")
    if dtype not in DTYPES:
        raise UnsupportedImageError(
            f"pixels of type {image.dtype} are not supported; use integers of 8, 16 or 32 bits, or floats of 32 or 64"
        )
    if image.ndim - colour not in (2, 3) or 0 in image.shape or (colour and not 2 <= image.shape[-1] <= MAX_SAMPLES):
        wanted = f", samples), colour, 2 to {MAX_SAMPLES} samples" if colour else ")"
        raise UnsupportedImageError(f"an array of shape {image.shape} is not supported; use ([frames, ]rows, columns{wanted}")
    if bits_stored is not None and not 1 <= bits_stored <= dtype.itemsize * 8:
        raise UnsupportedImageError(f"{bits_stored} bits stored do not fit into {dtype.itemsize * 8} bits allocated")
    if not isinstance(near, (int, np.integer)) or not 0 <= near <= MAX_NEAR:
        raise ValueError(f"an error of {near} is not possible; near is a whole number, 0 to {MAX_NEAR}")
    if dtype in WIDE:
        if near or runs:
            raise UnsupportedImageError(f"pixels of type {image.dtype} bear no error; near is for integers of 8 or 16 bits")
        image = image.astype(dtype, "C", copy=False)
        return _encode_wide(image, bits_stored, colour, model, threads), image
    found = by_name(model, threads) if isinstance(model, str) else model
    pixels = _four(image, image.ndim - colour == 3, colour).astype(dtype, "C", copy=False)
    decoded = np.empty_like(pixels) if near else None
    has_frames = image.ndim - colour == 3
    outer = [outer_of(reference, image.shape, dtype) for reference in references]
    data = native.encode(pixels, found, bits_stored or 0, has_frames, near, runs, neighbours, outer, decoded, threads)
    return data, (pixels if decoded is None else decoded).reshape(image.shape)


def _encode_wide(image: np.ndarray, bits_stored: int | None, colour: bool, model: str | AnyModel, threads: int) -> bytes:
    def code(high: np.ndarray) -> bytes:
        return encode_with_result(high, model=model, colour=colour, threads=threads)[0]

    def shrink(high: np.ndarray, stream: bytes) -> bytes:
        if model != DEFAULT:
            return stream
        found = None if colour else _encode_few(high, 0, threads)
        smaller = wrapped.smaller(_four(high, False, colour), stream, threads, 0, False)
        return min(smaller, found[0] if found else smaller, key=len)

    has_frames = image.ndim - colour == 3
    frames = image if has_frames else image[None]
    pixels = frames if colour else frames[..., None]
    return widening.encode(pixels, bits_stored or 8 * image.itemsize, has_frames, code, shrink)


def _check_bits(original: np.ndarray, decoded: np.ndarray) -> None:
    """VerificationError unless every bit is as it was, also those of NaNs."""
    first, second = (np.ascontiguousarray(a, a.dtype.newbyteorder("=")).view(f"u{a.itemsize}") for a in (original, decoded))
    if not np.array_equal(first, second):
        raise VerificationError("values do not come back as they were")


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
    return kind_of(data).decode(data, frame=frame, level=level, references=references, model=model, threads=threads)


def _four(image: np.ndarray, has_frames: bool, colour: bool) -> np.ndarray:
    """As (frames, rows, columns, samples)."""
    image = image if has_frames else image[None]
    return image if colour else image[..., None]


def inspect(data: bytes | memoryview) -> StreamInfo:
    """What a stream holds, without decoding it; `data` may end after its header and heads.

    Raises StreamError, LimitError or UnknownModelError (version).
    """
    return kind_of(data).inspect(data)


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of what `decode` gives, without decoding it. Raises what `inspect` does."""
    return kind_of(data).layout(data)
