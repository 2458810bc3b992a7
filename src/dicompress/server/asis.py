"""Frames as they are stored, without decoding."""

from __future__ import annotations

from pydicom.uid import ExplicitVRBigEndian

from ..dicom.decoders import offset_tables
from ..dicom.items import source_frames
from ..dicom.part10 import Part10
from ..dicom.reading import readable
from ..errors import FileError, UnsupportedImageError

LAID_OUT = (8, 16)  # Bits Allocated of what `dicompress.dicom` knows the layout of


def encapsulated_frame(part10: Part10, number: int) -> bytes:
    """UnsupportedImageError for items that do not make up frames, or if there are none."""
    if part10.pixels is None or not part10.pixels.encapsulated:
        raise UnsupportedImageError("no encapsulated Pixel Data (7FE0,0010)")
    with readable("Number of Frames (0028,0008) cannot be read"):
        count = int(part10.dataset.get("NumberOfFrames") or 1)
    check_number(number, count)
    return source_frames(part10.value, count, offset_tables(part10.dataset))[number]


def native_frame(part10: Part10, number: int) -> bytes | None:
    """A frame of native pixels in other words than 8 or 16 bits, of segmentations, doses; None of usual ones.

    UnsupportedImageError for frames that do not begin at a byte, or are big-endian; FileError for what is cut short.
    """
    if part10.pixels is None or part10.pixels.encapsulated:
        return None
    with readable("the Image Pixel attributes are incomplete"):
        dataset = part10.dataset
        bits, count = int(dataset.BitsAllocated), int(dataset.get("NumberOfFrames") or 1)
        frame = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel", 1)) * bits
    if bits in LAID_OUT:
        return None
    if part10.syntax == ExplicitVRBigEndian or frame % 8:
        raise UnsupportedImageError(
            f"frames of {bits} bits a sample that are big-endian, or do not end at a byte: their bulk data is whole"
        )
    check_number(number, count)
    size = frame // 8
    if len(part10.value) < size * count:
        raise FileError(f"Pixel Data (7FE0,0010) holds {len(part10.value)} bytes, {size * count} are expected: cut short?")
    return bytes(part10.value[number * size : (number + 1) * size])


def check_number(number: int, count: int) -> None:
    """IndexError."""
    if not 0 <= number < count:
        raise IndexError(f"frame {number + 1} of {count}")
