"""Files in Explicit VR Little Endian, native or compressed, from elements that are written once."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian

from .explicit import Elements, elements
from .items import pixel_element
from .pixels import PixelLayout
from .reading import readable
from .record import record_elements
from .tags import DOUBLE_PIXELS, FLOAT_PIXELS, GROUP_2, MAGIC, PREAMBLE

GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
META_VERSION, SOP_CLASS, SOP_INSTANCE, SYNTAX = 0x00020001, 0x00020002, 0x00020003, 0x00020010


def head(preamble: bytes, meta: Dataset, dataset: Dataset, syntax: UID) -> bytes:
    """Preamble, 'DICM' and the file meta information with another transfer syntax; of files that have none, a short one."""
    found = {e.tag: e for e in meta.values() if e.tag.group == GROUP_2}
    if not found:
        found[BaseTag(META_VERSION)] = _raw(META_VERSION, "OB", b"\0\1")
        with readable("SOP Class or Instance UID cannot be read"):
            for tag, keyword in ((SOP_CLASS, "SOPClassUID"), (SOP_INSTANCE, "SOPInstanceUID")):
                found[BaseTag(tag)] = _uid(tag, str(dataset.get(keyword) or ""))
    found[BaseTag(SYNTAX)] = _uid(SYNTAX, syntax)
    group = Dataset()
    for tag in found:
        group[tag] = found[tag]
    content = elements(group)
    return (preamble or bytes(PREAMBLE)) + MAGIC + GROUP_LENGTH + len(content).to_bytes(4, "little") + content


def with_instance(meta: Dataset, uid: str) -> Dataset:
    """File meta information with another SOP Instance UID, if it is there."""
    result = Dataset()
    for element in meta.values():
        result[element.tag] = _uid(SOP_INSTANCE, uid) if element.tag == SOP_INSTANCE else element
    return result


def native_parts(preamble: bytes, meta: Dataset, dataset: Dataset, around: Elements, image: PixelLayout) -> tuple[bytes, bytes]:
    """What stands before and behind the pixel values of a file in Explicit VR Little Endian. around: the data set's elements."""
    start = head(preamble, meta, dataset, ExplicitVRLittleEndian)
    length = image.nbytes + image.nbytes % 2
    vr = {FLOAT_PIXELS: b"OF", DOUBLE_PIXELS: b"OD"}.get(image.tag, b"OW" if image.bits_allocated > 8 else b"OB")
    pixel_head = b"\xe0\x7f" + (image.tag & 0xFFFF).to_bytes(2, "little") + vr + b"\0\0" + length.to_bytes(4, "little")
    return b"".join((start, around.before, around.between, pixel_head)), b"\0" * (image.nbytes % 2) + around.after


def encapsulated_file(
    start: bytes, around: Elements, frames: Sequence[bytes | memoryview], record: bytes | None = None, tables: bytes = b""
) -> bytes:
    """A file with one item a frame, and with a restore record or without. tables: elements of extended offset tables."""
    private = b"" if record is None else record_elements(record)
    return b"".join((start, around.before, private, around.between, tables, *pixel_element(frames), around.after))


def _uid(tag: int, value: str) -> RawDataElement:
    data = value.encode("ascii", "replace")
    return _raw(tag, "UI", data + b"\0" * (len(data) % 2))


def _raw(tag: int, vr: str, value: bytes) -> RawDataElement:
    return RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)
