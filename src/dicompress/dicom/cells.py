"""Pixel cells as encapsulated syntaxes hold them: the values alone, overlays beside them (PS3.5 8.1.1, A.4; PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ..errors import UnsupportedImageError
from .native import changed
from .pixels import PixelLayout, reader_values
from .reading import readable

GROUPS = range(0x6000, 0x6020, 2)  # of overlays
ROWS, COLUMNS, FRAMES, ORIGIN, ALLOCATED, POSITION, DATA = 0x10, 0x11, 0x15, 0x51, 0x100, 0x102, 0x3000
CARRIED = "bits outside Bits Stored (0028,0101) hold something: all bits are coded, at a precision of Bits Allocated (0028,0100)"


@dataclass(frozen=True)
class Plane:
    """An overlay in a bit of the pixel cells, which the standard has retired."""

    group: int
    bit: int

    @property
    def name(self) -> str:
        return f"the overlay ({self.group:04X},{POSITION:04X}) in bit {self.bit} of the pixel cells"


@dataclass(frozen=True)
class Cells:
    """pixels: in the shape and type of the words they come from. precision: bits in which they are coded."""

    pixels: np.ndarray
    precision: int
    remarks: tuple[str, ...] = ()


def planes_in_cells(dataset: Dataset, image: PixelLayout) -> list[Plane]:
    """UnsupportedImageError for overlays that cannot be told from values, or are of another size than the image."""
    found = []
    for group in GROUPS:
        start = group << 16
        if start | ALLOCATED not in dataset or start | DATA in dataset:
            continue
        with readable(f"the overlay in group {group:04X} cannot be read"):
            values = {
                k: int(dataset[start | k].value or 0) if start | k in dataset else 0 for k in (ALLOCATED, POSITION, ROWS, COLUMNS)
            }
        plane = Plane(group, values[POSITION])
        if values[ALLOCATED] < 2:
            continue
        lowest = image.high_bit - image.bits_stored + 1
        if image.samples > 1 or plane.bit >= image.bits_allocated or lowest <= plane.bit <= image.high_bit:
            raise UnsupportedImageError(f"{plane.name} lies where the values are, or outside")
        if (values[ROWS], values[COLUMNS]) != (image.rows, image.columns):
            raise UnsupportedImageError(f"{plane.name} is of another size than the image")
        found.append(plane)
    return found


def separated(pixels: np.ndarray, image: PixelLayout, planes: list[Plane]) -> Cells:
    """The cells without overlays, signs extended above Bits Stored where overlays were; nothing else ever changes.

    UnsupportedImageError for signed words whose meaning readers do not agree on.
    """
    usual = image.high_bit == image.bits_stored - 1
    words = pixels.view(f"u{pixels.itemsize}")
    readers = reader_values(pixels, image)
    if not planes:
        if np.array_equal(readers, pixels):
            return Cells(pixels, image.bits_stored)
        if usual and image.signed and not (words >> image.bits_stored).any():
            raise UnsupportedImageError(
                "signs of values are not extended above Bits Stored (0028,0101): readers would change the words"
            )
        return Cells(pixels, image.bits_allocated, (CARRIED,))
    overlaid = sum(1 << plane.bit for plane in planes)
    moved = (f"overlays in the pixel cells are Overlay Data (60xx,3000) now, {len(planes)} of them",)
    cleared = (words & words.dtype.type(~overlaid & _all(image))).view(pixels.dtype)
    if not usual:
        return Cells(cleared, image.bits_allocated, (*moved, CARRIED))
    if not image.signed:
        clean = np.array_equal(reader_values(cleared, image), cleared)
        return Cells(cleared, image.bits_stored if clean else image.bits_allocated, moved if clean else (*moved, CARRIED))
    beside = words.dtype.type(_all(image) & ~overlaid & ~((1 << image.bits_stored) - 1))
    rest, signs = words & beside, readers.view(words.dtype) & beside
    if not ((rest == 0) | (rest == signs)).all():
        raise UnsupportedImageError("beside signed values and overlays the pixel cells hold something else")
    return Cells(readers, image.bits_stored, moved)


def with_overlays(dataset: Dataset, planes: list[Plane], pixels: np.ndarray, image: PixelLayout) -> Dataset:
    """A copy of the data set, with the overlays that are in the cells `pixels` as Overlay Data."""
    result = changed(dataset)
    for plane in planes:
        start = plane.group << 16
        bits = (pixels.view(f"u{pixels.itemsize}") >> plane.bit & 1).astype(np.uint8)
        value = np.packbits(bits.reshape(-1), bitorder="little").tobytes()  # PS3.5 8.1.2: the first pixel in the lowest bit
        values = [(ALLOCATED, "US", 1), (POSITION, "US", 0), (DATA, "OW", value + b"\0" * (len(value) % 2))]
        if image.frames > 1:
            values += [(FRAMES, "IS", image.frames), (ORIGIN, "US", 1)]
        for element, vr, content in values:
            result[start | element] = DataElement(start | element, vr, content)
    return result


def _all(image: PixelLayout) -> int:
    return (1 << image.bits_allocated) - 1
