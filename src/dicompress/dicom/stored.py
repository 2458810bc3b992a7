"""The stored values of any file whose pixels can be had here, compressed by us or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom.uid import JPEGBaseline8Bit

from ..codec.jpegxl import to_jpeg
from .decoders import decoded_pixels
from .image import image_of
from .items import pixel_element
from .part10 import Part10
from .pixels import HALVED, NativeForm, PixelLayout, whole_colours
from .recompress import jpeg_xl_frames
from .restore import decode_frames, frames_of
from .syntax import DICOMPRESS, JPEG, JPEG_XL_JPEG, NATIVE

FULL = "YBR_FULL"


def stored_pixels(part10: Part10, image: PixelLayout, threads: int = 0) -> np.ndarray:
    """`image.shape`. UnsupportedImageError for what no decoder takes; FileError or StreamError for what is damaged.

    image: the file's `layout`.
    """
    return _stored(part10, image, threads)[0]


def whole_pixels(part10: Part10, threads: int = 0) -> tuple[np.ndarray, PixelLayout]:
    """`stored_pixels`, but each pixel with a colour of its own, and their layout: YBR_FULL for YBR_FULL_422, and RGB where decoders make
    that.
    """
    image = image_of(part10)
    if image.interpretation == HALVED and part10.syntax in (*JPEG, JPEG_XL_JPEG):  # decoders give each pixel its colour
        image = replace(image, interpretation=FULL)
    pixels, interpretation = _stored(part10, image, threads)
    if interpretation == HALVED:
        pixels, interpretation = whole_colours(pixels), FULL
    return pixels, replace(image, interpretation=interpretation)


def _stored(part10: Part10, image: PixelLayout, threads: int) -> tuple[np.ndarray, str]:
    """`image.shape`, and the Photometric Interpretation of the values."""
    if part10.syntax == DICOMPRESS:
        return np.stack(list(decode_frames(frames_of(part10, image), image, threads))), image.interpretation
    if part10.syntax in NATIVE:
        value = part10.value
        return NativeForm.of(image, part10.syntax, part10.place.vr).values(value, image), image.interpretation
    if part10.syntax == JPEG_XL_JPEG:
        _, *items, _ = pixel_element([to_jpeg(frame) for frame in jpeg_xl_frames(part10)])
        return decoded_pixels(memoryview(b"".join(items)), part10.dataset, image, JPEGBaseline8Bit)
    return decoded_pixels(part10.value, part10.dataset, image, part10.syntax)
