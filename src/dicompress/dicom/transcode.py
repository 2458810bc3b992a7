"""DICOM files to compressed DICOM files and back, as bytes; every compression is proved by restoring it."""

from __future__ import annotations

import zlib
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from .. import codec
from ..codec.container import read_stream
from ..errors import DicompressError, StreamError, UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import pixels as px
from .elements import elements_after, elements_before, native_element, padded, pixel_element
from .part10 import DELIMITER, DELIMITER_BYTES, PIXEL_DATA, Part10, encode_meta, parse
from .record import BYTES, PIXELS, EditedError, RestoreRecord, digest_of
from .syntax import DICOMPRESS, NATIVE, RESTORE_RECORD


@dataclass(frozen=True)
class Compressed:
    data: bytes
    pixels: int


@dataclass(frozen=True)
class Restored:
    """data: the restored file. edited: the elements were changed after compression; they are kept as changed."""

    data: bytes
    pixels: int
    edited: bool


def compress_file(data: bytes, model: str = DEFAULT, threads: int = 0) -> Compressed:
    """A Part 10 file's bytes -> a smaller one in our transfer syntax, restored and compared before it is returned.

    UnsupportedImageError says why a file is better passed on unchanged; FileError that it is no sound DICOM file.
    """
    part10 = parse(data)
    if part10.syntax == DICOMPRESS:
        raise UnsupportedImageError("already compressed by dicompress")
    image = px.layout(part10.dataset)
    px.check_syntax(part10.dataset, part10.syntax)
    if "PrivateInformationCreatorUID" in part10.dataset.file_meta:
        raise UnsupportedImageError("the file meta information holds Private Information (0002,0100)")
    guarantee = BYTES if part10.syntax in NATIVE else PIXELS
    native = part10 if guarantee == BYTES else _decompressed(part10, image)
    target = data if guarantee == BYTES else native.content

    start, length = native.pixel_value
    value = native.content[start : start + length]
    array = px.native_pixels(value, image, native.syntax, native.dataset.get_item(PIXEL_DATA).VR or "OW")
    if px.native_value(array, native.syntax) != value[: image.nbytes]:
        raise VerificationError("the pixel values do not come back as bytes")
    record = RestoreRecord(
        guarantee, part10.syntax, native.syntax, digest_of(target), native.body,
        _deflate_level(data, native) if native.syntax == DeflatedExplicitVRLittleEndian else None,
        native.content[:start], native.content[start + image.nbytes :], native.trailer,
    )  # fmt: skip
    settings = {"model": model, "bits_stored": image.bits_stored, "threads": threads, "verify": False}
    streams = [codec.encode(frame, **settings) for frame in array]  # proved below, with the file
    result = _assemble(native, streams, record)
    if len(result) >= len(data):
        raise UnsupportedImageError(f"compressed it would take {len(result)} bytes instead of {len(data)}")
    try:
        restored = restore_file(result, threads).data
    except DicompressError as error:
        raise VerificationError(f"it could not be restored: {error}") from None
    if restored != target:
        raise VerificationError("the restored file differs from the original")
    return Compressed(result, array.size)


def restore_file(data: bytes, threads: int = 0) -> Restored:
    """Inverse of `compress_file`: the original file's bytes, or those of its decompressed form (`guarantee`).

    If elements were changed since, the changed data set with the original pixels, as Explicit VR Little Endian.
    UnsupportedImageError if the file is not in our transfer syntax; StreamError if it is damaged.
    """
    part10 = parse(data)
    check_ours(part10.syntax)
    image = px.layout(part10.dataset)
    array = decode_streams(frame_streams(part10, image), image, threads)
    try:
        record = RestoreRecord.decode(record_bytes(part10.dataset.file_meta), elements_before(part10.dataset))
    except EditedError:
        return Restored(_edited(part10, array), array.size, True)
    content = record.prefix + px.native_value(array, record.pixel_syntax) + record.suffix
    if record.deflate_level is not None:
        content = content[: record.body] + _deflate(content[record.body :], record.deflate_level) + record.trailer
    if digest_of(content) != record.digest:
        raise StreamError("the restored file does not have the checksum of the original")
    return Restored(content, array.size, False)


