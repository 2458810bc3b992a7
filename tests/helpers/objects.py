"""Data elements as bytes, to build files that no library would write, and what must be true of those that come back."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import dicompress.pydicom  # noqa: F401
from dicompress.dicom import DICOMPRESS, compress_file, restore_file
from dicompress.dicom.syntax import JPEG_XL_LOSSLESS

from .files import make, read

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}  # VRs with 4 bytes for the length
UNDEFINED = b"\xff" * 4
ITEM, ITEM_END, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
PIXEL_DATA = b"\xe0\x7f\x10\x00"
RECORD = (0x7FD90010, 0x7FD91001)


class Writer:
    """Little-endian elements and items, in implicit or explicit VR; `nested` sequences of defined or undefined length."""

    def __init__(self, implicit: bool = False, undefined: bool = False):
        self.implicit, self.undefined = implicit, undefined

    def element(self, tag: int, vr: str, value: bytes = b"", undefined: bool = False) -> bytes:
        head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        long = self.implicit or vr in LONG
        head += b"" if self.implicit else vr.encode() + b"\0\0" * long
        length = UNDEFINED if undefined else len(value).to_bytes(4 if long else 2, "little")
        return head + length + value + END * undefined

    def item(self, value: bytes = b"") -> bytes:
        if self.undefined:
            return ITEM + UNDEFINED + value + ITEM_END
        return fragment(value)

    def nested(self, tag: int, *items: bytes) -> bytes:
        return self.element(tag, "SQ", b"".join(map(self.item, items)), self.undefined)


def fragment(value: bytes = b"") -> bytes:
    return ITEM + len(value).to_bytes(4, "little") + value


def encapsulated(*fragments: bytes, table: bytes = b"") -> bytes:
    """(7FE0,0010) OB with a basic offset table and one item for each of `fragments`."""
    return Writer().element(0x7FE00010, "OB", b"".join(map(fragment, (table, *fragments))), undefined=True)


def head_of(original: bytes) -> bytes:
    """All before Pixel Data."""
    return original[: original.index(PIXEL_DATA)]


def insert(original: bytes, before: bytes = b"", behind: bytes = b"") -> bytes:
    """More elements before Pixel Data and behind it."""
    head = head_of(original)
    return head + before + original[len(head) :] + behind


def replaced(original: bytes, old: bytes, new: bytes) -> bytes:
    assert original.count(old) == 1
    return original.replace(old, new)


def in_syntax(data: bytes, syntax: str) -> bytes:
    """A file that says that it is of another transfer syntax."""
    at, end = data.index(b"\x02\x00\x10\x00UI") + 8, 144 + int.from_bytes(data[140:144], "little")
    behind = at + int.from_bytes(data[at - 2 : at], "little")
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    group = data[144 : at - 2] + len(uid).to_bytes(2, "little") + uid + data[behind:end]
    return data[:140] + len(group).to_bytes(4, "little") + group + data[end:]


def elements(dataset: Dataset) -> list:
    """All but Pixel Data, the restore record, and group lengths and offset tables, which a compressed file does not keep."""
    return [e for e in dataset if e.tag.element and e.tag not in (0x7FE00001, 0x7FE00002, 0x7FE00010, *RECORD)]


def stored(dataset: Dataset) -> dict:
    """tag -> VR and bytes, or items, as they lie in the file: nothing is decoded."""
    found = {}
    for tag in sorted(set(dataset.keys()) - set(RECORD)):
        element = dataset.get_item(tag)
        if isinstance(element.value, Sequence):
            found[tag] = [stored(item) for item in element.value]
        else:
            found[tag] = element.value
    return found


def assert_same_file(original: bytes) -> Dataset:
    """A native original comes back byte for byte, and the compressed file, which is returned, has the same elements."""
    compressed = compress_file(original, threads=1).data
    assert len(compressed) < len(original)
    assert restore_file(compressed, threads=1).data == original
    return same_elements(original, compressed)


def assert_same_image(original: bytes) -> Dataset:
    """An encapsulated original comes back pixel for pixel with the same elements, which the compressed file has, too."""
    compressed = compress_file(original, threads=1).data
    restored = restore_file(compressed, threads=1).data
    before, after = read(original), read(restored)
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert elements(before) == elements(after)
    assert not {0x7FE00001, 0x7FE00002} & set(after.keys())
    return same_elements(original, compressed)


def same_elements(original: bytes, compressed: bytes) -> Dataset:
    before, after = read(original), read(compressed)
    assert after.file_meta.TransferSyntaxUID in (DICOMPRESS, JPEG_XL_LOSSLESS)
    assert after["PixelData"].VR == "OB" and after["PixelData"].is_undefined_length
    assert elements(before) == elements(after)
    assert {e.tag: e.VR for e in elements(before)} == {e.tag: e.VR for e in elements(after)}
    return after


def encapsulated_file(syntax: str, frames: list[bytes], pixels: np.ndarray, **attributes) -> bytes:
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    return in_syntax(head_of(make(pixels, **attributes)) + encapsulated(*padded), syntax)


def nested(w: Writer) -> bytes:
    """Sequences in sequences, with items that are empty."""
    code = w.element(0x00080100, "SH", b"T-1 ")
    inner = code + w.nested(0x0040A168, code, b"", code) + w.nested(0x0040A170)
    return w.nested(0x00400260, inner, b"", inner) + w.nested(0x00400321)
