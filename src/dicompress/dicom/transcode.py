"""Files and frames to standard transfer syntaxes, without loss: whoever does not know ours reads the result.

What is written is read again and compared, by a second library where there is one. What a target cannot hold is an
UnsupportedImageError that says why; of files that dicompress compressed, the native form instead.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from ..errors import DicompressError, FileError, NotDicomError, StreamError, UnsupportedImageError, VerificationError
from .cells import planes_in_cells, separated, with_overlays
from .explicit import Elements
from .image import image_of
from .items import extended_tables, split_frames
from .native import Native, changed, made_native, native_of
from .part10 import Part10, parse
from .pixels import PixelLayout
from .recompress import jpeg_xl_frames
from .record import has_record
from .restore import frames_of, is_ours, restore, says_ours
from .results import PassedOn, Transcoded
from .standard import NATIVE_TARGET, TARGETS, Target, has_precision
from .syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS, NATIVE, name
from .writing import encapsulated_file, head

CHOICES = (NATIVE_TARGET, *TARGETS)
OWN, PYDICOM = "dicompress", "pydicom"  # as readers that verified
TURNED = (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)  # native, but not what everyone reads
JPEG_STAYS = "JPEG frames stay the JPEG they are: decoders differ in their pixels, so that no other syntax holds them without loss"
RAW_JPEG_LS = "coded at a precision of 16 or 8 bits: pip install 'dicompress[decoders]' brings an encoder for Bits Stored (0028,0101)"


def transcode_file(data: bytes, to: str, threads: int = 0) -> Transcoded:
    """A file in our transfer syntax or in a lossless one, in a standard one: with the same values, SOP Instance UID and elements.

    to: one of `CHOICES`. threads: 0 for one a core. What dicompress compressed is restored first, and has no restore record any
    more. UnsupportedImageError for what is better left as it is, FileError, StreamError for damage, VerificationError.
    """
    part10 = parse(data)
    target = target_of(to)
    if not is_ours(part10):
        return _to_target(part10, target, threads) if target else _to_native(part10)
    if part10.syntax == JPEG_XL_JPEG:
        return _jpeg(part10, target)
    try:
        restored = restore(part10, threads)
    except UnsupportedImageError as error:  # it was not when it was compressed
        raise StreamError(str(error)) from None
    source = parse(restored.data)
    if target is not None:
        try:
            kept = part10.syntax == target.syntax == JPEG_XL_LOSSLESS
            ready = [bytes(frame) for frame in frames_of(part10, image_of(part10))] if kept else None
            return _to_target(source, target, threads, ready)
        except UnsupportedImageError as reason:
            return replace(_restored(source, restored.pixels), remark=f"in native form: {reason}")
    return _restored(source, restored.pixels)


def transcode_or_pass_on(data: bytes, to: str, threads: int = 0) -> Transcoded | PassedOn:
    """`transcode_file`; or why it is better to keep `data` as it is. Raises only what is wrong with files that are ours."""
    try:
        return transcode_file(data, to, threads)
    except NotDicomError as error:
        return PassedOn(str(error), is_dicom=False)
    except UnsupportedImageError as error:
        return PassedOn(str(error))
    except DicompressError as error:
        if says_ours(data):
            raise
        return PassedOn(str(error), damaged=isinstance(error, FileError))


def target_of(to: str) -> Target | None:
    """None for native. ValueError for what is none."""
    if to not in CHOICES:
        raise ValueError(f"{to} is none of {', '.join(CHOICES)}")
    return TARGETS.get(to)


def _native_of(part10: Part10) -> Native:
    """Of a deflated data set what it is inflated: how it was deflated does not matter here."""
    if part10.syntax == DeflatedExplicitVRLittleEndian:
        part10 = replace(part10, syntax=ExplicitVRLittleEndian, trailer=b"")
    return native_of(part10, part10.content)


def _to_native(part10: Part10) -> Transcoded:
    if part10.syntax in NATIVE and part10.syntax not in TURNED:
        raise UnsupportedImageError(f"in native form already: {name(part10.syntax)}")
    native = _native_of(part10)
    made = made_native(part10.preamble, part10.meta, native.dataset, native.pixels, native.image)
    value = b"".join(frame.tobytes() for frame in made.values())
    result = b"".join((made.prefix, value, made.suffix))
    return Transcoded(result, ExplicitVRLittleEndian, native.image.pixels, _checked_native(result, made.elements, value))


def _restored(source: Part10, pixels: int) -> Transcoded:
    """The original's own bytes, proved by a checksum, where every reader takes them."""
    if source.syntax in TURNED:
        return _to_native(source)
    return Transcoded(source.content, source.syntax, pixels, _checked_native(source.content, source.elements, bytes(source.value)))


def _checked_native(data: bytes, elements: Elements, value: bytes) -> tuple[str, ...]:
    part10 = parse(data)
    read = pydicom.dcmread(BytesIO(data))[part10.place.tag].value
    if bytes(part10.value)[: len(value)] != value or part10.elements != elements or read[: len(value)] != value:
        raise VerificationError("the native form does not hold what it was made of")
    return OWN, PYDICOM


