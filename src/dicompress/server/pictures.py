"""Frames as pictures to look at (PS3.18 8.3.5): windowed, cut, scaled, as JPEG or PNG of 8 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, convert_color_space

from ..compare.window import grey
from ..dicom.part10 import Part10
from ..dicom.pixels import GREY, PixelLayout, reader_values
from ..dicom.reading import readable
from ..dicom.single import any_frames
from ..errors import UnsupportedImageError

JPEG, PNG = "image/jpeg", "image/png"
QUALITY = 90
LARGEST = 8192  # columns and rows of a viewport
PALETTE = "PALETTE COLOR"


@dataclass(frozen=True)
class Window:
    """In units that the Modality LUT gives. function: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.3)."""

    center: float
    width: float
    function: str = "LINEAR"


@dataclass(frozen=True)
class Viewport:
    """columns, rows: of the picture at most; its shape stays. source: left, top, width, height of what is shown of the frame, where a
    negative width or height mirrors; None for what is not said.
    """

    columns: int
    rows: int
    source: tuple[float | None, float | None, float | None, float | None] = (None, None, None, None)


@dataclass(frozen=True)
class Look:
    """media: JPEG or PNG. window: instead of the file's. quality: of JPEG, 1 to 100."""

    media: str = JPEG
    window: Window | None = None
    quality: int = QUALITY
    viewport: Viewport | None = None


def picture(part10: Part10, number: int, look: Look) -> bytes:
    """number: from 0. UnsupportedImageError for what is no image, or cannot be decoded or shown here; IndexError, StreamError, FileError."""
    import imagecodecs

    pixels, image = any_frames(part10, [number], threads=1)
    shown = _shown(part10.dataset, reader_values(pixels, image)[0], image, number, look.window)
    if look.viewport:
        shown = _in_viewport(shown, look.viewport)
    shown = np.ascontiguousarray(shown)
    return bytes(imagecodecs.png_encode(shown) if look.media == PNG else imagecodecs.jpeg8_encode(shown, level=look.quality))


def _shown(dataset: Dataset, frame: np.ndarray, image: PixelLayout, number: int, window: Window | None) -> np.ndarray:
    """(rows, columns[, 3]) uint8."""
    if image.interpretation in GREY:
        low, high = int(frame.min()), int(frame.max())
        return grey(dataset, number, low, high, (low, high), _view(window) if window else None)(frame)
    with readable(f"colours {image.interpretation} cannot be shown"):
        if image.interpretation == PALETTE:
            colours = apply_color_lut(np.ascontiguousarray(frame), dataset)[..., :3]
            return np.asarray(colours >> 8 * (colours.itemsize - 1), np.uint8)
        eight = np.rint(255 * np.clip(frame / (2**image.bits_stored - 1), 0, 1)).astype(np.uint8)
        return eight if image.interpretation == "RGB" else convert_color_space(eight, image.interpretation, "RGB")


def _view(window: Window) -> Dataset:
    view = Dataset()
    view.WindowCenter, view.WindowWidth, view.VOILUTFunction = window.center, window.width, window.function
    return view


def _in_viewport(image: np.ndarray, viewport: Viewport) -> np.ndarray:
    rows, columns = image.shape[:2]
    left, top, width, height = viewport.source
    image, across = _cut(image, 1, left or 0, columns if width is None else width)
    image, down = _cut(image, 0, top or 0, rows if height is None else height)
    scale = min(viewport.columns / across, viewport.rows / down)
    for axis, size in ((0, down), (1, across)):
        image = _scaled(image, axis, max(1, round(size * scale)))
    shown: np.ndarray = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return shown


def _cut(image: np.ndarray, axis: int, start: float, size: float) -> tuple[np.ndarray, int]:
    """What is left of an axis, mirrored where the size is negative. UnsupportedImageError if nothing is."""
    first, last = max(0, round(start)), min(image.shape[axis], round(start + abs(size)))
    if last <= first:
        raise UnsupportedImageError("the viewport shows nothing of the frame")
    cut = image.take(range(first, last), axis)
    return (np.flip(cut, axis) if size < 0 else cut), last - first


def _scaled(image: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Linear, over as many pixels as become one."""
    before = image.shape[axis]
    if size == before:
        return image
    scale = before / size
    centres = (np.arange(size) + 0.5) * scale - 0.5
    distance = np.abs(np.arange(before) - np.clip(centres, 0, before - 1)[:, None]) / max(scale, 1)
    weights = np.clip(1 - distance, 0, None)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    scaled: np.ndarray = np.moveaxis(np.tensordot(weights, image.astype(np.float32), (1, axis)), 0, axis)
    return scaled
