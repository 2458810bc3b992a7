"""Data elements as Explicit VR Little Endian bytes: Pixel Data, and whatever stands before and behind it."""

from __future__ import annotations

from copy import copy, deepcopy

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset
from pydicom.hooks import raw_element_vr
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

from ..errors import StreamError, UnsupportedImageError
from .part10 import DELIMITER, DELIMITER_BYTES, OFFSET_TABLES, PIXEL_DATA, Part10, encode_meta
from .pixels import native_value
from .record import RestoreRecord, record_bytes, remove_record
from .syntax import RESTORE_RECORD

AS_WRITTEN = (False, True)  # neither implicit VR nor big-endian
WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes of a word, by VR


def padded(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)


def pixel_element(streams: list[bytes]) -> bytes:
    """Encapsulated (7FE0,0010) OB: basic offset table, one item a frame, delimiter (PS3.5 A.4)."""
    return b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + encapsulate(streams, has_bot=True) + DELIMITER_BYTES


def frame_items(part10: Part10, frames: int) -> list[bytes]:
    """The items of a compressed file's Pixel Data, one a frame. StreamError unless they are as `pixel_element` writes them."""
    if part10.pixel_value is None:
        raise StreamError("no Pixel Data (7FE0,0010)")
    start, length = part10.pixel_value
    if part10.content[start + length : start + length + DELIMITER] != DELIMITER_BYTES:
        raise StreamError("Pixel Data (7FE0,0010) does not end with a delimiter: the file is cut short or damaged")
    return split_frames(part10.content[start : start + length], frames)


def split_frames(value: bytes, frames: int) -> list[bytes]:
    """The items in an encapsulated Pixel Data value (PS3.5 A.4), one a frame."""
    try:
        items = list(generate_frames(value, number_of_frames=frames))
    except Exception as error:  # pydicom raises several kinds for damaged items
        raise StreamError(f"damaged encapsulated Pixel Data (7FE0,0010): {error}") from None
    if len(items) != frames:
        raise StreamError(f"{len(items)} frames in Pixel Data (7FE0,0010), {frames} are expected")
    if not all(items):
        raise StreamError("a frame of no bytes in Pixel Data (7FE0,0010)")
    if value not in (encapsulate(items, has_bot=True), encapsulate(items, has_bot=False)):
        raise StreamError("damaged encapsulated Pixel Data (7FE0,0010): the items do not add up")
    return items


def native_element(pixels: np.ndarray, planar: bool) -> bytes:
    """Native (7FE0,0010), OW for more than 8 bits allocated, else OB."""
    value = padded(native_value(pixels, planar, ExplicitVRLittleEndian))
    vr = b"OW" if pixels.dtype.itemsize > 1 else b"OB"
    return b"\xe0\x7f\x10\x00" + vr + b"\0\0" + len(value).to_bytes(4, "little") + value


def native_file(dataset: Dataset, pixels: np.ndarray) -> bytes:
    """A data set with other pixels (frames, rows, columns[, samples]) as a Part 10 file, Explicit VR Little Endian."""
    meta = deepcopy(dataset.file_meta)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    remove_record(meta)
    head = encode_meta(getattr(dataset, "preamble", None), meta) + elements_before(dataset)
    return head + native_element(pixels, bool(dataset.get("PlanarConfiguration"))) + elements_after(dataset)


def compressed_file(dataset: Dataset, syntax: UID, streams: list[bytes], record: RestoreRecord) -> bytes:
    """A Part 10 file: meta information with the record, the elements, one item a frame, the elements behind."""
    meta = deepcopy(dataset.file_meta)
    meta.TransferSyntaxUID = syntax
    meta.PrivateInformationCreatorUID = RESTORE_RECORD
    before, after = elements_before(dataset), elements_after(dataset)
    meta.PrivateInformation = padded(record.encode(before, after))
    return encode_meta(dataset.preamble, meta) + before + pixel_element(streams) + after


def encapsulated_file(dataset: Dataset, syntax: UID, frames: list[bytes]) -> bytes:
    """A data set with frames in another transfer syntax, one item each, and no restore record."""
    meta = deepcopy(dataset.file_meta)
    meta.TransferSyntaxUID = syntax
    remove_record(meta)
    preamble = getattr(dataset, "preamble", None)
    return encode_meta(preamble, meta) + elements_before(dataset) + pixel_element(frames) + elements_after(dataset)


def record_of(dataset: Dataset) -> RestoreRecord:
    """A compressed file's record. EditedError if it has none, or its elements were changed; StreamError for nonsense."""
    return RestoreRecord.decode(record_bytes(dataset.file_meta), elements_before(dataset), elements_after(dataset))


def elements_before(dataset: Dataset) -> bytes:
    """All elements before Pixel Data, without offset tables, group lengths and file meta information.

    Nor with command elements, which pydicom finds where a file is padded with zeros.
    """
    return _elements(dataset, lambda tag: 0 < tag.group and tag < PIXEL_DATA and tag not in OFFSET_TABLES)


def elements_after(dataset: Dataset) -> bytes:
    return _elements(dataset, lambda tag: tag > PIXEL_DATA)


def _elements(dataset: Dataset, wanted) -> bytes:
    part = copy(dataset)
    part._dict = {tag: element for tag, element in dataset._dict.items() if wanted(tag)}
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    try:
        if dataset.original_encoding not in (AS_WRITTEN, (None, None)):
            part = correct_ambiguous_vr(_explicit(part), True)
        write_dataset(buffer, part)
    except Exception as error:  # pydicom raises several kinds for values that do not fit their VR
        reason = next(iter(str(error).splitlines()), type(error).__name__)  # pydicom adds a traceback
        raise UnsupportedImageError(f"an element cannot be written as Explicit VR Little Endian: {reason}") from None
    return buffer.getvalue()


def _explicit(dataset: Dataset) -> Dataset:
    """A copy of a data set in another encoding, so that pydicom writes it in ours.

    Text keeps its bytes: to decode it and encode it again would change what is not in the character set it claims.
    """
    result, little = copy(dataset), dataset.original_encoding[1]
    result._dict = {}
    for tag, element in list(dataset._dict.items()):
        if isinstance(element, RawDataElement) and element.value is not None:
            found = {}
            raw_element_vr(element, found, ds=dataset)
            if found["VR"] in CUSTOMIZABLE_CHARSET_VR:
                value = element.value + b" " * (len(element.value) % 2)
                result._dict[tag] = element._replace(VR=found["VR"], value=value, length=len(value))
                continue
        result._dict[tag] = _element(dataset[tag], little)
    result.set_original_encoding(*AS_WRITTEN)
    return result


def _element(element: DataElement, little: bool) -> DataElement:
    """A copy of a decoded element, its items as `_explicit`; with its words, which pydicom keeps as bytes, in our order."""
    if element.VR == "SQ":
        items = [_explicit(item) for item in element.value]
        return DataElement(element.tag, "SQ", items, is_undefined_length=element.is_undefined_length)
    size = WORDS.get(element.VR)
    if little or not size or not element.value or len(element.value) % size:
        return element
    return DataElement(element.tag, element.VR, np.frombuffer(element.value, f"u{size}").byteswap().tobytes())
