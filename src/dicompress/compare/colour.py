"""How colours are shown: RGB of 8 bits from RGB, YBR_FULL and palettes, and one error a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, convert_color_space

from ..dicom.pixels import PixelLayout

PALETTE = "PALETTE COLOR"


@dataclass(frozen=True)
class Colour:
    """dataset: whose palette is used. image: of the frames that are shown. text: what is shown, in words."""

    dataset: Dataset
    image: PixelLayout

    @property
    def text(self) -> str:
        kind = self.image.interpretation
        return kind if kind == "RGB" else f"{kind}, as RGB"

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """(rows, columns, 3) of a frame, or (rows, columns) of one whose palette cannot be read: uint8."""
        if self.image.interpretation == PALETTE:
            try:
                colours = apply_color_lut(np.ascontiguousarray(frame), self.dataset)[..., :3]
                return np.asarray(colours >> 8 * (colours.itemsize - 1), np.uint8)
            except Exception:  # pydicom raises many kinds for palettes that make no sense
                return _eight_bits(frame, self.image.bits_stored)
        rgb = _eight_bits(frame, self.image.bits_stored)
        return rgb if self.image.interpretation == "RGB" else convert_color_space(rgb, self.image.interpretation, "RGB")


def _eight_bits(frame: np.ndarray, bits_stored: int) -> np.ndarray:
    shown: np.ndarray = np.rint(255 * np.clip(frame / (2**bits_stored - 1), 0, 1))
    return shown.astype(np.uint8)


def error_of(original: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """(rows, columns), restored - original; of colours that of the sample that is off most."""
    error: np.ndarray = restored.astype(np.int32) - original
    if error.ndim == 2:
        return error
    return np.take_along_axis(error, np.abs(error).argmax(-1)[..., None], -1)[..., 0]