def check_ours(syntax: UID) -> None:
    if syntax != DICOMPRESS:
        raise UnsupportedImageError(f"not compressed by dicompress: transfer syntax {syntax.name}")


def frame_streams(part10: Part10, image: px.PixelLayout) -> list[bytes]:
    """The streams of a file in our transfer syntax, one a frame."""
    start, length = part10.pixel_value
    if part10.content[start + length : start + length + DELIMITER] != DELIMITER_BYTES:
        raise StreamError("Pixel Data (7FE0,0010) does not end with a delimiter: the file is cut short or damaged")
    return split_frames(part10.content[start : start + length], image)


def split_frames(value: bytes, image: px.PixelLayout) -> list[bytes]:
    """The streams in an encapsulated Pixel Data value (PS3.5 A.4), one a frame."""
    try:
        streams = list(generate_frames(value, number_of_frames=image.frames))
    except Exception as error:  # pydicom raises several kinds for damaged items
        raise StreamError(f"damaged encapsulated Pixel Data (7FE0,0010): {error}") from None
    if len(streams) != image.frames:
        raise StreamError(f"{len(streams)} frames in Pixel Data (7FE0,0010), {image.frames} are expected")
    if value not in (encapsulate(streams, has_bot=True), encapsulate(streams, has_bot=False)):
        raise StreamError("damaged encapsulated Pixel Data (7FE0,0010): the items do not add up")
    return streams


def decode_streams(streams: list[bytes], image: px.PixelLayout, threads: int = 0) -> np.ndarray:
    """(frames, rows, columns) from one stream a frame."""
    frames = []
    for number, stream in enumerate(streams, 1):
        info = read_stream(stream, None)
        if info.shape != image.shape[1:] or info.dtype != image.dtype:
            raise StreamError(f"frame {number} is {info.dtype} {info.shape}, the elements say {image}")
        frames.append(codec.decode(stream, threads=threads))
    return np.stack(frames)


def _assemble(native: Part10, streams: list[bytes], record: RestoreRecord) -> bytes:
    """The compressed file: meta with the record, the elements, encapsulated Pixel Data, elements behind it."""
    meta = deepcopy(native.dataset.file_meta)
    meta.TransferSyntaxUID = DICOMPRESS
    meta.PrivateInformationCreatorUID = RESTORE_RECORD
    head = elements_before(native.dataset)
    meta.PrivateInformation = padded(record.encode(head))
    return encode_meta(native.dataset.preamble, meta) + head + pixel_element(streams) + elements_after(native.dataset)


def _decompressed(part10: Part10, image: px.PixelLayout) -> Part10:
    """A file with encapsulated pixels as the native file that everything else of it makes, byte for byte."""
    array = px.decoded_pixels(part10.dataset, image, part10.syntax)
    start, length = part10.pixel_value
    meta = deepcopy(part10.dataset.file_meta)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    elements = part10.content[part10.body : part10.pixel_start]
    behind = part10.content[start + length + DELIMITER :]
    return parse(
        encode_meta(part10.dataset.preamble, meta) + elements + native_element(array, image.bits_allocated) + behind
    )


def _edited(part10: Part10, array: np.ndarray) -> bytes:
    """A valid native file from elements that were changed after compression."""
    dataset = part10.dataset
    meta = deepcopy(dataset.file_meta)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    del meta.PrivateInformationCreatorUID, meta.PrivateInformation
    element = native_element(array, array.dtype.itemsize * 8)
    return encode_meta(dataset.preamble, meta) + elements_before(dataset) + element + elements_after(dataset)


def record_bytes(meta: FileMetaDataset) -> bytes:
    if meta.get("PrivateInformationCreatorUID") != RESTORE_RECORD or "PrivateInformation" not in meta:
        raise EditedError("the restore record (0002,0102) is missing")
    return meta.PrivateInformation


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
