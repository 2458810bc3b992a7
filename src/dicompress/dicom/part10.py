"""DICOM Part 10 files as bytes: where the Pixel Data value lies, and what stands before and behind it."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from ..errors import FileError, NotDicomError, UnsupportedImageError
from ..limits import inflate

PIXEL_DATA = 0x7FE00010
OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)  # and what the fragments take together
PREAMBLE = 128 + 4
ELEMENT_HEADER = 12  # bytes of an explicit OB, OW or OV element before its value
META = ("TransferSyntaxUID", "PrivateInformationCreatorUID", "PrivateInformation")  # that we look at
DELIMITER_BYTES = b"\xfe\xff\xdd\xe0\0\0\0\0"
DELIMITER = len(DELIMITER_BYTES)


@dataclass
class Part10:
    """A parsed file. content: the file, with a deflated data set inflated; body: offset of the data set in it.

    trailer: what follows a deflated data set.
    pixel_start: where the element (7FE0,0010) begins, or the offset tables before it; pixel_value: offset and length of
    its value, without the delimiter of an encapsulated one; both None if there is no Pixel Data. pixel_vr: as it is written.
    """

    content: bytes
    body: int
    trailer: bytes
    dataset: FileDataset
    syntax: UID
    pixel_start: int | None
    pixel_value: tuple[int, int] | None
    pixel_vr: str = "OW"


def parse(data: bytes) -> Part10:
    """Parse a file's bytes. FileError if they are no complete Part 10 file, LimitError if inflated it is too large."""
    if not data:
        raise NotDicomError("the file is empty")
    if data[128:132] != b"DICM":
        raise NotDicomError("not a DICOM Part 10 file: no 'DICM' at byte 128")
    body, syntax = _read_group_2(data)
    content, trailer = data, b""
    if syntax == DeflatedExplicitVRLittleEndian:
        try:
            engine = zlib.decompressobj(-zlib.MAX_WBITS)
            content = data[:body] + inflate(engine, data[body:])
        except zlib.error as error:
            raise FileError(f"the deflated data set is damaged: {error}") from None
        if not engine.eof:
            raise FileError("the deflated data set is cut short")
        trailer = engine.unused_data
    dataset = _read(data if content is data else _as_explicit(content, body))
    raw = [dataset.get_item(tag, keep_deferred=True) for tag in (*OFFSET_TABLES, PIXEL_DATA) if tag in dataset]
    if not raw or raw[-1].tag != PIXEL_DATA:
        return Part10(content, body, trailer, dataset, syntax, None, None)
    start = raw[0].value_tell - ELEMENT_HEADER
    value = raw[-1].value_tell, len(raw[-1].value or b"")
    return Part10(content, body, trailer, dataset, syntax, start, value, raw[-1].VR or "OW")


def _as_explicit(content: bytes, body: int) -> bytes:
    """An inflated file with a transfer syntax that says so, its data set at the same offset."""
    deflated, explicit = DeflatedExplicitVRLittleEndian.encode(), b"1.2.840.10008.1.2.1\0\0\0"
    return content[:body].replace(deflated, explicit) + content[body:]


def _read_group_2(data: bytes) -> tuple[int, UID]:
    """Offset behind the file meta information (always Explicit VR Little Endian), and the Transfer Syntax UID."""
    position, syntax = PREAMBLE, None
    while data[position : position + 2] == b"\x02\x00":
        if data[position + 4 : position + 6] in (b"OB", b"OW", b"UN", b"UT", b"SQ"):
            start, length = position + 12, int.from_bytes(data[position + 8 : position + 12], "little")
        else:
            start, length = position + 8, int.from_bytes(data[position + 6 : position + 8], "little")
        if start + length > len(data):
            raise FileError("the file is cut short in the file meta information (group 0002)")
        if data[position : position + 4] == b"\x02\x00\x10\x00":
            syntax = UID(data[start : start + length].rstrip(b"\0 ").decode("ascii", "replace"))
        position = start + length
    if not syntax:
        raise FileError("the file meta information has no Transfer Syntax UID (0002,0010)")
    return position, syntax


def _read(data: bytes) -> FileDataset:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            dataset = pydicom.dcmread(BytesIO(data))
            for name in META:  # pydicom converts an element when it is asked for
                dataset.file_meta.get(name)
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise FileError(f"the data set cannot be read: {error}") from None
    if not isinstance(dataset.file_meta.get("TransferSyntaxUID"), UID):
        raise FileError("the Transfer Syntax UID (0002,0010) is missing, or there are several")
    for warning in caught:
        if "end of file" in str(warning.message).lower():
            raise FileError(f"the file is cut short: {str(warning.message).split(' in file')[0]}")
    return dataset


def encode_meta(preamble: bytes, meta: FileMetaDataset) -> bytes:
    """Preamble, 'DICM' and the file meta information."""
    buffer = BytesIO()
    try:
        write_file_meta_info(buffer, meta, enforce_standard=False)
    except Exception as error:  # pydicom raises several kinds for values that do not fit their VR
        raise UnsupportedImageError(f"the file meta information cannot be written: {error}".splitlines()[0]) from None
    return (preamble or bytes(128)) + b"DICM" + buffer.getvalue()
