"""DICOM files to compressed DICOM files and back, as bytes; every compression is proved by restoring it."""

from __future__ import annotations

import zlib
from copy import deepcopy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from .. import codec
from ..codec.bound import check_bound
from ..codec.container import read_stream
from ..errors import DicompressError, StreamError, UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import pixels as px
from .allowance import Allowance, check_allowed, near_of_hu, padding
from .derived import derive
from .elements import compressed_file, frame_items, native_element, native_file, record_of
from .part10 import DELIMITER, Part10, encode_meta, parse
from .recompress import recompress, restore_jpeg
from .record import BYTES, NEAR, PIXELS, EditedError, RestoreRecord, check_ours, digest_of, is_ours
from .results import Compressed, Restored
from .syntax import DICOMPRESS, JPEG, JPEG_XL_JPEG, NATIVE, RESTORE_RECORD


def compress_file(
    data: bytes, model: str = DEFAULT, threads: int = 0, allowance: Allowance | None = None, record: bool = True
) -> Compressed:
    """A Part 10 file's bytes -> a smaller one in our transfer syntax, restored and compared before it is returned.

    JPEG frames are recompressed by JPEG XL, in its transfer syntax.

    allowance: None for a file that can be restored; else the file of a derived image with an error in its pixels, unless the
    allowance is less than one stored unit. UnsupportedImageError says why a file is better passed on unchanged; FileError
    that it is no sound DICOM file.
    """
    part10 = parse(data)
    if is_ours(part10.dataset.file_meta):
        raise UnsupportedImageError("already compressed by dicompress")
    if part10.dataset.file_meta.get("PrivateInformationCreatorUID", RESTORE_RECORD) != RESTORE_RECORD:
        raise UnsupportedImageError("the file meta information holds Private Information (0002,0100)")
    if part10.syntax in JPEG and not allowance:
        return recompress(data, part10)
    image = px.layout(part10.dataset)
    px.check_syntax(part10.dataset, part10.syntax)
    if allowance:
        check_allowed(part10.dataset, allowance)
    guarantee = BYTES if part10.syntax in NATIVE else PIXELS
    native = part10 if guarantee == BYTES else decompressed_file(part10, image)
    image = px.layout(native.dataset)
    start, length = native.pixel_value
    value = native.content[start : start + length]
    array = px.native_pixels(value, image, native.syntax, native.pixel_vr)
    if px.native_value(array, image.planar, native.syntax) != value[: image.nbytes]:
        raise VerificationError("the pixel values do not come back as bytes")
    streams, decoded, near = encode_frames(array, native.dataset, image, model, threads, allowance)
    if near:
        guarantee, native = NEAR, derived_file(native, decoded, near, sum(map(len, streams)))
        start, _ = native.pixel_value
    deflated = native.syntax == DeflatedExplicitVRLittleEndian
    target = data if guarantee == BYTES else native.content
    record = RestoreRecord(
        guarantee, part10.syntax, native.syntax, digest_of(target), native.body,
        _deflate_level(data, native) if deflated else None, b"",
        native.content[:start], native.content[start + image.nbytes :], native.trailer,
    )  # fmt: skip
    result = compressed_file(native.dataset, DICOMPRESS, streams, record)
    if len(result) >= len(data):
        raise UnsupportedImageError(f"compressed it would take {len(result)} bytes instead of {len(data)}")
    try:
        restored = restore_file(result, threads).data
    except DicompressError as error:
        raise VerificationError(f"it could not be restored: {error}") from None
    if restored != target:
        raise VerificationError("the restored file differs from " + ("what was encoded" if near else "the original"))
    return Compressed(result, array.size // image.samples, near)


def encode_frames(
    array: np.ndarray, dataset: Dataset, image: px.PixelLayout, model: str, threads: int, allowance: Allowance | None
) -> tuple[list[bytes], np.ndarray, int]:
    """(frames, rows, columns[, samples]) -> one stream a frame, the pixels as decoded, and the largest error.

    The bound is checked; that decoding gives these pixels is left to the caller.
    """
    settings = {"model": model, "bits_stored": image.bits_stored, "colour": image.samples > 1, "threads": threads}
    near, exact = 0, []
    if allowance:
        exact = padding(dataset, image) if image.samples == 1 else []
        near = allowance.near or (near_of_hu(dataset, allowance.hu) if allowance.hu else None)
        if near is None:
            near = codec.near_for_psnr(array, allowance.psnr, exact=exact, **settings)
    coded = [codec.encode_with_result(frame, near=near, exact=exact, **settings) for frame in array]
    decoded = np.stack([pixels for _, pixels in coded]) if near else array
    if near:
        check_bound(array, decoded, near, exact)
    return [stream for stream, _ in coded], decoded, near


def restore_file(data: bytes, threads: int = 0) -> Restored:
    """Inverse of `compress_file`: the original file's bytes, or those of its decompressed form (`guarantee`).

    If elements were changed since, the changed data set with the original pixels, as Explicit VR Little Endian.
    UnsupportedImageError if the file is not in our transfer syntax; StreamError if it is damaged.
    """
    part10 = parse(data)
    check_ours(part10.dataset.file_meta)
    if part10.syntax == JPEG_XL_JPEG:
        return restore_jpeg(part10)
    image = px.layout(part10.dataset)
    streams = frame_items(part10, image.frames)
    array = decode_streams(streams, image, threads)
    near = max(read_stream(stream, None).near for stream in streams)
    try:
        record = record_of(part10.dataset)
    except EditedError:
        return Restored(native_file(part10.dataset, array), array.size // image.samples, near, edited=True)
    content = b"".join((record.prefix, px.native_value(array, image.planar, record.pixel_syntax), record.suffix))
    if record.deflate_level is not None:
        content = content[: record.body] + _deflate(content[record.body :], record.deflate_level) + record.trailer
    if digest_of(content) != record.digest:
        raise StreamError("the restored file does not have the checksum of the original")
    return Restored(content, array.size // image.samples, near)


def decode_streams(streams: list[bytes], image: px.PixelLayout, threads: int = 0) -> np.ndarray:
    """`image.shape` from one stream a frame."""
    pixels = np.empty((len(streams), *image.shape[1:]), image.dtype)
    for number, stream in enumerate(streams):
        pixels[number] = decode_stream(stream, image, f"frame {number + 1}", threads)
    return pixels


def decode_stream(stream: bytes, image: px.PixelLayout, name: str = "the frame", threads: int = 0) -> np.ndarray:
    """(rows, columns[, samples]) from a frame's stream. StreamError, with `name`, if it is not what the elements say."""
    info = read_stream(stream, None)
    if info.shape != image.shape[1:] or info.dtype != image.dtype:
        raise StreamError(f"{name} is {info.dtype} {info.shape}, the elements say {image}")
    return codec.decode(stream, threads=threads)


def decompressed_file(part10: Part10, image: px.PixelLayout) -> Part10:
    """A file with encapsulated pixels as the native file that everything else of it makes, byte for byte.

    But for Photometric Interpretation, where decoders undo a colour transform.
    """
    array, interpretation = px.decoded_pixels(part10.dataset, image, part10.syntax)
    if interpretation != image.interpretation:
        other = parse(native_file(part10.dataset, array))
        other.dataset.PhotometricInterpretation = interpretation
        return parse(native_file(other.dataset, array))
    start, length = part10.pixel_value
    meta = deepcopy(part10.dataset.file_meta)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    elements = part10.content[part10.body : part10.pixel_start]
    behind = part10.content[start + length + DELIMITER :]
    return parse(encode_meta(part10.dataset.preamble, meta) + elements + native_element(array, image.planar) + behind)


def derived_file(native: Part10, pixels: np.ndarray, near: int, coded_bytes: int) -> Part10:
    """The native file of the image that near-lossless compression derives from `native`."""
    derived = parse(native_file(native.dataset, pixels))
    derive(derived.dataset, pixels, near, coded_bytes)
    return parse(native_file(derived.dataset, pixels))


def _deflate(content: bytes, level: int) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()


def _deflate_level(data: bytes, native: Part10) -> int:
    """The level at which this machine's zlib gives the original's deflated bytes."""
    deflated = data[native.body : len(data) - len(native.trailer)]
    for level in (6, 9, 1, 2, 3, 4, 5, 7, 8):
        if _deflate(native.content[native.body :], level) == deflated:
            return level
    raise UnsupportedImageError("the data set was deflated by another method, which cannot be repeated byte for byte")
