"""CompaCT, written anew from its description.

Pixels are taken in the order of a generalised Hilbert curve and cut into blocks of 16. A difference to the pixel before
outside -63 ... 64 is a jump. A block of at least eight jumps looks up to 64 blocks ahead for a partner with which it has
fewer when their pixels take turns. The pixels of the blocks, so ordered, become codes of whole bytes, told apart by their
first bits: a small difference, a jump, a run, or a full value. zlib comes last.

The description leaves open, and here it is so:

- The curve is J. Cerveny's, for rectangles of any sides.
- The first difference of a block is counted, too; the partner is the one that saves most jumps, the nearest of equals, and
  is taken if it saves four, for a distance costs about as much as three. Any whole block not yet taken can be one. The last
  pixels that fill no block are never meshed.
- Distances, one byte a block that is no one's second half, 0 for none, stand in front of the codes.
- The codes are 0ddddddd, d - 63 the difference; 10smmmmm mmmmmmmm, a jump upwards (s = 0) of m + 65 or downwards of
  m + 64; 110nnnnn, n + 2 pixels like the one before; 11100000 and the value, high byte first. The first pixel follows 0.
- zlib's level is 9.

Source: Khan: CompaCT: Fractal-Based Heuristic Pixel Segmentation for Lossless Compression of High-Color DICOM Medical
Images, arXiv 2308.13097, 2023.
"""

from __future__ import annotations

import zlib

import numpy as np

from .. import native
from ..codec import Codec


def codecs() -> list[Codec]:
    return [Codec("CompaCT", encode, decode, "written from its paper")]


def curve(rows: int, columns: int) -> np.ndarray:
    """int32 (rows * columns,): raster indices of the pixels along the curve. ValueError if either side is zero."""
    places = np.empty(rows * columns, np.int32)
    native.hilbert(rows, columns, places)
    return places


def encode(image: np.ndarray) -> bytes:
    """uint8 or uint16 (rows, columns) -> a zlib stream of distances and codes."""
    pixels = image.reshape(-1)[curve(*image.shape)].astype(np.uint16)
    distances = native.mesh(pixels)
    order, _ = _order(distances, pixels.size)
    return zlib.compress(distances + native.pack(pixels[order]), 9)


def decode(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """The image. ValueError if the data are damaged."""
    count = shape[0] * shape[1]
    content = _inflate(data, longest=3 * count + count // 16 + 1)
    order, used = _order(content, count)
    pixels = np.empty(count, np.uint16)
    native.unpack(content[used:], pixels)
    if pixels.max() > np.iinfo(dtype).max:
        raise ValueError("a pixel leaves its range")
    image = np.empty(count, dtype)
    image[curve(*shape)[order]] = pixels
    return image.reshape(shape)


def _order(distances: bytes, count: int) -> tuple[np.ndarray, int]:
    """int32 (count,): where on the curve each coded pixel lies; and how many bytes that took."""
    order = np.empty(count, np.int32)
    return order, native.unmesh(distances, order)


def _inflate(data: bytes, longest: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, longest)
    except zlib.error as e:
        raise ValueError(f"a damaged stream: {e}") from e
    if not stream.eof or stream.unused_data:
        raise ValueError("the stream does not end where it should")
    return content
