"""Frames of encapsulated transfer syntaxes to pixels: by imagecodecs, by pydicom's plug-ins where it does not take them.

The plug-ins' libraries (pylibjpeg, gdcm) are the extra [decoders]; few files need it, such as JPEG Lossless in YBR_FULL.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.utils import get_j2k_parameters
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from ..codec.jpegxl import check_frame_size
from ..codec.jpegxl import decode as decode_jpeg_xl
from ..errors import FileError, UnsupportedImageError
from ..limits import inflate
from .items import source_frames
from .pixels import DECODED_TO_RGB, GREY, NativeForm, PixelLayout, decoded
from .syntax import DEFLATED_FRAMES, ENCAPSULATED_UNCOMPRESSED, JPEG_LOSSLESS, JPEG_XL_LOSSLESS, name

FrameDecoder = Callable[[bytes, PixelLayout], np.ndarray]
EXTRA = "pip install 'dicompress[decoders]' brings other decoders"
CODE_STREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000 begins so


def decoded_pixels(value: memoryview, elements: Dataset, image: PixelLayout, syntax: UID) -> tuple[np.ndarray, str]:
    """`image.shape` of an encapsulated Pixel Data, and the Photometric Interpretation of what was decoded.

    elements: with the offset tables, if there are any. UnsupportedImageError for what no decoder takes.
    """
    tables = offset_tables(elements)
    own = FRAME_DECODERS.get(syntax)
    if own:
        return decoded([own(frame, image) for frame in source_frames(value, image.frames, tables)], image), image.interpretation
    decode, told = LIBRARY_DECODERS.get(syntax), ""
    if decode:
        try:
            frames = [decode(frame, image) for frame in source_frames(value, image.frames, tables)]
            interpretation = "RGB" if image.interpretation in DECODED_TO_RGB else image.interpretation
            return decoded(frames, image), interpretation
        except MemoryError:
            raise
        except Exception as error:  # imagecodecs has several kinds; the plug-ins may take what it does not
            told = str(error)
    if not get_decoder(syntax).is_available:
        raise UnsupportedImageError(f"{name(syntax)} cannot be decoded here{told and f' ({told})'}: {EXTRA}")
    return _by_pydicom(value, tables, image, syntax)


def offset_tables(elements: Dataset) -> tuple[bytes, bytes] | None:
    """The extended ones; pydicom fails on empty ones."""
    offsets, lengths = (elements.get(f"ExtendedOffsetTable{k}") for k in ("", "Lengths"))
    return (offsets, lengths) if offsets and lengths else None


def by_plugin(value: memoryview, image: PixelLayout, syntax: UID, plugin: str) -> np.ndarray:
    """`image.shape` by one of pydicom's plug-ins, which is available. UnsupportedImageError for what it does not take."""
    return _by_pydicom(value, None, image, syntax, plugin)[0]


