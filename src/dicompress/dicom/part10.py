"""A DICOM file as one value: file meta information, elements, and the place of the pixels. It is parsed once."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from typing import Literal

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from ..errors import FileError, NotDicomError
from ..limits import inflate
from .explicit import Elements
from .reading import readable
from .tags import GROUP_2, ITEM, MAGIC, PIXEL_DATA, PIXEL_NAMES, PREAMBLE, SEQUENCE_END, UNDEFINED_LENGTH

META = GROUP_2.to_bytes(2, "little")
ARCHIVE = b"DCMA"  # what an archive of a series begins with
FIRST_GROUPS = (GROUP_2, 0x0008)  # with one of these a file without preamble begins


@dataclass(frozen=True)
class PixelElement:
    """Where the value of the pixels lies in the content: content[start:stop], without the delimiter of an encapsulated one.

    tag: of Pixel Data, Float Pixel Data or Double Float Pixel Data.
    element: where the element begins. end: where the elements behind it begin. vr: as it is written; OW in implicit VR.
    """

    element: int
    start: int
    stop: int
    end: int
    vr: str
    encapsulated: bool
    tag: int = PIXEL_DATA


@dataclass(frozen=True)
class Part10:
    """A parsed file, which nobody changes.

    content: the file, with a deflated data set inflated; body: offset of the data set in it. trailer: what follows a deflated
    data set. preamble: empty if there is none. meta: group 0002; without it, `syntax` is that of the data set's encoding.
    raw: all elements but the pixels, as they were read. pixels: None if there are none.
    """

    content: bytes
    body: int
    trailer: bytes
    preamble: bytes
    meta: Dataset
    syntax: UID
    raw: Dataset
    pixels: PixelElement | None

    @cached_property
    def elements(self) -> Elements:
        """All elements but the pixels as bytes. UnsupportedImageError, with the tag, for what cannot be written."""
        return Elements.of(self.raw)

    @property
    def dataset(self) -> Dataset:
        """All elements but the pixels, to read values from: pydicom decodes elements in place, so their bytes are taken before."""
        _ = self.elements
        return self.raw

    @property
    def place(self) -> PixelElement:
        """`pixels`. FileError if there are none."""
        if self.pixels is None:
            raise FileError("no Pixel Data (7FE0,0010)")
        return self.pixels

    @property
    def value(self) -> memoryview:
        """The bytes of the pixels. FileError if there is none."""
        return memoryview(self.content)[self.place.start : self.place.stop]


def parse(data: bytes | bytearray | memoryview) -> Part10:
    """Parse a file's bytes; also those of files without preamble or file meta information.

    NotDicomError if they are no DICOM file, FileError if they are damaged, LimitError if inflated they are too large.
    """
    data = bytes(data)
    preamble, start = _preamble(data)
    with warnings.catch_warnings(), readable("the data set cannot be read", FileError):
        warnings.simplefilter("ignore")
        return _parse(data, preamble, start)


class _Reader(BytesIO):
    """pydicom asks for a name where it warns that a file ends early. That is an error here, and warnings are no thread's own."""

    @property
    def name(self) -> str:
        raise FileError("the file is cut short: it ends before the delimiter of an element of undefined length")


def _parse(data: bytes, preamble: bytes, start: int) -> Part10:
    meta, body = _read_meta(data, start)
    named = _transfer_syntax(meta)
    content, trailer = data, b""
    if named == DeflatedExplicitVRLittleEndian:
        content, trailer = _inflated(data, body)
    implicit, little = _encoding(content, body, named)
    reader = _Reader(content)
    reader.seek(body)
    for tags in (PIXEL_NAMES, (PIXEL_DATA,)):
        reader.seek(body)
        dataset = read_dataset(reader, implicit, little, stop_when=partial(_is_one_of, tags))
        _check_whole(dataset)
        implicit = bool(dataset.original_encoding[0])  # which is not always what the transfer syntax says
        pixels = _pixel_element(content, reader.tell(), implicit, little)
        if not pixels:
            break
        reader.seek(pixels.end)
        after = read_dataset(reader, implicit, little)
        _check_whole(after)
        twice = next((tag for tag in PIXEL_NAMES if tag in after), None)
        if pixels.tag == PIXEL_DATA and twice == PIXEL_DATA:
            raise FileError("Pixel Data (7FE0,0010) stands twice in the file")
        if pixels.tag != PIXEL_DATA and twice:  # integers and floats side by side: the latter are elements like others
            continue
        for element in after.values():
            dataset[element.tag] = element
        break
    syntax = named or (ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian)
    return Part10(content, body, trailer, preamble, meta, syntax, dataset, pixels)


def named_syntax(data: bytes) -> tuple[UID | None, int]:
    """The transfer syntax that file meta information names, and the offset of the data set; nothing else is read.

    NotDicomError, FileError.
    """
    with readable("the file meta information cannot be read", FileError):
        meta, body = _read_meta(data, _preamble(data)[1])
        return _transfer_syntax(meta), body


