"""CBPC2, the codec of MIDOM: classification and blending prediction, written anew from its description.

In raster order. Of the 60 pixels before this one within five rows and columns, the six are chosen whose neighbours are
most like its own (least squares). Seven simple predictors, W, N, NW, NE, W + N - NW, 2W - WW and 2N - NN, are blended with
weights of one over the sum of the squared errors they made at those six; one without errors wins outright. Near the border
the median predictor of JPEG-LS takes over. Residuals are zig-zag mapped to Golomb-Rice codes, whose parameter follows the
mean magnitude; its count and sum are divided by 8 when the count reaches 128. Constant areas become lengths of runs.

The description leaves open, and here it is so:

- Neighbours that are compared: W, N, NW, NE, WW and NN. The border is where the window or these would leave the image:
  seven pixels at the top and left, six at the right. The correction by a mean error, which it calls optional, is left out:
  it made most images larger.
- Weights are integers, 65536 times the least error over a predictor's own, so a stream is the same on every machine.
- The parameter k is the least with count * 2^k >= sum of magnitudes. Residuals are taken modulo 256 or 65536. After 24 ones
  of a unary part the number follows as 32 bits.
- A run may start where W, NW, N and NE are equal; its length, to the row's end at most, has Golomb-Rice codes of its own
  count and sum. The pixel after it is coded as any other.
- A CRC-32 of the pixels' raster ends the stream.

Source: Pervan, Tomic, Ivandic, Knezovic: MIDOM - A DICOM-Based Medical Image Communication System, Applied Sciences 13(10),
2023, 6075.
"""

from __future__ import annotations

import zlib

import numpy as np

from .. import native
from ..codec import Codec

CRC = 4


def codecs() -> list[Codec]:
    return [Codec("CBPC2", encode, decode, "written from its paper")]


def encode(image: np.ndarray) -> bytes:
    """uint8 or uint16 (rows, columns) -> Golomb-Rice codes and a CRC-32."""
    pixels = np.ascontiguousarray(image, np.uint16)
    return native.cbpc2_encode(pixels, 8 * image.dtype.itemsize) + _crc(pixels)


def decode(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """The image. ValueError if the data are damaged."""
    if len(data) < CRC:
        raise ValueError("the data end too early")
    pixels = np.empty(shape, np.uint16)
    native.cbpc2_decode(data[:-CRC], 8 * np.dtype(dtype).itemsize, pixels)
    if _crc(pixels) != data[-CRC:]:
        raise ValueError("a damaged stream: its CRC-32 is another")
    return pixels.astype(dtype, copy=False)


def _crc(pixels: np.ndarray) -> bytes:
    return zlib.crc32(pixels).to_bytes(CRC, "little")
