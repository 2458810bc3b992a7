"""Data elements as Explicit VR Little Endian bytes, whatever encoding they were read from; their values are not interpreted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.hooks import raw_element_vr
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STR_VR

from .reading import readable
from .tags import CREATOR, GROUP_2, ITEM, ITEM_END, OFFSET_TABLES, PIXEL_DATA, RECORD, UNDEFINED_LENGTH

LONGEST_SHORT = 0xFFFF  # bytes of a value whose length takes two bytes
WORDS = {
    2: ("AT", "OW", "SS", "US"),
    4: ("FL", "OF", "OL", "SL", "UL"),
    8: ("FD", "OD", "OV", "SV", "UV"),
}  # bytes of a word: VRs
WORD = {vr: size for size, vrs in WORDS.items() for vr in vrs}
DELIMITERS = 0xFFFE  # group of items and delimiters, which are no elements
SIGNS = 0x00280103  # Pixel Representation


@dataclass(frozen=True)
class Elements:
    """All elements of a data set but Pixel Data, offset tables, group lengths and the restore record, as bytes.

    before: up to the place of the record; between: from there to Pixel Data. Without command elements, which pydicom finds
    where a file is padded with zeros.
    """

    before: bytes
    between: bytes
    after: bytes

    @classmethod
    def of(cls, dataset: Dataset, undefined: bool | None = None) -> Elements:
        """undefined: whether sequences and items are written with undefined lengths; None for as they are.

        UnsupportedImageError, with the tag, for what cannot be written.
        """

        def part(low: int, high: int) -> bytes:
            left_out = (CREATOR, RECORD, *OFFSET_TABLES)
            return elements(dataset, lambda tag: low <= tag < high and tag not in left_out, undefined)

        return cls(part((GROUP_2 + 1) << 16, CREATOR), part(CREATOR, PIXEL_DATA), part(PIXEL_DATA + 1, 1 << 32))

    @property
    def all(self) -> bytes:
        return self.before + self.between + self.after


def elements(dataset: Dataset, wanted: Callable[[BaseTag], bool] = lambda tag: True, undefined: bool | None = None) -> bytes:
    """The wanted elements of a data set, without group lengths, in the order of their tags.

    Undecoded elements keep their bytes, but for the order of bytes in words and an even length of text. VRs that implicit files
    leave open are those of PS3.6. UnsupportedImageError, with the tag, for what cannot be written.
    """
    found = [e for e in dataset.values() if wanted(e.tag)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _elements(found, [dataset], undefined)


def _elements(found: Iterable[RawDataElement | DataElement], ancestors: list[Dataset], undefined: bool | None) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    encodings = _encodings(ancestors)
    for element in sorted(found, key=lambda e: e.tag):
        tag = element.tag
        if tag.element == 0 or tag.group == DELIMITERS:
            continue
        with readable(f"{tag} cannot be written as Explicit VR Little Endian"):
            write_data_element(buffer, _written(element, ancestors, undefined), encodings)
    return buffer.getvalue()


def _encodings(ancestors: list[Dataset]) -> list[str]:
    """Of text that was set by a program; that of files keeps its bytes."""
    said = next((d.get("SpecificCharacterSet") for d in ancestors if "SpecificCharacterSet" in d), None)
    return convert_encodings(said or "iso8859")


def _written(element: RawDataElement | DataElement, ancestors: list[Dataset], undefined: bool | None) -> RawDataElement | DataElement:
    """What pydicom's writer is to write for an element."""
    if isinstance(element, RawDataElement):
        vr = _vr(element, ancestors)
        own = element.VR is not None and element.is_little_endian and not element.is_implicit_VR
        if vr != "SQ" or (own and undefined is None) or element.value is None:
            return _raw(element, vr)
        element = convert_raw_data_element(element._replace(VR="SQ"), ds=ancestors[0])
    if element.VR == "SQ":
        value = b"".join(_item(item, ancestors, undefined) for item in element.value or ())
        endless = element.is_undefined_length if undefined is None else undefined
        length = UNDEFINED_LENGTH if endless else len(value)
        return RawDataElement(element.tag, "SQ", length, value, 0, False, True)
    if len(element.VR) != 2:
        element = correct_ambiguous_vr_element(copy(element), ancestors[0], True, ancestors)
    return element


def _item(item: Dataset, ancestors: list[Dataset], undefined: bool | None) -> bytes:
    content = _elements(item.values(), [item, *ancestors], undefined)
    if getattr(item, "is_undefined_length_sequence_item", False) if undefined is None else undefined:
        return ITEM + UNDEFINED_LENGTH.to_bytes(4, "little") + content + ITEM_END
    return ITEM + len(content).to_bytes(4, "little") + content


def _raw(element: RawDataElement, vr: str) -> RawDataElement:
    """The element with this VR and its words in our order."""
    value, size = element.value or b"", WORD.get(vr)
    if not element.is_little_endian and size and len(value) % size == 0:
        value = np.frombuffer(value, f"u{size}").byteswap().tobytes()
    if vr in STR_VR and (element.is_implicit_VR or not element.is_little_endian):
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    if vr not in EXPLICIT_VR_LENGTH_32 and len(value) > LONGEST_SHORT:
        vr = "UN"  # PS3.5 6.2.2
    length = UNDEFINED_LENGTH if element.length == UNDEFINED_LENGTH else len(value)
    return RawDataElement(element.tag, vr, length, value, 0, False, True)


def _vr(element: RawDataElement, ancestors: list[Dataset]) -> str:
    """The VR as written, or, of implicit files, that of PS3.6 and of what pydicom knows of private elements."""
    if element.VR is not None and not element.is_implicit_VR:
        return element.VR
    found: dict[str, Any] = {}
    raw_element_vr(element, found, ds=ancestors[0])
    choice = str(found["VR"]).split(" or ")
    if len(choice) == 1:
        return choice[0]
    if "US" in choice and ((len(choice) == 2 and "SS" in choice) or len(element.value or b"") <= 2):
        return "SS" if "SS" in choice and _is_signed(ancestors) else "US"
    return "OW"  # PS3.5 A.1: what may be OB is OW in implicit VR


def _is_signed(ancestors: list[Dataset]) -> bool:
    """By Pixel Representation (0028,0103), here or around."""
    for dataset in ancestors:
        element = dataset.get_item(SIGNS, keep_deferred=True) if SIGNS in dataset else None
        if element is not None:
            value = element.value
            return any(value) if isinstance(value, bytes) else value == 1
    return False
