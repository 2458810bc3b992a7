"""Frames as they are stored, without decoding."""

from __future__ import annotations

from ..dicom.decoders import offset_tables
from ..dicom.items import source_frames
from ..dicom.part10 import Part10
from ..dicom.reading import readable
from ..errors import UnsupportedImageError


def encapsulated_frame(part10: Part10, number: int) -> bytes:
    """UnsupportedImageError for items that do not make up frames, or if there are none."""
    if part10.pixels is None or not part10.pixels.encapsulated:
        raise UnsupportedImageError("no encapsulated Pixel Data (7FE0,0010)")
    with readable("Number of Frames (0028,0008) cannot be read"):
        count = int(part10.dataset.get("NumberOfFrames") or 1)
    check_number(number, count)
    return source_frames(part10.value, count, offset_tables(part10.dataset))[number]


def check_number(number: int, count: int) -> None:
    """IndexError."""
    if not 0 <= number < count:
        raise IndexError(f"frame {number + 1} of {count}")
