"""DICOM files to compressed DICOM files; every compression is proved by restoring it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Unpack

import numpy as np
from pydicom.dataset import Dataset

from .. import codec
from ..codec import Settings, check_bound, few
from ..errors import DicompressError, UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import drawn
from .allowance import Allowance, check_allowed, check_words, near_of, padding
from .decoders import jpeg_xl_pixels
from .derived import derived
from .explicit import Elements
from .image import image_of
from .native import Native, changed, made_native, native_of
from .part10 import Part10, parse
from .pixels import PixelLayout, little_endian
from .recompress import recompress
from .record import BYTES, NEAR, RestoreRecord, check_room, digest_of, find_record, has_record
from .restore import LOST, LOST_XL, decode_frames, frames_of
from .results import Compressed
from .syntax import DICOMPRESS, JPEG, JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from .writing import encapsulated_file, head, with_instance


def compress_file(
    data: bytes, model: str = DEFAULT, threads: int = 0, allowance: Allowance | None = None, record: bool = True
) -> Compressed:
    """A file's bytes -> a smaller one in our transfer syntax, restored and compared before it is returned.

    JPEG frames are recompressed by JPEG XL, in its transfer syntax; images that it codes in fewer bytes than the model are in JPEG XL
    Lossless, or in ours where that does not know their kind.

    data: a DICOM file, Part 10. model: its name. threads: 0 for one a core. allowance: None for a file that can be restored; else
    the file of a derived image with an error in its pixels, unless it bears none or the allowance is less than one stored unit.
    record: False to leave out preamble and whatever else the original file has besides its pixels and elements, so that these can
    be restored, not the file.

    UnsupportedImageError says why a file is better passed on unchanged; FileError that it is no sound DICOM file;
    VerificationError, UnknownModelError.
    """
    return compress_part10(parse(data), data, model, threads, allowance, record)


def compress_part10(part10: Part10, data: bytes, model: str, threads: int, allowance: Allowance | None, record: bool) -> Compressed:
    """`compress_file` of a file that is parsed already."""
    check_not_ours(part10)
    if part10.pixels is not None:
        check_room(part10.dataset)
    if part10.syntax in JPEG:
        if allowance and allowance.strict:
            raise UnsupportedImageError("JPEG frames bear no further error")
        remark = "JPEG frames bear no further error: compressed without loss" if allowance else None
        return recompress(data, part10, record, remark)
    native = native_of(part10, data)
    labelled = None if allowance else labels_of(native, threads)
    trial = None if allowance or (labelled and not few.may_lose(labelled, native.pixels)) else drawn.tried(native, model, threads)
    if trial and labelled:
        trial = replace(trial, hope=1 / few.NEAR)
    if trial and trial.wins:
        coded = Coded([labelled] if labelled else [], native.pixels)
    else:
        coded = encode_frames(native, model, threads, allowance, labelled=labelled)
    guarantee, meta, uids = native.guarantee, part10.meta, None
    if coded.derived is not None:
        guarantee, uids = NEAR, (str(native.dataset.SOPInstanceUID), str(coded.derived.SOPInstanceUID))
        meta = with_instance(meta, uids[1])
        native = made_native(part10.preamble, meta, coded.derived, coded.pixels, native.image)
    if allowance and not coded.near and native.image.bits_allocated > 1:
        trial = drawn.tried(native, model, threads)
    xl = drawn.smaller(native, trial, sum(map(len, coded.streams)) or math.inf, threads) if trial else None
    standard = xl is not None and drawn.is_standard(native.image)
    syntax, lost = (JPEG_XL_LOSSLESS, LOST_XL) if standard else (DICOMPRESS, LOST)
    dataset, around = native.dataset, native.elements
    if standard and native.image.planar:  # JPEG XL has no planes
        dataset = changed(dataset, PlanarConfiguration=0)
        around = Elements.of(dataset)
    whole = [data] if guarantee == BYTES else [native.prefix, *native.values(), native.suffix]
    restore = RestoreRecord(
        guarantee, part10.syntax, native.syntax, digest_of(*whole), part10.body, native.deflate_level, native.form.words,
        native.image.planar, digest_of(*map(little_endian, native.pixels)) if standard else b"",
        native.prefix, native.suffix, part10.trailer,
    )  # fmt: skip
    start = head(part10.preamble if record else b"", meta, dataset, syntax)
    result = encapsulated_file(start, around, xl or coded.streams, restore.encode(around.all) if record else None)
    if len(result) >= len(data):
        raise UnsupportedImageError(f"compressed it would take {len(result)} bytes instead of {len(data)}")
    _prove(result, native, around, restore if record else None, threads)
    remarks = [coded.remark] if record else [coded.remark, lost]
    return Compressed(result, native.image.pixels, coded.near, "; ".join(filter(None, remarks)) or None, uids)


def check_not_ours(part10: Part10) -> None:
    """UnsupportedImageError for files that are compressed already."""
    if part10.syntax == DICOMPRESS or (part10.syntax in (JPEG_XL_JPEG, JPEG_XL_LOSSLESS) and has_record(part10.raw)):
        raise UnsupportedImageError("already compressed by dicompress")
    if part10.syntax == JPEG_XL_JPEG:
        raise UnsupportedImageError("already compressed: JPEG XL JPEG Recompression")


@dataclass(frozen=True)
class Coded:
    """streams: one a frame, or one for all, or none where JPEG XL is better. pixels: as decoded, `image.shape`. near: the largest error.

    remark: why there is none. derived: the elements of an image with an error.
    """

    streams: list[bytes]
    pixels: np.ndarray
    near: int = 0
    remark: str | None = None
    derived: Dataset | None = None


class Encode(Protocol):
    def __call__(
        self, pixels: np.ndarray, *, near: int = 0, exact: Sequence[tuple[int, int]] = (), **settings: Unpack[Settings]
    ) -> tuple[list[bytes], np.ndarray]:
        """Streams of frames, and the pixels as they will be decoded."""


def one_by_one(
    pixels: np.ndarray, *, near: int = 0, exact: Sequence[tuple[int, int]] = (), **settings: Unpack[Settings]
) -> tuple[list[bytes], np.ndarray]:
    """A stream a frame, of values of 32 and 64 bits one for all, and the pixels as they will be decoded."""
    if pixels.dtype.itemsize > 2:
        return [codec.encode_with_result(pixels if len(pixels) > 1 else pixels[0], near=near, exact=exact, **settings)[0]], pixels
    coded = [codec.encode_with_result(frame, near=near, exact=exact, **settings) for frame in pixels]
    return [stream for stream, _ in coded], np.stack([decoded for _, decoded in coded]) if near else pixels


def labels_of(native: Native, threads: int) -> bytes | None:
    """All frames of few values as one stream; None for other images."""
    if native.pixels.ndim > 3 or native.image.is_wide:
        return None
    single = native.image.frames == 1
    return few.coded(native.pixels, threads, native.image.bits_stored, has_frames=not single)


def encode_frames(
    native: Native, model: str, threads: int, allowance: Allowance | None, encode: Encode = one_by_one, labelled: bytes | None = None
) -> Coded:
    """The bound is checked, on the values that readers see; that decoding gives these pixels is left to the caller.

    labelled: `labels_of` the image, if that is known already.
    """
    image, dataset, pixels = native.image, native.dataset, native.pixels
    settings: Settings = {"model": model, "bits_stored": image.bits_stored, "colour": pixels.ndim > 3, "threads": threads}
    remark = None
    if allowance:
        try:
            return _encode_near(dataset, image, pixels, allowance, settings, encode)
        except NoErrorError as reason:
            remark = f"{reason}: compressed without loss"
        except UnsupportedImageError as reason:
            if allowance.strict:
                raise
            remark = f"{reason}: compressed without loss"
    labelled = labelled or labels_of(native, threads)
    if labelled and (image.bits_allocated == 1 or few.is_sure(labelled, pixels)):
        return Coded([labelled], pixels, remark=remark)
    streams = encode(pixels, **settings)[0]
    if labelled and len(labelled) < sum(map(len, streams)):
        streams = [labelled]
    return Coded(streams, pixels, remark=remark)


class NoErrorError(Exception):
    """An error gains nothing: the image is compressed without."""


def _encode_near(
    dataset: Dataset, image: PixelLayout, pixels: np.ndarray, allowance: Allowance, settings: Settings, encode: Encode
) -> Coded:
    """NoErrorError if nothing is gained, UnsupportedImageError if the image should bear no error."""
    check_allowed(dataset, allowance)
    if image.is_wide:
        raise UnsupportedImageError(f"Bits Allocated (0028,0100) {image.bits_allocated}: values of 32 and 64 bits bear no error")
    if image.bits_allocated == 1:
        raise NoErrorError("all pixels have one of two values")
    check_words(pixels, image)
    exact = padding(dataset, image) if pixels.ndim == 3 else []
    if _has_few_values(pixels):
        raise NoErrorError("all pixels have one of two values")
    near = near_of(allowance, dataset, pixels, exact, settings)
    if not near:
        raise NoErrorError("an error of one stored value is more than what is allowed")
    streams, decoded = encode(pixels, near=near, exact=exact, **settings)
    check_bound(pixels, decoded, near, exact)
    try:
        check_words(decoded, image)
    except UnsupportedImageError as error:
        raise VerificationError(f"an error would change what is no value: {error}") from None
    if np.array_equal(pixels, decoded):
        raise NoErrorError("no pixel would change")
    return Coded(streams, decoded, near, derived=derived(dataset, decoded, near, sum(map(len, streams))))


def _has_few_values(pixels: np.ndarray) -> bool:
    """Whether there are only the smallest and the largest value."""
    return bool(((pixels == pixels.min()) | (pixels == pixels.max())).all())


def _prove(result: bytes, native: Native, around: Elements, record: RestoreRecord | None, threads: int) -> None:
    """VerificationError unless a compressed file gives back what `native` is: every frame, and all that is around them."""
    try:
        part10 = parse(result)
        elements = part10.elements.all
        image = image_of(part10)
        streams = frames_of(part10, image)
        if record and RestoreRecord.decode(find_record(part10.raw) or b"", elements) != record:
            raise VerificationError("what is around the pixels does not come back as it was")
        if elements != around.all:
            raise VerificationError("the elements do not come back as they were")
        if part10.syntax == DICOMPRESS:
            frames = decode_frames(streams, image, threads)
        else:
            frames = (jpeg_xl_pixels(bytes(stream), image) for stream in streams)
        if image.bits_allocated == 1:
            bits = np.stack(list(frames))
            if not np.array_equal(bits, native.pixels):
                raise VerificationError("the bits do not come back as they were")
            frames = iter([bits])
        for number, (found, expected) in enumerate(zip(frames, native.values(), strict=True)):
            if not np.array_equal(native.form.value(found, native.image)[: len(expected)], expected):
                raise VerificationError(f"frame {number + 1} does not come back as it was")
    except VerificationError:
        raise
    except DicompressError as error:
        raise VerificationError(f"it could not be restored: {error}") from None
