"""What a file's pixels are, by its elements and by which of them holds the pixels."""

from __future__ import annotations

from .. import codec
from ..errors import DicompressError, UnsupportedImageError
from .items import ITEM_HEAD
from .part10 import Part10
from .pixels import PixelLayout, layout
from .reading import readable
from .syntax import DICOMPRESS
from .tags import PIXEL_DATA, PIXEL_NAMES

WIDE = (32, 64)  # bits of floats


def image_of(part10: Part10) -> PixelLayout:
    """`layout` of a file. UnsupportedImageError, also where an element of floats is not of the size that Bits Allocated says; LimitError."""
    tag = part10.pixels.tag if part10.pixels else PIXEL_DATA
    if tag == PIXEL_DATA:
        return layout(part10.dataset, floating=_streams_are_floats(part10))
    found = layout(part10.dataset, floating=True)
    if found.tag != tag:
        raise UnsupportedImageError(f"{PIXEL_NAMES[tag]} with Bits Allocated (0028,0100) {found.bits_allocated}")
    return found


def _streams_are_floats(part10: Part10) -> bool:
    """Of a file in our syntax: Pixel Data holds them whatever the original's element was."""
    if part10.syntax != DICOMPRESS or part10.pixels is None or not part10.pixels.encapsulated:
        return False
    with readable("Bits Allocated (0028,0100) is no number"):
        if int(part10.dataset.get("BitsAllocated") or 0) not in WIDE:
            return False
    return holds_floats(part10.value)


def holds_floats(value: memoryview) -> bool:
    """Whether the first stream in an encapsulated value, the item behind the offset table, is of floats."""
    start = ITEM_HEAD + int.from_bytes(value[ITEM_HEAD - 4 : ITEM_HEAD], "little")
    length = int.from_bytes(value[start + ITEM_HEAD - 4 : start + ITEM_HEAD], "little")
    try:
        return codec.layout(value[start + ITEM_HEAD :][:length])[1].kind == "f"
    except DicompressError:  # which decoding tells
        return False
