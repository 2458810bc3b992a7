"""Originals of every kind that the command line compresses, so that each way of writing them is among the results."""

from __future__ import annotations

import numpy as np
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
)

from .drawings import colour, drawing
from .files import change, make, pydicom_file, read
from .images import phantom
from .jpegs import jpeg_file, jpegs
from .originals import ORIGINALS


def first_frames(data: bytes, count: int) -> bytes:
    """A file of JPEG frames with the first of them alone."""
    dataset = read(data)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames)))
    return change(data, NumberOfFrames=count, PixelData=encapsulate(frames[:count]))


PHOTOGRAPHED = {  # our streams
    **ORIGINALS,
    "deflated": lambda: make(phantom(64, 64), DeflatedExplicitVRLittleEndian),
    "implicit frames": lambda: make(np.stack([phantom(40, 50, s) for s in range(2)]), ImplicitVRLittleEndian),
}
DRAWN = {  # JPEG XL Lossless
    "drawn": lambda: make(drawing(high=4095).astype(np.uint16)),
    "drawn frames": lambda: make(np.stack([drawing(s, 4095) for s in range(2)]).astype(np.uint16)),
    "drawn, 16 bits": lambda: make(drawing(high=4095).astype(np.uint16), bits_stored=12),
    "drawn RGB": colour,
    "drawn RGB, planar frames": lambda: colour(2, planar=1),
    "drawn palette": lambda: pydicom_file("examples_palette.dcm"),
}
WRAPPED = {  # JPEG XL in our transfer syntax
    "drawn YBR_FULL": lambda: change(colour(), PhotometricInterpretation="YBR_FULL"),
    "drawn YBR_FULL, planar frames": lambda: change(colour(3, planar=1), PhotometricInterpretation="YBR_FULL"),
    "drawn YBR_FULL_422": lambda: pydicom_file("SC_ybr_full_422_uncompressed.dcm"),
    "drawn, signed frames": lambda: make(np.stack([drawing(k, 4095) // 2 - 100 for k in range(2)]).astype(np.int16)),
    "drawn, signed, 8 bits": lambda: make((drawing() // 2 - 100).astype(np.int8)),
}
OF_JPEG = {  # JPEG XL JPEG Recompression
    "JPEG": lambda: jpeg_file(encapsulate(jpegs(1)), 1),
    "JPEG frames": lambda: jpeg_file(encapsulate(jpegs(3)), 3),
    "JPEG, extended": lambda: jpeg_file(encapsulate(jpegs(1)), 1, JPEGExtended12Bit),
    "JPEG, RGB": lambda: pydicom_file("SC_jpeg_no_color_transform.dcm"),
    "JPEG, YBR_FULL": lambda: pydicom_file("SC_rgb_jpeg_dcmtk.dcm"),
    "JPEG, YBR_FULL_422 frames": lambda: first_frames(pydicom_file("examples_ybr_color.dcm"), 2),
}
KINDS = PHOTOGRAPHED | DRAWN | WRAPPED | OF_JPEG
