"""pydicom's decoders of the transfer syntaxes that dicompress writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO, TypeGuard

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, parse_basic_offsets, parse_fragments
from pydicom.pixels import as_pixel_options
from pydicom.pixels.decoders import base

from ...codec import HOLDING_ALL, decode, inspect, labels
from ...codec import layout as layout_of_stream
from ...codec.jpegxl import to_jpeg
from ...dicom import pixels as px
from ...dicom import restore
from ...dicom.decoders import jpeg_pixels, jpeg_xl_pixels
from ...dicom.items import pixel_element
from ...dicom.record import remove_record
from ...dicom.syntax import DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from ...errors import DicompressError, StreamError, UnsupportedImageError
from .options import layout_of

Source = Dataset | bytes | bytearray | memoryview | BinaryIO
KEYWORD, FLOATS = "pixel_keyword", {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}
TOGETHER = "dicompress_together"  # name of an option: what all frames are decoded from
Facts = dict[str, str | int]  # what pydicom tells of the pixels beside them

DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {DICOMPRESS: (), JPEG_XL_JPEG: (), JPEG_XL_LOSSLESS: ()}  # pydicom wants to know


def is_available(uid: str) -> bool:
    return uid in DECODER_DEPENDENCIES


def decode_frame(stream: bytes, runner: base.DecodeRunner) -> bytearray:
    """pydicom's plug-in: a frame's stream -> little-endian pixels, single bits as bytes. StreamError unless it is what the elements say."""
    image = layout_of(runner.options)
    together = runner.options.get(TOGETHER)
    if isinstance(together, Together):
        return _value(together.frame(int.from_bytes(stream, "little"), image.one_frame), image)
    # As the first frame's interpretation tells, before it is changed.
    halved = inspect(stream).samples == 4
    if halved:
        image = replace(image, interpretation=px.HALVED)
    pixels = restore.decode_frame(stream, image)
    if halved:
        pixels = px.whole_colours(pixels)
        runner.set_option("photometric_interpretation", "YBR_FULL")
    return _value(pixels, image)


def _value(pixels: np.ndarray, image: px.PixelLayout) -> bytearray:
    return bytearray(px.little_endian(pixels).data if image.bits_allocated == 1 else px.NativeForm().value(pixels, image).data)


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


class Together:
    """The stream that holds all frames; the run of the last one that was asked for is kept."""

    def __init__(self, stream: bytes, frames: int):
        self.stream, self.frames = stream, frames
        self._first, self._run = 0, np.empty(0)

    def frame(self, number: int, image: px.PixelLayout) -> np.ndarray:
        """`image.frame_shape`, as the elements of one frame say. StreamError if it is not what they say."""
        if not self._first <= number < self._first + len(self._run):
            restore.check_together(self.stream, replace(image, frames=self.frames))
            if self.stream.startswith(labels.MARK):
                self._first, self._run = labels.decode_around(self.stream, number)
            else:
                self._first, self._run = number, decode(self.stream, frame=number)[None]
        found: np.ndarray = self._run[number - self._first]
        return found


class Decoder(base.Decoder):
    """pydicom's decoder, which also checks that there is one item a frame, or one for all, and that the offset table is theirs."""

    def as_array(self, src: Source, **options: Any) -> tuple[np.ndarray, Facts]:
        source, options = _checked(src, options)
        return super().as_array(source, **options)

    def as_buffer(self, src: Source, **options: Any) -> tuple[bytes | bytearray | memoryview, Facts]:
        source, options = _checked(src, options)
        return super().as_buffer(source, **options)

    def iter_buffer(self, src: Source, **options: Any) -> Iterator[tuple[bytes | bytearray | memoryview, Facts]]:
        source, options = _checked(src, options)
        yield from super().iter_buffer(source, **options)

    def iter_array(self, src: Source, **options: Any) -> Iterator[tuple[np.ndarray, Facts]]:
        decompressing = _decompressing(src, options)
        if decompressing:
            options.setdefault("correct_unused_bits", False)
        source, options = _checked(src, options)
        if decompressing and KEYWORD in options:
            raise UnsupportedImageError("pydicom would make integers of floats: dicompress.decompress_dataset gives them back")
        found = super().iter_array(source, **options)
        if decompressing and isinstance(src, Dataset):
            yield from _packed(found) if src.BitsAllocated == 1 else found
            remove_record(src)
        else:
            yield from found


