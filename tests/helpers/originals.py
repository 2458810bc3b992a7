"""Native originals of every kind of pixels, and one in RLE; photographed rather than drawn."""

from __future__ import annotations

import numpy as np
from pydicom.uid import ExplicitVRBigEndian

from .files import change, make, pydicom_file
from .images import phantom

FRAMES = np.stack([phantom(33, 41, s) for s in range(4)])


def outside_bits_stored(dtype: str) -> np.ndarray:
    pixels = phantom(40, 50).astype(dtype)
    pixels[3, 5:9], pixels[7, 7] = 0x7123, -1 if dtype == "int16" else 0xF000
    return pixels


def colour(interpretation: str, planar: int) -> bytes:
    """128 x 128 of 8 bits and three samples."""
    pixels = np.stack([phantom(128, 128, s) >> 4 for s in range(3)], 0 if planar else -1).astype(np.uint8)
    return change(
        make(np.zeros((128, 128), np.uint8)), SamplesPerPixel=3, PhotometricInterpretation=interpretation,
        PlanarConfiguration=planar, PixelData=pixels.tobytes(),
    )  # fmt: skip


ORIGINALS = {
    "CT": lambda: pydicom_file("CT_small.dcm"),
    "MR": lambda: pydicom_file("MR_small.dcm"),
    "implicit": lambda: pydicom_file("MR_small_implicit.dcm"),
    "big-endian": lambda: make(phantom(40, 50), ExplicitVRBigEndian),
    "RLE": lambda: pydicom_file("MR_small_RLE.dcm"),
    "one frame": lambda: make(FRAMES[:1]),
    "frames": lambda: make(FRAMES),
    "odd bytes": lambda: make((phantom(33, 41) >> 4).astype(np.uint8)),
    "int8": lambda: make(((phantom(40, 50) >> 4) - 60).astype(np.int8)),
    "signed": lambda: make(phantom(40, 50).astype(np.int16) - 1000, bits_stored=13),
    "outside": lambda: make(outside_bits_stored("uint16"), bits_stored=12),
    "outside, signed": lambda: make(outside_bits_stored("int16"), bits_stored=12),
    "RGB": lambda: colour("RGB", 0),
    "RGB, planar": lambda: colour("RGB", 1),
    "YBR_FULL": lambda: colour("YBR_FULL", 0),
}
