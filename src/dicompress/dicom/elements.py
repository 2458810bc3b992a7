"""Data elements as Explicit VR Little Endian bytes: Pixel Data, and whatever stands before and behind it."""

from __future__ import annotations

from copy import copy, deepcopy

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from ..errors import UnsupportedImageError
from .part10 import DELIMITER_BYTES, OFFSET_TABLES, PIXEL_DATA, encode_meta
from .pixels import native_value
from .record import remove_record

WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes of a word, by VR


def padded(value: bytes) -> bytes:
    return value + b"\0" * (len(value) % 2)


def pixel_element(streams: list[bytes]) -> bytes:
    """Encapsulated (7FE0,0010) OB: basic offset table, one item a frame, delimiter (PS3.5 A.4)."""
    return b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + encapsulate(streams, has_bot=True) + DELIMITER_BYTES


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


def elements_before(dataset: Dataset) -> bytes:
    """All elements before Pixel Data, without offset tables, group lengths and file meta information."""
    return _elements(dataset, lambda tag: tag < PIXEL_DATA and tag not in OFFSET_TABLES)


def elements_after(dataset: Dataset) -> bytes:
    return _elements(dataset, lambda tag: tag > PIXEL_DATA)


def _swap_words(_: Dataset, element: DataElement) -> None:
    """Big-endian words, which pydicom keeps as bytes, to little-endian ones."""
    size = WORDS.get(element.VR)
    if size and element.value and len(element.value) % size == 0:
        element.value = np.frombuffer(element.value, f"u{size}").byteswap().tobytes()


def _elements(dataset: Dataset, wanted) -> bytes:
    part = copy(dataset)
    part._dict = {tag: element for tag, element in dataset._dict.items() if wanted(tag)}
    if dataset.original_encoding[1] is False:
        part = deepcopy(part)
        part.walk(_swap_words)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    try:
        write_dataset(buffer, part)
    except Exception as error:  # pydicom raises several kinds for values that do not fit their VR
        raise UnsupportedImageError(f"an element cannot be written as Explicit VR Little Endian: {error}") from None
    return buffer.getvalue()