def _by_pydicom(
    value: memoryview, tables: tuple[bytes, bytes] | None, image: PixelLayout, syntax: UID, plugin: str = ""
) -> tuple[np.ndarray, str]:
    options: dict[str, Any] = {
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
    if tables:
        options["extended_offsets"] = tables
    try:
        pixels, facts = get_decoder(syntax).as_array(bytes(value), raw=True, decoding_plugin=plugin, **options)
    except MemoryError:
        raise
    except Exception as error:  # plug-ins raise many kinds
        told = "; ".join(line.strip(" \t:") for line in str(error).splitlines()) or type(error).__name__
        if isinstance(error, StopIteration):
            told = f"its items do not make up {image.frames} frames"
        raise UnsupportedImageError(f"pydicom cannot decode {name(syntax)}: {told}") from None
    if pixels.size != math.prod(image.shape) or pixels.itemsize != image.dtype.itemsize:
        raise FileError(f"the {name(syntax)} pixels have shape {pixels.shape}, not {image.shape}")
    return decoded(list(pixels.reshape(image.shape)), image), str(facts["photometric_interpretation"])


def _native_frame(frame: bytes, image: PixelLayout) -> np.ndarray:
    (pixels,) = NativeForm().values(frame, image.one_frame)
    return np.asarray(pixels)


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
    return _fitting(decode_jpeg_xl(frame), image)


def _jpeg_lossless(frame: bytes, image: PixelLayout) -> np.ndarray:
    """By all decoders of imagecodecs that take the frame, which must agree: a wrong predictor would go unnoticed."""
    import imagecodecs

    _check_interpretation(image)
    found, errors = [], []
    for decode in (imagecodecs.jpegsof3_decode, imagecodecs.ljpeg_decode, imagecodecs.jpeg8_decode):
        try:
            found.append(_fitting(decode(frame), image))
        except Exception as error:
            errors.append(error)
    if not found:
        raise errors[0]
    if not all(np.array_equal(found[0], other) for other in found[1:]):
        raise UnsupportedImageError("decoders do not agree on a frame's pixels")
    return found[0]


def _jpeg_ls(frame: bytes, image: PixelLayout) -> np.ndarray:
    import imagecodecs

    return _fitting(imagecodecs.jpegls_decode(frame), image)


def _jpeg_2000(frame: bytes, image: PixelLayout) -> np.ndarray:
    """HTJ2K, too, by OpenJPEG, which is what pydicom's plug-in for it has inside."""
    import imagecodecs

    _check_interpretation(image, *DECODED_TO_RGB)
    pixels = imagecodecs.jpeg2k_decode(frame[max(0, frame.find(CODE_STREAM)) :])  # a JP2 file may ask for other colours
    if image.signed and pixels.dtype.kind == "u" and get_j2k_parameters(frame).get("precision") != image.bits_stored:
        raise UnsupportedImageError("unsigned values of another precision than the elements' signed ones")
    return _fitting(pixels, image)


def jpeg_pixels(frame: bytes, rows: int, columns: int, samples: int) -> np.ndarray:
    """(rows, columns[, samples]) uint8 of a JPEG, its colours as they are coded. UnsupportedImageError for other depths."""
    import imagecodecs

    try:
        as_coded = "RGB" if samples > 1 else None  # equal: none is converted
        pixels = imagecodecs.jpeg8_decode(frame, colorspace=as_coded, outcolorspace=as_coded)
    except MemoryError:
        raise
    except Exception as error:
        raise UnsupportedImageError(f"a JPEG frame cannot be decoded: {error}") from None
    shape = rows, columns, *((samples,) if samples > 1 else ())
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise UnsupportedImageError(f"a JPEG frame is {pixels.dtype} {pixels.shape}, the elements say uint8 {shape}")
    return pixels


def _jpeg(frame: bytes, image: PixelLayout) -> np.ndarray:
    return _fitting(jpeg_pixels(frame, image.rows, image.columns, image.samples), image)


def _check_interpretation(image: PixelLayout, *more: str) -> None:
    """UnsupportedImageError for colours that a decoder may take for others than they are."""
    if image.interpretation not in (*GREY, "RGB", "PALETTE COLOR", *more):
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {image.interpretation}")


def _fitting(pixels: np.ndarray, image: PixelLayout) -> np.ndarray:
    """`image.frame_shape`. UnsupportedImageError for another shape, or values that do not fit."""
    fits = pixels.dtype.kind == "u" or (pixels.dtype.kind == "i" and image.signed)
    if pixels.shape != image.frame_shape or not fits or pixels.itemsize > image.dtype.itemsize:
        raise UnsupportedImageError(f"a frame is {pixels.dtype} {pixels.shape}, the elements say {image.dtype} {image.frame_shape}")
    return pixels.astype(f"{pixels.dtype.kind}{image.dtype.itemsize}").view(image.dtype)


FRAME_DECODERS: dict[UID, FrameDecoder] = {
    ENCAPSULATED_UNCOMPRESSED: _native_frame,
    DEFLATED_FRAMES: _deflated_frame,
    JPEG_XL_LOSSLESS: jpeg_xl_pixels,
}
LIBRARY_DECODERS: dict[UID, FrameDecoder] = {
    **dict.fromkeys(JPEG_LOSSLESS, _jpeg_lossless),
    **dict.fromkeys((JPEGLSLossless, JPEGLSNearLossless), _jpeg_ls),
    **dict.fromkeys((JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), _jpeg_2000),
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit), _jpeg),  # of 12 bits by the plug-ins
}
