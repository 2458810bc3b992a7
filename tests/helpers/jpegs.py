"""DICOM files of JPEG frames."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
from pydicom.uid import JPEGBaseline8Bit

from .files import make, read
from .images import phantom

FRAMES = np.stack([(phantom(200, 301, s) >> 4).astype(np.uint8) for s in range(3)])


def jpeg_file(value: bytes, frames: int, syntax=JPEGBaseline8Bit, **attributes) -> bytes:
    """A file of `frames` grey frames of 200 x 301 pixels with an encapsulated value."""
    dataset = read(make(FRAMES[:frames]))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = value
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    for name, element in attributes.items():
        setattr(dataset, name, element)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def jpegs(frames: int) -> list[bytes]:
    return [imagecodecs.jpeg8_encode(frame, level=98) for frame in FRAMES[:frames]]
