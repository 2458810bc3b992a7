"""The stored values of any file whose pixels can be had here, compressed by us or not."""

from __future__ import annotations

import numpy as np
from pydicom.uid import JPEGBaseline8Bit

from .decoders import decoded_pixels
from .items import pixel_element
from ..codec.jpegxl import to_jpeg
from .part10 import Part10
from .pixels import NativeForm, PixelLayout
from .recompress import jpeg_xl_frames
from .restore import decode_frames, frames_of
from .syntax import DICOMPRESS, JPEG_XL_JPEG, NATIVE


def stored_pixels(part10: Part10, image: PixelLayout, threads: int = 0) -> np.ndarray:
    """`image.shape`. UnsupportedImageError for what no decoder takes; FileError or StreamError for what is damaged.

    image: the file's `layout`.
    """
    if part10.syntax == DICOMPRESS:
        return np.stack(list(decode_frames(frames_of(part10, image), image, threads)))
    if part10.syntax in NATIVE:
        value = part10.value
        return NativeForm.of(image, part10.syntax, part10.pixels.vr).values(value, image)
    if part10.syntax == JPEG_XL_JPEG:
        _, *items, _ = pixel_element([to_jpeg(frame) for frame in jpeg_xl_frames(part10)])
        return decoded_pixels(memoryview(b"".join(items)), part10.dataset, image, JPEGBaseline8Bit)[0]
    return decoded_pixels(part10.value, part10.dataset, image, part10.syntax)[0]