def _is_one_of(tags: Collection[int], tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag in tags


def check_begins(start: bytes) -> None:
    """NotDicomError if no DICOM file begins so; `start` may be all of it, or a hundred bytes and some more."""
    _preamble(start)


def _preamble(data: bytes) -> tuple[bytes, int]:
    """The preamble, and where the file meta information begins. NotDicomError if this is no DICOM file."""
    if not data:
        raise NotDicomError("the file is empty")
    if data[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC:
        return data[:PREAMBLE], PREAMBLE + len(MAGIC)
    if data[:4] == MAGIC:
        return b"", len(MAGIC)
    if data[: len(ARCHIVE)] == ARCHIVE:
        raise NotDicomError("an archive of DICOM files: dicompress unpack gives them back")
    if not _begins_like_a_data_set(data):
        raise NotDicomError("not a DICOM file: no 'DICM' at byte 128, and no data set at byte 0")
    return b"", 0


def _begins_like_a_data_set(data: bytes) -> bool:
    """Whether the first elements are of group 2 or 8 and short, in any of the three encodings."""
    for order in ("little", "big"):
        group, element = (int.from_bytes(data[k : k + 2], order) for k in (0, 2))
        if group not in FIRST_GROUPS or element > 0x00FF or len(data) < 16:
            continue
        if data[4:6].isalpha() and data[4:6].isupper():
            return True
        if order == "little" and int.from_bytes(data[4:8], "little") <= min(64, len(data) - 8):
            return True
    return False


def _read_meta(data: bytes, start: int) -> tuple[Dataset, int]:
    """Group 0002 (always Explicit VR Little Endian), and the offset of the data set behind it."""
    if data[start : start + 2] != META:
        return Dataset(), start
    position = start
    while data[position : position + 2] == META:
        vr = data[position + 4 : position + 6].decode("latin-1")
        head, size = (12, 4) if vr in EXPLICIT_VR_LENGTH_32 else (8, 2)
        position += head + int.from_bytes(data[position + head - size : position + head], "little")
        if position > len(data):
            raise FileError("the file is cut short in the file meta information (group 0002)")
    return read_dataset(BytesIO(data[start:position]), False, True), position


def _transfer_syntax(meta: Dataset) -> UID | None:
    element = meta.get_item("TransferSyntaxUID", keep_deferred=True) if "TransferSyntaxUID" in meta else None
    value = (element.value or b"") if element is not None else b""
    return UID(value.rstrip(b"\0 ").decode("ascii", "replace")) or None


def _inflated(data: bytes, body: int) -> tuple[bytes, bytes]:
    """The file with its data set inflated, and what follows the deflated one."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = data[:body] + inflate(engine, data[body:])
    except zlib.error as error:
        raise FileError(f"the deflated data set is damaged: {error}") from None
    if not engine.eof:
        raise FileError("the deflated data set is cut short")
    return content, engine.unused_data


def _encoding(content: bytes, body: int, syntax: UID | None) -> tuple[bool, bool]:
    """(implicit VR, little endian) as the transfer syntax says; without one, as the first element looks."""
    if syntax == ImplicitVRLittleEndian:
        return True, True
    if syntax is not None:
        return False, syntax != ExplicitVRBigEndian
    explicit = content[body + 4 : body + 6].isalpha() and content[body + 4 : body + 6].isupper()
    return not explicit, not explicit or content[body : body + 1] != b"\0"


def _pixel_element(content: bytes, position: int, implicit: bool, little: bool) -> PixelElement | None:
    """What begins at `position`, if these are pixels. FileError if it does not end in the file."""
    order: Literal["little", "big"] = "little" if little else "big"
    group, number = (int.from_bytes(content[position + k : position + k + 2], order) for k in (0, 2))
    tag = group << 16 | number
    if tag not in PIXEL_NAMES:
        return None
    vr, head, size = "OW", 8, 4
    if not implicit and content[position + 4 : position + 6].isalpha():
        vr = content[position + 4 : position + 6].decode("ascii")
        head, size = (12, 4) if vr in EXPLICIT_VR_LENGTH_32 else (8, 2)
    start = position + head
    length = int.from_bytes(content[start - size : start], order)
    if size == 4 and length == UNDEFINED_LENGTH:
        stop = _end_of_items(content, start)
        return PixelElement(position, start, stop, stop + len(SEQUENCE_END), vr, True, tag)
    if start + length > len(content):
        found = len(content) - start
        raise FileError(f"the file is cut short: {PIXEL_NAMES[tag]} holds {found} bytes of {length}")
    end = start + length
    while content[end : end + len(SEQUENCE_END)] == SEQUENCE_END:  # some writers end native pixels with one, too
        end += len(SEQUENCE_END)
    return PixelElement(position, start, start + length, end, vr, False, tag)


def _end_of_items(content: bytes, position: int) -> int:
    """Where the delimiter behind the items from `position` on begins."""
    while content[position : position + 4] == ITEM:
        position += 8 + int.from_bytes(content[position + 4 : position + 8], "little")
    if content[position : position + 8] == SEQUENCE_END:
        return position
    if position >= len(content):
        raise FileError("the file is cut short: no delimiter (FFFE,E0DD) ends the items of Pixel Data (7FE0,0010)")
    raise FileError(f"damaged encapsulated Pixel Data (7FE0,0010): neither item nor delimiter at byte {position}")


def _check_whole(dataset: Dataset) -> None:
    """FileError if the last element is shorter than it says."""
    for element in dataset.values():
        if isinstance(element, RawDataElement) and element.length not in (UNDEFINED_LENGTH, len(element.value or b"")):
            found = len(element.value or b"")
            raise FileError(f"the file is cut short: {BaseTag(element.tag)} holds {found} bytes of {element.length}")
