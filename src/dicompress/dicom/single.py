"""Single frames of a file, transcoded without the rest: for stores and gateways that are asked for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

from ..codec.jpegxl import to_jpeg
from ..errors import DicompressError, UnsupportedImageError, VerificationError
from .cells import planes_in_cells, separated
from .decoders import decoded_pixels, offset_tables
from .image import image_of
from .items import pixel_element, source_frames
from .part10 import Part10
from .pixels import HALVED, NativeForm, PixelLayout, whole_colours
from .recompress import jpeg_xl_frames
from .record import RecordHead, find_record
from .restore import decode_some, frames_of
from .standard import TARGETS, Target
from .stored import FULL
from .syntax import DICOMPRESS, JPEG, JPEG_XL_JPEG, LOSSLESS, NATIVE, name
from .transcode import JPEG_STAYS, encoded, target_of, verified


@dataclass(frozen=True)
class Frames:
    """What `frames_as` gives.

    frames: their bytes, without items and padding. syntax: of all of them. interpretation: their Photometric Interpretation.
    planar: their Planar Configuration. verified: libraries that read the same values from each. remark: why it is another syntax
    than was asked for.
    """

    frames: list[bytes]
    syntax: UID
    interpretation: str
    planar: bool
    verified: tuple[str, ...]
    remark: str | None = None


def frames_as(part10: Part10, to: str, numbers: Iterable[int], threads: int = 0) -> Frames:
    """Frames of a parsed file, ours or in a lossless syntax, in a standard one. Only these are decoded.

    to: as for `transcode_file`. numbers: one or more, from 0. What the target cannot hold is native, in the order of bytes of Explicit VR Little
    Endian, as is told; the JPEG frames that JPEG XL holds are JPEG. UnsupportedImageError for frames that are lossy or cannot be
    decoded, StreamError, FileError for damage; IndexError for a frame that is not there.
    """
    target, numbers = target_of(to), list(numbers)
    if part10.syntax == JPEG_XL_JPEG:
        return _jpeg(part10, target, numbers)
    image = image_of(part10)
    _check_numbers(numbers, image.frames)
    if target and part10.syntax in target.same:
        found = source_frames(part10.value, image.frames, offset_tables(part10.dataset))
        return Frames([found[n] for n in numbers], part10.syntax, image.interpretation, False, ())
    pixels, image = stored_frames(part10, image, numbers, threads)
    remark = None
    if target:
        try:
            return _encoded(part10.dataset, pixels, image, target, threads)
        except UnsupportedImageError as reason:
            remark = f"in native form: {reason}"
    values = [NativeForm().value(frame, image).tobytes() for frame in pixels]
    return Frames(values, ExplicitVRLittleEndian, image.interpretation, image.planar, (), remark)


def any_frames(part10: Part10, numbers: Iterable[int], threads: int = 0) -> tuple[np.ndarray, PixelLayout]:
    """(len(numbers), ...) values of some frames of any file whose pixels can be had here, lossy ones too, and their layout: each pixel
    with a colour of its own, RGB where decoders make that. Errors as of `frames_as`.
    """
    image, numbers = image_of(part10), list(numbers)
    _check_numbers(numbers, image.frames)
    if part10.syntax in LOSSLESS | NATIVE | {DICOMPRESS}:
        pixels, image = stored_frames(part10, image, numbers, threads)
    else:
        frames, syntax = _lossy_frames(part10, image)
        if image.interpretation == HALVED and syntax in JPEG:  # its decoders give each pixel its colour
            image = replace(image, interpretation=FULL)
        pixels, image = _decoded([frames[n] for n in numbers], image, syntax)
    if image.interpretation == HALVED:
        return whole_colours(pixels), replace(image, interpretation=FULL)
    return pixels, image


def stored_frames(part10: Part10, image: PixelLayout, numbers: list[int], threads: int = 0) -> tuple[np.ndarray, PixelLayout]:
    """(len(numbers), ...) stored values of some frames, and their layout: RGB where decoders make that of YBR_RCT.

    image: the file's. Errors as of `frames_as`.
    """
    if part10.syntax == DICOMPRESS:
        streams = frames_of(part10, image)
        return decode_some(streams, image, numbers, threads), image
    if part10.pixels is None or (part10.syntax not in NATIVE and part10.syntax not in LOSSLESS):
        raise UnsupportedImageError(f"transfer syntax {name(part10.syntax)} is lossy, or not known to be lossless")
    if part10.syntax in NATIVE:
        return NativeForm.of(image, part10.syntax, part10.pixels.vr).values(part10.value, image)[numbers], image
    frames = source_frames(part10.value, image.frames, offset_tables(part10.dataset))
    return _decoded([frames[n] for n in numbers], image, part10.syntax)


def _lossy_frames(part10: Part10, image: PixelLayout) -> tuple[list[bytes], UID]:
    """All frames, and their transfer syntax. UnsupportedImageError for what is no image."""
    if part10.pixels is None:
        raise UnsupportedImageError("no Pixel Data (7FE0,0010)")
    if part10.syntax == JPEG_XL_JPEG:
        return [to_jpeg(frame) for frame in jpeg_xl_frames(part10)], JPEGBaseline8Bit
    return source_frames(part10.value, image.frames, offset_tables(part10.dataset)), part10.syntax


def _decoded(frames: list[bytes], image: PixelLayout, syntax: UID) -> tuple[np.ndarray, PixelLayout]:
    """The values of these frames, and the layout of the file with the interpretation that they have now."""
    _, *items, _ = pixel_element(frames)
    pixels, interpretation = decoded_pixels(memoryview(b"".join(items)), Dataset(), replace(image, frames=len(frames)), syntax)
    return pixels, replace(image, interpretation=interpretation)


def _encoded(dataset: Dataset, pixels: np.ndarray, image: PixelLayout, target: Target, threads: int) -> Frames:
    target.check(image)
    cells = separated(pixels, image, planes_in_cells(dataset, image))
    frames = encoded(cells.pixels, image, target, cells.precision, threads)
    interpretation = target.colours[image.interpretation]
    _, *items, _ = pixel_element(frames)
    some = replace(image, frames=len(frames), interpretation=interpretation, planar=False)
    try:
        by = verified(memoryview(b"".join(items)), some, target, cells.pixels)
    except VerificationError:
        raise
    except DicompressError as error:
        raise VerificationError(f"it could not be read again: {error}") from None
    return Frames(frames, target.syntax, interpretation, False, by)


def _jpeg(part10: Part10, target: Target | None, numbers: list[int]) -> Frames:
    """JPEG frames that JPEG XL holds: as they are if that is asked for, else as JPEG."""
    found = jpeg_xl_frames(part10)
    _check_numbers(numbers, len(found))
    interpretation, planar = str(part10.dataset.get("PhotometricInterpretation", "")), False
    chosen = [found[n] for n in numbers]
    if target is TARGETS["jxl"]:
        return Frames(chosen, JPEG_XL_JPEG, interpretation, planar, ())
    record = find_record(part10.raw)
    syntax = RecordHead.read(record)[0].original_syntax if record else JPEGBaseline8Bit
    return Frames([to_jpeg(frame) for frame in chosen], syntax, interpretation, planar, (), JPEG_STAYS)


def _check_numbers(numbers: list[int], count: int) -> None:
    for number in numbers:
        if not 0 <= number < count:
            raise IndexError(f"frame {number} of {count}")
