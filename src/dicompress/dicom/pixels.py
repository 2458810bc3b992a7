"""Stored pixel values as integers, exactly as they lie in the file, and as readers see them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian

from ..errors import FileError, UnsupportedImageError
from ..limits import check_size
from .reading import readable
from .tags import DOUBLE_PIXELS, FLOAT_PIXELS, PIXEL_DATA, PIXEL_NAMES

GREY = ("MONOCHROME1", "MONOCHROME2")
HALVED = "YBR_FULL_422"  # native: two Y, then the Cb and Cr that they share (PS3.3 C.7.6.3.1.2)
SAMPLES = {**dict.fromkeys(GREY, 1), "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, HALVED: 3}  # by Photometric Interpretation
DECODED_TO_RGB = ("YBR_RCT", "YBR_ICT")  # transforms of JPEG 2000 that its decoders undo


@dataclass(frozen=True)
class PixelLayout:
    """The Image Pixel attributes that decide how bytes become values (PS3.3 C.7.6.3).

    planar: whether a frame holds all first samples, then all second ones, in native form. floating: Float Pixel Data, or Double Float
    Pixel Data (C.7.6.24, C.7.6.25).
    """

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    samples: int
    planar: bool
    interpretation: str
    floating: bool = False

    @property
    def tag(self) -> int:
        """Of the element that holds the values in native form."""
        return (FLOAT_PIXELS if self.bits_allocated == 32 else DOUBLE_PIXELS) if self.floating else PIXEL_DATA

    @property
    def is_wide(self) -> bool:
        """Whether values take more than the 16 bits that models code."""
        return self.bits_allocated > 16

    @property
    def dtype(self) -> np.dtype:
        if self.bits_allocated == 1:
            return np.dtype(np.bool_)
        kind = "f" if self.floating else "i" if self.signed else "u"
        return np.dtype(f"{kind}{self.bits_allocated // 8}")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(rows, columns), and samples if they are several; pairs of pixels that share their colour are one of 4 samples."""
        if self.interpretation == HALVED:
            return self.rows, self.columns // 2, 4
        return self.rows, self.columns, *((self.samples,) if self.samples > 1 else ())

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, *self.frame_shape

    @property
    def one_frame(self) -> PixelLayout:
        return replace(self, frames=1)

    @property
    def pixels(self) -> int:
        """Of all frames."""
        return self.frames * self.rows * self.columns

    @property
    def frame_bytes(self) -> int:
        """Of a frame by itself."""
        return -(-math.prod(self.frame_shape) * self.bits_allocated // 8)

    @property
    def nbytes(self) -> int:
        """Of all frames; those of single bits follow each other bit by bit (PS3.5 8.1.1)."""
        return -(-math.prod(self.shape) * self.bits_allocated // 8)

    @property
    def whole_bytes(self) -> int:
        """Of `nbytes`, those that hold pixels alone: behind single bits some may be left over."""
        return math.prod(self.shape) * self.bits_allocated // 8


def layout(dataset: Dataset, floating: bool = False) -> PixelLayout:
    """Of integers, or of `floating` values. UnsupportedImageError, with the tag, for pixels that this version passes on; LimitError for impossible sizes."""
    with readable("the Image Pixel attributes are incomplete"):
        bits = int(dataset.BitsAllocated)
        stored = bits if floating else int(dataset.get("BitsStored") or bits)
        high_bit = None if floating else dataset.get("HighBit")
        result = PixelLayout(
            rows=int(dataset.Rows),
            columns=int(dataset.Columns),
            frames=int(dataset.get("NumberOfFrames") or 1),
            bits_allocated=bits,
            bits_stored=stored,
            high_bit=stored - 1 if high_bit is None else int(high_bit),
            signed=not floating and bool(int(dataset.get("PixelRepresentation") or 0)),
            samples=int(dataset.get("SamplesPerPixel", 1)),
            planar=bool(int(dataset.get("PlanarConfiguration") or 0)),
            interpretation=str(dataset.get("PhotometricInterpretation", "")),
            floating=floating,
        )
    expected = 3 if result.interpretation in DECODED_TO_RGB else SAMPLES.get(result.interpretation)
    if result.samples != expected:
        kind = f"{result.interpretation or 'missing'} with {result.samples} samples a pixel"
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {kind}")
    if bits == 1 and (result.signed or result.samples > 1):
        raise UnsupportedImageError("Bits Allocated (0028,0100) 1 of signed pixels, or of several samples")
    if bits not in ((32, 64) if floating else (1, 8, 16, 32)):
        raise UnsupportedImageError(f"Bits Allocated (0028,0100) {bits}")
    if not 1 <= result.bits_stored <= bits:
        raise UnsupportedImageError(f"Bits Stored (0028,0101) {result.bits_stored} of {bits} allocated")
    if min(result.frames, result.rows, result.columns) < 1:
        raise UnsupportedImageError(f"an image of {result.frames} x {result.rows} x {result.columns} pixels")
    check_size(result.frames, result.rows, result.columns, result.samples, max(bits // 8, 1))
    return result


@dataclass(frozen=True)
class NativeForm:
    """How the values of a native Pixel Data lie in its bytes. big: big-endian. words: 8-bit values, or bits, in words of 16 bits."""

    big: bool = False
    words: bool = False

    @classmethod
    def of(cls, image: PixelLayout, syntax: UID, vr: str) -> NativeForm:
        """UnsupportedImageError for forms that this version passes on."""
        big = syntax == ExplicitVRBigEndian
        words = big and image.bits_allocated <= 8 and vr == "OW"
        if words and image.bits_allocated == 8 and image.frame_bytes % 2:
            raise UnsupportedImageError("frames of an odd number of 8-bit pixels in big-endian words")
        if words and image.bits_allocated == 1 and math.prod(image.shape) % 16:
            raise UnsupportedImageError("Bits Allocated (0028,0100) 1 with a last big-endian word that is not full")
        if image.interpretation in DECODED_TO_RGB:
            raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {image.interpretation} of native pixels")
        if image.interpretation == HALVED and (image.columns % 2 or image.planar or image.bits_allocated != 8):
            raise UnsupportedImageError("YBR_FULL_422 of an odd width, of more than 8 bits or by planes")
        return cls(big, words)

    def values(self, value: bytes | bytearray | memoryview | np.ndarray, image: PixelLayout) -> np.ndarray:
        """`image.shape`; a view of `value` where it can be. Bytes behind the last pixel are left alone.

        UnsupportedImageError for an empty value, FileError for one that is too short.
        """
        if not len(value):
            raise UnsupportedImageError(f"{PIXEL_NAMES[image.tag]} is empty")
        if len(value) < image.nbytes:
            raise FileError(f"{PIXEL_NAMES[image.tag]} holds {len(value)} bytes, {image.nbytes} are expected: cut short?")
        if image.bits_allocated == 1:
            packed = np.frombuffer(value, np.uint8, image.nbytes)
            packed = packed.view(np.uint16).byteswap().view(np.uint8) if self.words else packed
            return np.unpackbits(packed, count=math.prod(image.shape), bitorder="little").view(np.bool_).reshape(image.shape)
        stored = image.dtype.newbyteorder(">" if self.big else "<")
        pixels = np.frombuffer(value, stored, image.nbytes // stored.itemsize)
        if self.words:
            pixels = pixels.view(np.uint16).byteswap().view(image.dtype)
        if image.samples > 1 and image.planar:
            rows_and_columns = image.rows, image.columns
            pixels = np.moveaxis(pixels.reshape(image.frames, image.samples, *rows_and_columns), 1, -1)
        return pixels.reshape(image.shape).astype(image.dtype, copy=False)

    def value(self, pixels: np.ndarray, image: PixelLayout) -> np.ndarray:
        """Inverse of `values`, of one frame or several: uint8, one-dimensional. Bits behind the last pixel are zero."""
        if image.samples > 1 and image.planar:
            pixels = np.moveaxis(pixels, -1, -3)
        if image.bits_allocated == 1:
            flat = np.packbits(pixels.reshape(-1), bitorder="little")
        else:
            stored = np.ascontiguousarray(pixels, image.dtype.newbyteorder(">" if self.big else "<"))
            flat = stored.reshape(-1).view(np.uint8)
        return flat.view(np.uint16).byteswap().view(np.uint8) if self.words else flat


def pieces(form: NativeForm, frames: Iterable[np.ndarray], image: PixelLayout) -> Iterator[np.ndarray]:
    """The bytes of frames, one after the other; of single bits, which share bytes, of all of them at once."""
    if image.bits_allocated == 1:
        frames = [np.stack(list(frames))]
    for frame in frames:
        yield form.value(frame, image)


def little_endian(pixels: np.ndarray) -> np.ndarray:
    """Contiguous, with the same bytes on every machine."""
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))


def reader_values(pixels: np.ndarray, image: PixelLayout) -> np.ndarray:
    """The values that readers take the words for: Bits Stored bits up to High Bit, with their sign (PS3.5 8.1.1)."""
    above, unused = image.bits_allocated - 1 - image.high_bit, image.bits_allocated - image.bits_stored
    return (pixels << above >> unused).astype(image.dtype, copy=False)


def whole_colours(pairs: np.ndarray) -> np.ndarray:
    """(..., rows, columns / 2, 4) of Y, Y, Cb, Cr -> (..., rows, columns, 3), as pydicom repeats the colours of native pixels."""
    luma = pairs[..., :2].reshape(*pairs.shape[:-2], -1, 1)
    return np.concatenate([luma, np.repeat(pairs[..., 2:], 2, axis=-2)], axis=-1)


def decoded(frames: Sequence[np.ndarray], image: PixelLayout) -> np.ndarray:
    """`image.shape`, with the sign of words that have none above Bits Stored, as JPEG decoders give them.

    Where the bits there say anything else they stay as they are: they may be overlays.
    """
    pixels = np.stack(frames).astype(image.dtype, copy=False)
    unused = image.bits_allocated - image.bits_stored
    if not image.signed or not unused or (pixels.view(f"u{pixels.itemsize}") >> image.bits_stored).any():
        return pixels
    return pixels << unused >> unused