def _packed(found: Iterator[tuple[np.ndarray, Facts]]) -> Iterator[tuple[np.ndarray, Facts]]:
    """Single bits, whose frames follow each other bit by bit: of each frame the bytes that it fills, of the last one what is left, too.

    pydicom puts them together, as many as there are frames.
    """
    left, before = np.empty(0, np.uint8), None
    for frame, facts in found:
        if before is not None:
            yield before
        bits = np.concatenate([left, frame.reshape(-1)])
        whole = bits.size // 8 * 8
        before, left = (np.packbits(bits[:whole], bitorder="little"), facts), bits[whole:]
    if before is not None:
        yield np.concatenate([before[0], np.packbits(left, bitorder="little")]), before[1]


class JPEGXLDecoder(base.Decoder):
    """pydicom's decoder; `decompress` removes the restore record."""

    def iter_array(self, src: Source, **options: Any) -> Iterator[tuple[np.ndarray, Facts]]:
        yield from super().iter_array(src, **options)
        if _decompressing(src, options):
            remove_record(src)


def _decompressing(src: Source, options: dict[str, Any]) -> TypeGuard[Dataset]:
    """By what pydicom.pixels.decompress passes, and pydicom.pixels.iter_pixels does not."""
    return isinstance(src, Dataset) and "as_rgb" in options and "validate" not in options


def _checked(src: Source, options: dict[str, Any]) -> tuple[Source, dict[str, Any]]:
    """Source and options, once sizes and items are known to be sound. StreamError, LimitError, UnsupportedImageError if not.

    Of a stream that holds all frames, their numbers as items, and the stream among the options.
    """
    elements: Any = options
    value: Any = src
    if isinstance(src, Dataset):
        value, elements = src.get("PixelData"), as_pixel_options(src, **options)
    if value is None:  # pydicom says so
        return src, options
    options |= {"extended_offsets": None}  # so that pydicom goes by the items
    stream, count = _items(value)
    named = {**elements, **options, "pixel_vr": "OB"}
    keyword = _keyword(stream)
    if keyword:
        named[KEYWORD] = keyword
    frames = layout_of(named if keyword else elements).frames
    if count == frames:
        return (value, named) if keyword else (src, options)
    if count != 1 or not stream.startswith(HOLDING_ALL):
        raise StreamError(f"{count} frames in Pixel Data (7FE0,0010), {frames} are expected")
    _, *items, _ = pixel_element([n.to_bytes(8, "little") for n in range(frames)])
    return b"".join(items), {**named, TOGETHER: Together(stream, frames)}


def _keyword(stream: bytes) -> str | None:
    """Of the element that holds values like those of a stream, if they are floats."""
    try:
        dtype = layout_of_stream(stream)[1]
    except DicompressError:  # which decoding tells
        return None
    return FLOATS.get(dtype.name)


def _items(value: bytes | bytearray | memoryview | BinaryIO) -> tuple[bytes, int]:
    """The first item behind the offset table (or none) of a value, or a file at its start, and how many there are. StreamError."""
    buffer = BytesIO(value) if isinstance(value, (bytes, bytearray, memoryview)) else value
    start = buffer.tell()
    try:
        offsets = parse_basic_offsets(buffer)
        first = buffer.tell()
        count, positions = parse_fragments(buffer)
        buffer.seek(first)
        stream = next(generate_fragments(buffer), b"")
    except Exception as error:  # pydicom raises several kinds
        raise StreamError(f"damaged encapsulated Pixel Data (7FE0,0010): {error}") from None
    finally:
        buffer.seek(start)
    if offsets and offsets != [position - first for position in positions]:
        raise StreamError("damaged encapsulated Pixel Data (7FE0,0010): the offset table does not point to the items")
    return stream, count
