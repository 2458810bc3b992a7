"""Stored pixel values of a data set as integers, exactly as they lie in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian

from ..errors import FileError, UnsupportedImageError
from ..limits import check_size
from .syntax import LOSSLESS, NATIVE

GREY = ("MONOCHROME1", "MONOCHROME2")
SAMPLES = {**dict.fromkeys(GREY, 1), "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3}  # of a pixel, by Photometric Interpretation
UNDEFINED_LENGTH = 0xFFFFFFFF
DECODED_TO_RGB = ("YBR_RCT", "YBR_ICT")  # transforms of JPEG 2000 that its decoders undo


@dataclass(frozen=True)
class PixelLayout:
    """The Image Pixel attributes that decide how bytes become values (PS3.3 C.7.6.3).

    planar: whether a frame holds all first samples, then all second ones, in native form.
    """

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    samples: int
    planar: bool
    interpretation: str

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns), and samples if they are several."""
        return self.frames, self.rows, self.columns, *((self.samples,) if self.samples > 1 else ())

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * (self.bits_allocated // 8)


def layout(dataset: Dataset) -> PixelLayout:
    """UnsupportedImageError, with the tag, for pixels that this version passes on; LimitError for impossible sizes."""
    if "PixelData" not in dataset:
        kinds = ("FloatPixelData", "DoubleFloatPixelData")
        kind = next((k for k in kinds if k in dataset), None)
        raise UnsupportedImageError("float pixel data" if kind else "no Pixel Data (7FE0,0010)")
    try:
        bits = int(dataset.BitsAllocated)
        result = PixelLayout(
            rows=int(dataset.Rows),
            columns=int(dataset.Columns),
            frames=int(dataset.get("NumberOfFrames") or 1),
            bits_allocated=bits,
            bits_stored=int(dataset.get("BitsStored") or bits),
            signed=bool(int(dataset.get("PixelRepresentation") or 0)),
            samples=int(dataset.get("SamplesPerPixel", 1)),
            planar=bool(int(dataset.get("PlanarConfiguration") or 0)),
            interpretation=str(dataset.get("PhotometricInterpretation", "")),
        )
    except Exception as error:  # pydicom raises many kinds when it converts a damaged element
        raise UnsupportedImageError(f"the Image Pixel attributes are incomplete: {error}".splitlines()[0]) from None
    expected = 3 if result.interpretation in DECODED_TO_RGB else SAMPLES.get(result.interpretation)
    if result.samples != expected:
        kind = f"{result.interpretation or 'missing'} with {result.samples} samples a pixel"
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {kind}")
    if bits not in (8, 16):
        raise UnsupportedImageError(f"Bits Allocated (0028,0100) {bits}")
    if not 1 <= result.bits_stored <= bits:
        raise UnsupportedImageError(f"Bits Stored (0028,0101) {result.bits_stored} of {bits} allocated")
    if min(result.shape) < 1:
        raise UnsupportedImageError(f"an image of {result.frames} x {result.rows} x {result.columns} pixels")
    check_size(result.frames, result.rows, result.columns, result.samples, bits // 8)
    return result


def grey_layout(dataset: Dataset) -> PixelLayout:
    """`layout`, but UnsupportedImageError for colour as well."""
    result = layout(dataset)
    if result.interpretation not in GREY:
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {result.interpretation}")
    return result


def check_syntax(dataset: Dataset, syntax: UID) -> None:
    """UnsupportedImageError unless pixels of this transfer syntax have one exact meaning, and are stored as it says."""
    if syntax not in NATIVE and syntax not in LOSSLESS:
        raise UnsupportedImageError(f"transfer syntax {syntax.name} is lossy, or not known to be lossless")
    element = dataset.get_item("PixelData", keep_deferred=True)
    if isinstance(element, RawDataElement) and (element.length == UNDEFINED_LENGTH) == (syntax in NATIVE):
        kind = "undefined" if syntax in NATIVE else "defined"
        raise UnsupportedImageError(f"Pixel Data (7FE0,0010) of {kind} length, which {syntax.name} does not allow")


def native_pixels(value: bytes, image: PixelLayout, syntax: UID, vr: str) -> np.ndarray:
    """`image.shape` from a native Pixel Data value; bytes behind the last pixel are left alone."""
    if len(value) < image.nbytes:
        raise FileError(f"Pixel Data (7FE0,0010) holds {len(value)} bytes, {image.nbytes} are expected: cut short?")
    if image.interpretation in DECODED_TO_RGB:
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {image.interpretation} of native pixels")
    big = syntax == ExplicitVRBigEndian
    if big and image.bits_allocated == 8 and vr == "OW":
        raise UnsupportedImageError("8-bit pixels in big-endian words")
    stored = image.dtype.newbyteorder(">" if big else "<")
    pixels = np.frombuffer(value, stored, image.nbytes // stored.itemsize)
    if image.samples > 1 and image.planar:
        pixels = np.moveaxis(pixels.reshape(image.frames, image.samples, image.rows, image.columns), 1, -1)
    return pixels.reshape(image.shape).astype(image.dtype)


def native_value(pixels: np.ndarray, planar: bool, syntax: UID) -> bytes:
    """Inverse of `native_pixels`, without padding."""
    if planar and pixels.ndim == 4:
        pixels = np.moveaxis(pixels, -1, 1)
    return pixels.astype(pixels.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<"), copy=False).tobytes()


def decoded_pixels(dataset: Dataset, image: PixelLayout, syntax: UID) -> tuple[np.ndarray, str]:
    """`image.shape` of an encapsulated Pixel Data, by pydicom's decoders, and their Photometric Interpretation."""
    from pydicom.pixels import get_decoder

    options: dict = {"raw": True, "correct_unused_bits": False}
    if not dataset.get("ExtendedOffsetTable"):  # pydicom fails on an empty one
        options["extended_offsets"] = None
    try:
        pixels, facts = get_decoder(syntax).as_array(dataset, **options)
    except MemoryError:
        raise
    except Exception as error:  # plug-ins raise many kinds; one without its library says which to install
        told = "; ".join(line.strip(" \t:") for line in str(error).splitlines()) or type(error).__name__
        if isinstance(error, StopIteration):
            told = f"its items do not make up {image.frames} frames"
        raise UnsupportedImageError(f"pydicom cannot decode {syntax.name}: {told}") from None
    if pixels.size * pixels.itemsize != image.nbytes:
        raise FileError(f"the {syntax.name} pixels have shape {pixels.shape}, not {image.shape}")
    return _signed(pixels.reshape(image.shape).astype(image.dtype), image), str(facts["photometric_interpretation"])


def _signed(pixels: np.ndarray, image: PixelLayout) -> np.ndarray:
    """With the sign of words that have none above Bits Stored, as JPEG decoders give them.

    Where the bits there say anything else they stay as they are: they may be overlays.
    """
    unused = image.bits_allocated - image.bits_stored
    if not image.signed or (pixels.view(f"u{pixels.itemsize}") >> image.bits_stored).any():
        return pixels
    return pixels << unused >> unused
