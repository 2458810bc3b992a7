"""pydicom's encoder of our transfer syntax. Frames are coded one by one, as in files that the command line writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels.encoders import base
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from ... import codec
from ...dicom.dataset import native_in_memory
from ...dicom.pixels import HALVED, NativeForm, PixelLayout
from ...dicom.syntax import DICOMPRESS
from ...errors import UnsupportedImageError
from .options import OPTIONS, layout_of

ENCODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {DICOMPRESS: ()}  # pydicom wants to know
SETTINGS = ("model", "threads")  # of `codec.encode`
IGNORED = ("byteorder", "extended_offsets", "pixel_keyword", "transfer_syntax_uid")  # pydicom's own, which change nothing


def is_available(uid: str) -> bool:
    return uid in ENCODER_DEPENDENCIES


def encode_frame(frame: bytes | np.ndarray, runner: base.EncodeRunner) -> bytes:
    """pydicom's plug-in: little-endian pixels -> a frame's stream, decoded and compared before it is returned."""
    image = layout_of(runner.options).one_frame
    settings = {name: runner.get_option(name) for name in SETTINGS if name in runner.options}
    if image.bits_allocated == 1:
        settings.pop("model", None)  # no model codes bits
    (pixels,) = NativeForm.of(image, ExplicitVRLittleEndian, "").values(frame, image)
    return codec.encode(pixels, bits_stored=image.bits_stored, colour=pixels.ndim > 2, **settings)


class Encoder(base.Encoder):
    """pydicom's encoder, for values as they are stored: pydicom's own runner cuts them to Bits Stored, takes big-endian
    ones for little-endian and knows no native YBR_FULL_422.
    """

    def encode(
        self,
        src: bytes | np.ndarray | Dataset,
        *,
        index: int | None = None,
        validate: bool = True,
        encoding_plugin: str = "",
        **options: Any,
    ) -> bytes:
        if index is not None and index < 0:
            raise ValueError("'index' must be greater than or equal to 0")
        frames, runner = self._source(src, validate, encoding_plugin, options)
        if index is None and len(frames) > 1:
            raise ValueError("the 'index' of the frame to be encoded is required for multi-frame pixel data")
        if index is not None and index >= len(frames):
            raise ValueError(f"there is no frame {index}: 'index' is at most {len(frames) - 1}")
        return encode_frame(frames[index or 0], runner)

    def iter_encode(
        self, src: bytes | np.ndarray | Dataset, *, validate: bool = True, encoding_plugin: str = "", **options: Any
    ) -> Iterator[bytes]:
        frames, runner = self._source(src, validate, encoding_plugin, options)
        for frame in frames:
            yield encode_frame(frame, runner)

    def _source(
        self, src: bytes | np.ndarray | Dataset, validate: bool, plugin: str, options: dict[str, Any]
    ) -> tuple[list[np.ndarray], base.EncodeRunner]:
        """Each frame's little-endian bytes, and a runner that knows what they are. ValueError, UnsupportedImageError, FileError."""
        if plugin and plugin not in self.available_plugins:
            raise ValueError(f"no plug-in {plugin!r}; there is {', '.join(self.available_plugins)}")
        unknown = sorted(options.keys() - {*OPTIONS, *SETTINGS, *IGNORED})
        if unknown:
            told = "an error can be allowed by dicompress.compress_dataset"
            raise ValueError(f"no option {', '.join(unknown)}; there is {' and '.join(SETTINGS)}; {told}")
        runner = base.EncodeRunner(self.UID)
        if isinstance(src, Dataset):
            own = sorted(OPTIONS.keys() & options)
            if own:
                raise ValueError(f"the data set says {', '.join(own)}: change its elements instead")
            native = native_in_memory(src)
            image, pixels = native.image, native.pixels
            if image.floating:
                raise UnsupportedImageError(
                    "float pixel data, which pydicom would leave in its place: dicompress.compress_dataset takes it"
                )
            options |= {name: getattr(src, keyword) for name, keyword in OPTIONS.items() if keyword in src}
        else:
            image = layout_of(options)
            if isinstance(src, np.ndarray):
                pixels = _values(src, image)
            else:
                syntax = ExplicitVRBigEndian if options.get("byteorder") == ">" else ExplicitVRLittleEndian
                pixels = NativeForm.of(image, syntax, "").values(src, image)
        runner.set_options(**options)
        if validate and isinstance(src, np.ndarray):
            runner.set_source(src)
            runner.validate()
        return [NativeForm().value(frame, image) for frame in pixels], runner


def _values(array: np.ndarray, image: PixelLayout) -> np.ndarray:
    """`image.shape` of an array that pydicom's `pixel_array` may have given. UnsupportedImageError if it is of another image."""
    if image.interpretation == HALVED:
        raise UnsupportedImageError(
            f"an array has a colour for each pixel, in {HALVED} two share it: let Photometric Interpretation (0028,0004) be YBR_FULL"
        )
    pixels = array.astype(image.dtype, copy=False)  # int32 may hold 12 bits
    if array.shape not in (image.shape, image.shape[image.frames == 1 :]) or not np.array_equal(pixels, array):
        raise UnsupportedImageError(f"an array of {array.dtype} {array.shape}, the elements say {image.dtype} {image.shape}")
    return pixels.reshape(image.shape)
