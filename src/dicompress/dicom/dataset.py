"""pydicom data sets in memory: compress and decompress their Pixel Data."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pydicom
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from ..errors import UnsupportedImageError, VerificationError
from ..models import DEFAULT
from .allowance import Allowance
from .compress import check_not_ours, encode_frames
from .native import Native, made_native, native_of
from .part10 import Part10, PixelElement
from .pixels import little_endian
from .record import TAG, has_record
from .restore import check_ours, decode_frames, restore_checked
from .syntax import DICOMPRESS, JPEG_XL_LOSSLESS, NATIVE, name
from .tags import PIXEL_DATA, PIXEL_NAMES, UNDEFINED_LENGTH
from .writing import encapsulated_file, head, with_instance


def compress_dataset(dataset: Dataset, *, model: str = DEFAULT, allowance: Allowance | None = None, threads: int = 0) -> Dataset:
    """A copy of `dataset` whose Pixel Data is compressed, in the transfer syntax of dicompress.

    Pixels and all other elements are kept; the original is not touched. `save_as` writes the copy, which has no restore record:
    it is for pixels and elements, `compress_file` for files. dataset: as pydicom reads it, with `file_meta`. model: its name.
    allowance: `Allowance(near=2)` for a derived image instead, none of whose pixels is off by more than 2 stored values.
    threads: 0 for one a core. UnsupportedImageError for pixels that cannot be compressed (lossy syntaxes),
    UnknownModelError, VerificationError.
    """
    part10 = _part10(dataset)
    check_not_ours(part10)
    native = native_of(part10, part10.content)
    coded = encode_frames(native, model, threads, allowance)
    found = decode_frames([memoryview(stream) for stream in coded.streams], native.image, threads)
    for number, (frame, expected) in enumerate(zip(found, coded.pixels, strict=True)):
        if little_endian(frame).tobytes() != little_endian(expected).tobytes():  # floats may be no numbers
            raise VerificationError(f"frame {number + 1} does not come back as it was encoded")
    meta = part10.meta
    if coded.derived is not None:
        meta = with_instance(meta, str(coded.derived.SOPInstanceUID))
        native = made_native(part10.preamble, meta, coded.derived, coded.pixels, native.image)
    return _read(encapsulated_file(head(part10.preamble, meta, native.dataset, DICOMPRESS), native.elements, coded.streams))


def decompress_dataset(dataset: Dataset, *, threads: int = 0) -> Dataset:
    """A copy of `dataset` with native pixels, as Explicit VR Little Endian; of JPEG XL that holds JPEG frames, with these.

    JPEG XL Lossless is taken from others, too, who write what `compress --no-record` does. threads: 0 for one a core.
    UnsupportedImageError if dicompress does not write its transfer syntax, StreamError if the pixels are damaged, LimitError,
    UnknownModelError.
    """
    part10 = _part10(dataset)
    if part10.syntax != JPEG_XL_LOSSLESS:
        check_ours(part10)
    return _read(restore_checked(part10, threads, whole=False).data)


def native_in_memory(dataset: Dataset) -> Native:
    """The native values of a data set, as they are stored. UnsupportedImageError, FileError if it has none that fit."""
    part10 = _part10(dataset)
    if part10.syntax not in NATIVE:
        raise UnsupportedImageError(f"transfer syntax {name(part10.syntax)}: only native pixels are taken; decompress() them first")
    if has_record(part10.raw):
        raise UnsupportedImageError(f"the data set has a restore record, of other pixels: delete {TAG} and its creator (7FD9,0010)")
    return native_of(part10, part10.content)


def _part10(dataset: Dataset) -> Part10:
    """A data set in memory as if it were a file's, whose content is its Pixel Data. UnsupportedImageError without a syntax."""
    meta = getattr(dataset, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        raise UnsupportedImageError("the data set has no file_meta.TransferSyntaxUID (0002,0010)")
    syntax = meta.TransferSyntaxUID
    if syntax == DeflatedExplicitVRLittleEndian:  # which is a matter of files
        syntax = ExplicitVRLittleEndian
    if dataset.original_character_set != convert_encodings(dataset.get("SpecificCharacterSet") or "iso8859"):
        for _ in dataset:  # pydicom decodes text, so that it is written in the new character set
            pass
    content, pixels = b"", None
    found = [tag for tag in PIXEL_NAMES if tag in dataset]
    place = PIXEL_DATA if PIXEL_DATA in found or not found else found[0]
    if found:
        length = getattr(dataset.get_item(place, keep_deferred=True), "length", None)
        encapsulated = syntax not in NATIVE if length is None else length == UNDEFINED_LENGTH
        element = dataset[place]
        content = _bytes(element.value)
        pixels = PixelElement(0, 0, len(content), len(content), element.VR, encapsulated, place)
    return Part10(content, 0, b"", getattr(dataset, "preamble", None) or b"", _copy(meta), syntax, _copy(dataset, place), pixels)


def _copy(dataset: Dataset, left_out: int = 0) -> Dataset:
    """Another data set of the same elements."""
    result = Dataset()
    for tag in dataset.keys():  # noqa: SIM118  # a data set iterates over elements, decoding each
        element = dataset.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement) and element.value is None and element.length:  # not yet read from its file
            element = dataset[tag]
        if tag != left_out:
            result[tag] = element
    return result


def _bytes(value: Any) -> bytes:
    """A value that may be a buffer, which keeps its position."""
    if not hasattr(value, "read"):
        return bytes(value or b"")
    position = value.tell()
    try:
        value.seek(0)
        return bytes(value.read())
    finally:
        value.seek(position)


def _read(data: bytes | bytearray) -> Dataset:
    return pydicom.dcmread(BytesIO(data))