def _to_target(part10: Part10, target: Target, threads: int, ready: list[bytes] | None = None) -> Transcoded:
    """ready: frames that hold the values in the target's syntax already, at a precision of Bits Allocated."""
    if part10.syntax in target.same:
        raise UnsupportedImageError(f"in {name(part10.syntax)} already")
    native = _native_of(part10)
    image, dataset = native.image, native.dataset
    target.check(image)
    planes = planes_in_cells(dataset, image)
    cells = separated(native.pixels, image, planes)
    if planes:
        dataset = with_overlays(dataset, planes, native.pixels, image)
    facts: dict[str, str | int] = {"PhotometricInterpretation": target.colours[image.interpretation]}
    if image.samples > 1:
        facts["PlanarConfiguration"] = 0
    if any(dataset.get(keyword) != value for keyword, value in facts.items()):
        dataset = changed(dataset, **facts)
    if ready is None or planes or cells.precision != image.bits_allocated:
        ready = encoded(cells.pixels, image, target, cells.precision, threads)
    around = Elements.of(dataset)
    start = head(part10.preamble, part10.meta, dataset, target.syntax)
    result = encapsulated_file(start, around, ready, tables=extended_tables(ready))
    verified = _checked(result, target, cells.pixels, around)
    return Transcoded(result, target.syntax, image.pixels, verified, "; ".join(_remarks(target, cells.remarks, image)) or None)


def _remarks(target: Target, remarks: tuple[str, ...], image: PixelLayout) -> tuple[str, ...]:
    raw = target is TARGETS["jls"] and image.bits_stored < image.bits_allocated and not has_precision()
    return (*remarks, RAW_JPEG_LS) if raw else remarks


def encoded(pixels: np.ndarray, image: PixelLayout, target: Target, precision: int, threads: int) -> list[bytes]:
    """pixels: (frames, ...), as many as there are. Several are done side by side."""
    precision = image.bits_allocated if precision < target.least else precision
    transform = target.colours[image.interpretation] != image.interpretation
    workers = min(threads or os.cpu_count() or 1, len(pixels))
    with ThreadPoolExecutor(workers) as pool:
        each = threads if workers == 1 else 1
        try:
            return list(pool.map(lambda frame: target.encode(frame, precision, each, transform), pixels))
        except (DicompressError, MemoryError):
            raise
        except Exception as error:  # libraries have several kinds
            raise UnsupportedImageError(f"the encoder of {target.title} does not take it: {error}") from None


def _checked(result: bytes, target: Target, pixels: np.ndarray, around: Elements) -> tuple[str, ...]:
    """Who read the file and found these values and elements. VerificationError if somebody did not."""
    try:
        part10 = parse(result)
        if part10.elements != around:
            raise VerificationError("the elements do not come back as they were")
        image = image_of(part10)
        split_frames(part10.value, image.frames)
        return verified(part10.value, image, target, pixels)
    except VerificationError:
        raise
    except DicompressError as error:
        raise VerificationError(f"it could not be read again: {error}") from None


def verified(value: memoryview, image: PixelLayout, target: Target, pixels: np.ndarray) -> tuple[str, ...]:
    """Libraries that decoded encapsulated Pixel Data to these pixels: the usual one, and the first other that takes it.

    VerificationError if one gives others.
    """
    _compare(target.library, target.read(value, image), pixels)
    for second in target.seconds:
        if not second.is_available(target.syntax):
            continue
        try:
            found = second.pixels(value, image, target.syntax)
        except (UnsupportedImageError, FileError):  # of a kind that it does not take
            continue
        _compare(second.name, found, pixels)
        return target.library, second.name
    return (target.library,)


def _compare(library: str, found: np.ndarray, pixels: np.ndarray) -> None:
    for index, (one, other) in enumerate(zip(found, pixels, strict=True)):
        if not np.array_equal(one, other):
            raise VerificationError(f"{library} reads other values from frame {index + 1} than were written")


def _jpeg(part10: Part10, target: Target | None) -> Transcoded:
    """JPEG frames that JPEG XL holds: JPEG XL without our record, if that is asked for, else the JPEG file."""
    if target is TARGETS["jxl"] and not has_record(part10.raw):
        raise UnsupportedImageError(f"in {name(JPEG_XL_JPEG)} already")
    restored = restore(part10)
    if target is not TARGETS["jxl"]:
        return Transcoded(bytes(restored.data), parse(restored.data).syntax, restored.pixels, (OWN,), JPEG_STAYS)
    start = head(part10.preamble, part10.meta, part10.dataset, JPEG_XL_JPEG)
    result = encapsulated_file(start, part10.elements, jpeg_xl_frames(part10))
    return Transcoded(result, JPEG_XL_JPEG, restored.pixels, (OWN,), f"in {name(JPEG_XL_JPEG)}: the JPEG frames stay what they are")
