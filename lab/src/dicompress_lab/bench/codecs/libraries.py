"""Codecs of libraries: general compressors, image formats and tomoz. All at full depth, on one thread."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module

import numpy as np

from ..codec import Codec, Decode, Encode
from .packages import installed, why_missing

ZSTD_LEVEL = 19  # the strongest that needs no more memory to decode
WEBP_LIMIT = 16383  # pixels a side
GRAPHICS = ("zstd", "png", "jpeg2k", "jpegls", "jpegxl")  # take colour as it is
Shape = tuple[int, ...]


def codecs() -> list[Codec]:
    return [
        Codec("deflate", deflate, inflate, f"zlib {zlib.ZLIB_RUNTIME_VERSION}, level 9", graphics=(deflate, inflate)),
        _imagecodecs("zstd", "zstd", f"zstd, level {ZSTD_LEVEL}", zstd_encode, zstd_decode, slow=True),
        Codec("RLE", rle_encode, rle_decode, f"RLE Lossless of DICOM ({installed('pydicom')})"),
        _imagecodecs("PNG", "png", "libpng, level 9", _encoder("png", level=9), _decoder("png")),
        _imagecodecs(
            *("WebP", "webp", "libwebp, lossless, quality 100, method 5", webp_encode, webp_decode),
            slow=True,
            note="8 bits a sample: of 16-bit images the high and the low bytes are two images",
        ),
        _imagecodecs(
            *("JPEG 2000", "jpeg2k", "OpenJPEG, reversible"),
            _encoder("jpeg2k", level=0, reversible=True, codecformat="j2k", numthreads=1),
            _decoder("jpeg2k", numthreads=1),
        ),
        _imagecodecs("HTJ2K", "htj2k", "OpenJPH, reversible", _encoder("htj2k", reversible=True), _decoder("htj2k")),
        _imagecodecs("JPEG-LS", "jpegls", "CharLS", _encoder("jpegls"), _decoder("jpegls")),
        *(jpeg_xl(effort) for effort in (3, 7, 9)),
        Codec("tomoz", tomoz_encode, tomoz_decode, installed("tomoz"), missing=why_missing("tomoz")),
    ]


def jpeg_xl(effort: int) -> Codec:
    encode = _encoder("jpegxl", lossless=True, effort=effort, numthreads=1)
    decode = _decoder("jpegxl", numthreads=1)
    return _imagecodecs(f"JPEG XL e{effort}", "jpegxl", f"libjxl, effort {effort}", encode, decode, slow=effort == 9)


def deflate(image: np.ndarray) -> bytes:
    return zlib.compress(image.tobytes(), 9)


def inflate(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(zlib.decompress(data), dtype).reshape(shape)


def zstd_encode(image: np.ndarray) -> bytes:
    return bytes(import_module("imagecodecs").zstd_encode(image.tobytes(), level=ZSTD_LEVEL))


def zstd_decode(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(import_module("imagecodecs").zstd_decode(data), dtype).reshape(shape)


def webp_encode(image: np.ndarray) -> bytes:
    """16 bits: the length of the first image as four bytes, then the high and the low bytes. ValueError if too large."""
    if max(image.shape) > WEBP_LIMIT:
        raise ValueError(f"WebP holds {WEBP_LIMIT} pixels a side, not {max(image.shape)}")
    if image.dtype.itemsize == 1:
        return _webp_plane(image)
    high, low = _webp_plane((image >> 8).astype(np.uint8)), _webp_plane(image.astype(np.uint8))
    return len(high).to_bytes(4, "little") + high + low


def webp_decode(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    if np.dtype(dtype).itemsize == 1:
        return _webp_green(data, shape)
    end = 4 + int.from_bytes(data[:4], "little")
    return _webp_green(data[4:end], shape).astype(dtype) << 8 | _webp_green(data[end:], shape)


def _webp_plane(plane: np.ndarray) -> bytes:
    """uint8 (rows, columns) -> WebP. It knows no grey, but takes green from the other channels, so copies cost nothing."""
    # Method 6 saves up to 2 % more at a tenth of the speed, 0.02 to 0.05 megapixels a second.
    colour = np.repeat(plane[..., None], 3, axis=2)
    return bytes(import_module("imagecodecs").webp_encode(colour, lossless=True, level=100, method=5, numthreads=1))


def _webp_green(data: bytes, shape: Shape) -> np.ndarray:
    return import_module("imagecodecs").webp_decode(data, hasalpha=False).reshape(*shape, 3)[..., 1]


def rle_encode(image: np.ndarray) -> bytes:
    """One frame as DICOM stores it: a header of 64 bytes, then the planes of high and low bytes."""
    from pydicom.pixels.encoders import RLELosslessEncoder

    return bytes(RLELosslessEncoder.encode(image, encoding_plugin="pydicom", **_description(image.shape, image.dtype)))


def rle_decode(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders import RLELosslessDecoder

    keywords = {"pixel_keyword": "PixelData", "decoding_plugin": "pydicom"} | _description(shape, np.dtype(dtype))
    return RLELosslessDecoder.as_array(encapsulate([data]), **keywords)[0].reshape(shape)


def _description(shape: Shape, dtype: np.dtype) -> dict:
    """What DICOM says of an unsigned grey image."""
    (rows, columns), bits = shape, 8 * dtype.itemsize
    grey = {"samples_per_pixel": 1, "photometric_interpretation": "MONOCHROME2", "pixel_representation": 0}
    size = {"rows": rows, "columns": columns, "number_of_frames": 1}
    return grey | size | {"bits_allocated": bits, "bits_stored": bits}


def tomoz_encode(image: np.ndarray) -> bytes:
    return bytes(import_module("tomoz").encode(image, threads=1))


def tomoz_decode(data: bytes, shape: Shape, dtype: np.dtype) -> np.ndarray:
    return import_module("tomoz").decode(data, threads=1)[0].reshape(shape)


def _imagecodecs(name: str, part: str, library: str, encode: Encode, decode: Decode, **rest) -> Codec:
    origin = f"{library} ({installed('imagecodecs')})"
    if part in GRAPHICS:
        rest["graphics"] = encode, decode
    return Codec(name, encode, decode, origin, missing=why_missing("imagecodecs", part=part), **rest)


def _encoder(part: str, **keywords) -> Encode:
    return lambda image: bytes(_function(part, "encode")(image, **keywords))


def _decoder(part: str, **keywords) -> Decode:
    return lambda data, shape, dtype: _function(part, "decode")(data, **keywords).reshape(shape)


def _function(part: str, direction: str) -> Callable:
    return getattr(import_module("imagecodecs"), f"{part}_{direction}")
