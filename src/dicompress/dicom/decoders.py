"""Frames of the lossless transfer syntaxes to pixels: by pydicom's plug-ins, by imagecodecs where it has none or they fail."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from ..errors import FileError, UnsupportedImageError
from ..limits import inflate
from .items import source_frames
from .jpegxl import check_frame_size
from .pixels import GREY, NativeForm, PixelLayout, decoded
from .syntax import DEFLATED_FRAMES, ENCAPSULATED_UNCOMPRESSED, JPEG_LOSSLESS, JPEG_XL_LOSSLESS, name

FrameDecoder = Callable[[bytes, PixelLayout], np.ndarray]


def decoded_pixels(
    value: memoryview, elements: Dataset, image: PixelLayout, syntax: UID
) -> tuple[np.ndarray, str]:
    """`image.shape` of an encapsulated Pixel Data, and the Photometric Interpretation of what was decoded.

    elements: with the offset tables, if there are any. UnsupportedImageError for what no decoder takes.
    """
    own = FRAME_DECODERS.get(syntax)
    if own:
        return decoded([own(frame, image) for frame in source_frames(value, image.frames)], image), image.interpretation
    try:
        return _by_pydicom(value, elements, image, syntax)
    except UnsupportedImageError:
        if syntax not in JPEG_LOSSLESS or image.interpretation not in (*GREY, "RGB", "PALETTE COLOR"):
            raise
        try:
            frames = [_jpeg_lossless(frame, image) for frame in source_frames(value, image.frames)]
        except Exception:  # imagecodecs has several; what pydicom said tells more
            frames = []
        if not frames:
            raise
        return decoded(frames, image), image.interpretation


def _by_pydicom(value: memoryview, elements: Dataset, image: PixelLayout, syntax: UID) -> tuple[np.ndarray, str]:
    options = {
        "rows": image.rows,
        "columns": image.columns,
        "number_of_frames": image.frames,
        "samples_per_pixel": image.samples,
        "planar_configuration": int(image.planar),
        "photometric_interpretation": image.interpretation,
        "bits_allocated": image.bits_allocated,
        "bits_stored": image.bits_stored,
        "pixel_representation": int(image.signed),
        "pixel_keyword": "PixelData",
        "correct_unused_bits": False,
    }
    tables = [elements.get(f"ExtendedOffsetTable{k}") for k in ("", "Lengths")]
    if all(tables):  # pydicom fails on empty ones
        options["extended_offsets"] = tuple(tables)
    try:
        pixels, facts = get_decoder(syntax).as_array(bytes(value), raw=True, **options)
    except MemoryError:
        raise
    except Exception as error:  # plug-ins raise many kinds; one without its library says which to install
        told = "; ".join(line.strip(" \t:") for line in str(error).splitlines()) or type(error).__name__
        if isinstance(error, StopIteration):
            told = f"its items do not make up {image.frames} frames"
        raise UnsupportedImageError(f"pydicom cannot decode {name(syntax)}: {told}") from None
    if pixels.size * pixels.itemsize != image.nbytes:
        raise FileError(f"the {name(syntax)} pixels have shape {pixels.shape}, not {image.shape}")
    return decoded(list(pixels.reshape(image.shape)), image), str(facts["photometric_interpretation"])


def _native_frame(frame: bytes, image: PixelLayout) -> np.ndarray:
    return NativeForm().values(frame, image.one_frame)[0]


def _deflated_frame(frame: bytes, image: PixelLayout) -> np.ndarray:
    try:
        return _native_frame(inflate(zlib.decompressobj(-zlib.MAX_WBITS), frame), image)
    except zlib.error as error:
        raise UnsupportedImageError(f"a deflated frame is damaged: {error}") from None


def jpeg_xl_pixels(frame: bytes, image: PixelLayout) -> np.ndarray:
    """`image.frame_shape` of a frame in JPEG XL Lossless. UnsupportedImageError if it is not what the elements say."""
    if image.interpretation not in (*GREY, "RGB", "PALETTE COLOR"):
        raise UnsupportedImageError(f"JPEG XL frames with Photometric Interpretation (0028,0004) {image.interpretation}")
    check_frame_size(frame, image.rows, image.columns)
    try:
        return _fitting(imagecodecs.jpegxl_decode(frame), image)
    except UnsupportedImageError:
        raise
    except Exception as error:  # imagecodecs' own, ValueError, MemoryError
        raise UnsupportedImageError(f"a JPEG XL frame cannot be decoded: {error}") from None


def _jpeg_lossless(frame: bytes, image: PixelLayout) -> np.ndarray:
    """By the first of imagecodecs' decoders that takes the frame."""
    errors = []
    for decode in (imagecodecs.jpegsof3_decode, imagecodecs.ljpeg_decode, imagecodecs.jpeg8_decode):
        try:
            return _fitting(decode(frame), image)
        except Exception as error:
            errors.append(error)
    raise errors[0]


def _fitting(pixels: np.ndarray, image: PixelLayout) -> np.ndarray:
    """`image.frame_shape`. UnsupportedImageError for another shape, or values that do not fit."""
    if pixels.shape != image.frame_shape or pixels.dtype.kind != "u" or pixels.itemsize > image.dtype.itemsize:
        raise UnsupportedImageError(f"a frame is {pixels.dtype} {pixels.shape}, the elements say {image.dtype} {image.frame_shape}")
    return pixels.astype(f"u{image.dtype.itemsize}").view(image.dtype)


FRAME_DECODERS: dict[UID, FrameDecoder] = {
    ENCAPSULATED_UNCOMPRESSED: _native_frame,
    DEFLATED_FRAMES: _deflated_frame,
    JPEG_XL_LOSSLESS: jpeg_xl_pixels,
}
