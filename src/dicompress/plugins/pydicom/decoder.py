"""pydicom's decoders of the transfer syntaxes that dicompress writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO, TypeGuard

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.pixels import as_pixel_options
from pydicom.pixels.decoders import base

from ...codec import inspect
from ...codec.jpegxl import to_jpeg
from ...dicom import pixels as px
from ...dicom import restore
from ...dicom.decoders import jpeg_pixels, jpeg_xl_pixels
from ...dicom.record import remove_record
from ...dicom.syntax import DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from ...errors import StreamError
from .options import layout_of

Source = Dataset | bytes | bytearray | memoryview | BinaryIO
Facts = dict[str, str | int]  # what pydicom tells of the pixels beside them

DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {DICOMPRESS: (), JPEG_XL_JPEG: (), JPEG_XL_LOSSLESS: ()}  # pydicom wants to know


def is_available(uid: str) -> bool:
    return uid in DECODER_DEPENDENCIES


def decode_frame(stream: bytes, runner: base.DecodeRunner) -> bytearray:
    """pydicom's plug-in: a frame's stream -> little-endian pixels. StreamError unless it is what the elements say."""
    image = layout_of(runner.options)
    # As the first frame's interpretation tells, before it is changed.
    halved = inspect(stream).samples == 4
    if halved:
        image = replace(image, interpretation=px.HALVED)
    pixels = restore.decode_frame(stream, image)
    if halved:
        pixels = px.whole_colours(pixels)
        runner.set_option("photometric_interpretation", "YBR_FULL")
    return bytearray(px.NativeForm().value(pixels, image).data)


def decode_jpeg_frame(frame: bytes, runner: base.DecodeRunner) -> bytearray:
    """pydicom's plug-in for JPEG XL JPEG Recompression: the JPEG that a frame holds, decoded."""
    rows, columns, samples = (runner.get_option(name) for name in ("rows", "columns", "samples_per_pixel"))
    pixels = jpeg_pixels(to_jpeg(frame), rows, columns, samples)
    runner.set_option("planar_configuration", 0)
    if runner.get_option("photometric_interpretation") == px.HALVED:  # the decoder gave each pixel its colour
        runner.set_option("photometric_interpretation", "YBR_FULL")
    return bytearray(pixels.data)


def decode_jpeg_xl_frame(frame: bytes, runner: base.DecodeRunner) -> bytearray:
    """pydicom's plug-in for JPEG XL Lossless. UnsupportedImageError for a frame that is not what the elements say."""
    image = layout_of(runner.options)
    return bytearray(px.NativeForm().value(jpeg_xl_pixels(frame, image), image).data)


class Decoder(base.Decoder):
    """pydicom's decoder, which also checks that there is one item a frame and that the offset table is theirs."""

    def as_array(self, src: Source, **options: Any) -> tuple[np.ndarray, Facts]:
        return super().as_array(src, **_checked(src, options))

    def as_buffer(self, src: Source, **options: Any) -> tuple[bytes | bytearray | memoryview, Facts]:
        return super().as_buffer(src, **_checked(src, options))

    def iter_buffer(self, src: Source, **options: Any) -> Iterator[tuple[bytes | bytearray | memoryview, Facts]]:
        yield from super().iter_buffer(src, **_checked(src, options))

    def iter_array(self, src: Source, **options: Any) -> Iterator[tuple[np.ndarray, Facts]]:
        if _decompressing(src, options):
            options.setdefault("correct_unused_bits", False)
        yield from super().iter_array(src, **_checked(src, options))
        if _decompressing(src, options):
            remove_record(src)


class JPEGXLDecoder(base.Decoder):
    """pydicom's decoder; `decompress` removes the restore record."""

    def iter_array(self, src: Source, **options: Any) -> Iterator[tuple[np.ndarray, Facts]]:
        yield from super().iter_array(src, **options)
        if _decompressing(src, options):
            remove_record(src)


def _decompressing(src: Source, options: dict[str, Any]) -> TypeGuard[Dataset]:
    """By what pydicom.pixels.decompress passes, and pydicom.pixels.iter_pixels does not."""
    return isinstance(src, Dataset) and "as_rgb" in options and "validate" not in options


def _checked(src: Source, options: dict[str, Any]) -> dict[str, Any]:
    """`options`, once sizes and items are known to be sound. StreamError, LimitError, UnsupportedImageError if not."""
    if isinstance(src, Dataset):
        value, elements = src.get("PixelData"), as_pixel_options(src, **options)
    else:
        value, elements = src, options
    if value is not None:  # else pydicom says so
        _check_items(value, layout_of(elements).frames)
    return options | {"extended_offsets": None}  # so that pydicom goes by the items


def _check_items(value: bytes | bytearray | memoryview | BinaryIO, frames: int) -> None:
    """StreamError unless a value, or a file at its start, has an item a frame behind their offset table (or none)."""
    buffer = BytesIO(value) if isinstance(value, (bytes, bytearray, memoryview)) else value
    start = buffer.tell()
    try:
        offsets = parse_basic_offsets(buffer)
        first = buffer.tell()
        count, positions = parse_fragments(buffer)
    except Exception as error:  # pydicom raises several kinds
        raise StreamError(f"damaged encapsulated Pixel Data (7FE0,0010): {error}") from None
    finally:
        buffer.seek(start)
    if count != frames:
        raise StreamError(f"{count} frames in Pixel Data (7FE0,0010), {frames} are expected")
    if offsets and offsets != [position - first for position in positions]:
        raise StreamError("damaged encapsulated Pixel Data (7FE0,0010): the offset table does not point to the items")
