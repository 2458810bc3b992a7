"""An image in native form: the file's own bytes, or what its decoded frames make."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from ..errors import UnsupportedImageError
from .decoders import decoded_pixels
from .explicit import Elements
from .image import image_of
from .part10 import Part10
from .pixels import HALVED, NativeForm, PixelLayout, layout, pieces
from .record import BYTES, PIXELS
from .syntax import DEFLATED_FRAMES, ENCAPSULATED_UNCOMPRESSED, LOSSLESS, NATIVE, name
from .tags import PIXEL_NAMES
from .writing import native_parts

BY_FRAMES = (ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAMES)  # which hold native values, each frame's by themselves
LEVELS = (6, 9, 1, 2, 3, 4, 5, 7, 8)  # of deflate, likely ones first


@dataclass(frozen=True)
class Native:
    """A file as prefix + pixel values + suffix, and the image in it. A byte that single bits do not fill is the suffix's, too.

    pixels: `image.shape`. value: the bytes of them all, if they were in the file. guarantee: BYTES if that is the original file,
    PIXELS if it is what its frames were decoded to. syntax: of this form. deflate_level: with which the data set becomes the original's, else None.
    """

    pixels: np.ndarray
    image: PixelLayout
    form: NativeForm
    syntax: UID
    guarantee: int
    dataset: Dataset
    elements: Elements
    prefix: bytes
    suffix: bytes
    deflate_level: int | None = None
    value: memoryview | None = None

    def values(self) -> Iterator[np.ndarray]:
        """The bytes of each frame, uint8, or of all of single bits: those of the file, where they were in it."""
        if self.value is None:
            yield from pieces(self.form, self.pixels, self.image)
            return
        together = self.image.bits_allocated == 1
        size = self.image.whole_bytes if together else self.image.frame_bytes
        for number in range(1 if together else len(self.pixels)):
            yield np.frombuffer(self.value, np.uint8, size, number * size)


def native_of(part10: Part10, data: bytes) -> Native:
    """The native form of a parsed file, `data`. UnsupportedImageError for what is better passed on; FileError, LimitError."""
    if part10.pixels is None:
        raise UnsupportedImageError("no Pixel Data (7FE0,0010)")
    image = image_of(part10)
    if part10.syntax not in NATIVE and part10.syntax not in LOSSLESS:
        raise UnsupportedImageError(f"transfer syntax {name(part10.syntax)} is lossy, or not known to be lossless")
    if part10.pixels.encapsulated == (part10.syntax in NATIVE):
        kind = "undefined" if part10.pixels.encapsulated else "defined"
        raise UnsupportedImageError(f"{PIXEL_NAMES[part10.pixels.tag]} of {kind} length, which {name(part10.syntax)} does not allow")
    if part10.syntax in NATIVE:
        form = NativeForm.of(image, part10.syntax, part10.pixels.vr)
        pixels = form.values(part10.value, image)
        start = part10.pixels.start
        return Native(
            pixels, image, form, part10.syntax, BYTES, part10.dataset, part10.elements,
            part10.content[:start], part10.content[start + image.whole_bytes :],
            _deflate_level(part10, data) if part10.syntax == DeflatedExplicitVRLittleEndian else None,
            part10.value,
        )  # fmt: skip
    if image.bits_allocated == 1 and part10.syntax not in BY_FRAMES:
        raise UnsupportedImageError(f"Bits Allocated (0028,0100) 1 in {name(part10.syntax)}")
    if image.interpretation == HALVED and part10.syntax not in BY_FRAMES:
        raise UnsupportedImageError(f"Photometric Interpretation (0028,0004) {HALVED} in {name(part10.syntax)}")
    pixels, interpretation = decoded_pixels(part10.value, part10.dataset, image, part10.syntax)
    dataset = part10.dataset
    if interpretation != image.interpretation:
        dataset = changed(dataset, PhotometricInterpretation=interpretation)
        image = layout(dataset)
    return made_native(part10.preamble, part10.meta, dataset, pixels, image)


def made_native(preamble: bytes, meta: Dataset, dataset: Dataset, pixels: np.ndarray, image: PixelLayout) -> Native:
    """The native form, in Explicit VR Little Endian, of pixels and elements."""
    elements = Elements.of(dataset)
    parts = native_parts(preamble, meta, dataset, elements, image)
    return Native(pixels, image, NativeForm(), ExplicitVRLittleEndian, PIXELS, dataset, elements, *parts)


def changed(dataset: Dataset, **values: int | str) -> Dataset:
    """A copy of a data set with other values of some elements."""
    result = deepcopy(dataset)
    for keyword, value in values.items():
        setattr(result, keyword, value)
    return result


def deflate(content: bytes | bytearray, level: int) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()


def _deflate_level(part10: Part10, data: bytes) -> int:
    """The level at which this machine's zlib gives the original's deflated bytes."""
    deflated = data[part10.body : len(data) - len(part10.trailer)]
    for level in LEVELS:
        if deflate(part10.content[part10.body :], level) == deflated:
            return level
    raise UnsupportedImageError("the data set was deflated by another method, which cannot be repeated byte for byte")
