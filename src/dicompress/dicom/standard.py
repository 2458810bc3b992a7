"""The standard transfer syntaxes that files are transcoded to: which images each takes, its encoder, who reads it back.

Precision is that of the values, Bits Stored wherever they fit in; all of it without loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless, JPEGLSLossless

from ..codec import jpegxl
from ..codec.wrapped import EFFORT
from ..errors import UnsupportedImageError
from .decoders import by_plugin, decoded_pixels
from .items import source_frames
from .pixels import GREY, PixelLayout, decoded
from .syntax import JPEG_XL_LOSSLESS

RCT = "YBR_RCT"
CSIZ = 40  # byte of a JPEG 2000 code stream at which the number of components stands, before three bytes of each
JPEG_LS_BITS = 6  # the least precision of JPEG-LS that DCMTK reads
SMALL_FRAME = 4096  # bytes

Encode = Callable[[np.ndarray, int, int, bool], bytes]  # a frame, its precision, threads, whether to transform its colours
Read = Callable[[memoryview, PixelLayout, UID], np.ndarray]  # encapsulated Pixel Data of all frames -> `image.shape`


@dataclass(frozen=True)
class Second:
    """Another reader than the one files are usually read with. plugin: of pydicom, empty for `read`."""

    name: str
    plugin: str = ""
    read: Read | None = None

    def is_available(self, syntax: UID) -> bool:
        return not self.plugin or self.plugin in get_decoder(syntax).available_plugins

    def pixels(self, value: memoryview, image: PixelLayout, syntax: UID) -> np.ndarray:
        """UnsupportedImageError if it does not take them."""
        return self.read(value, image, syntax) if self.read else by_plugin(value, image, syntax, self.plugin)


@dataclass(frozen=True)
class Target:
    """same: transfer syntaxes that are it already. colours: Photometric Interpretations it holds, and as what.

    library: whose decoder reads it here. seconds: others, the most independent ones first. least: the precision below which that of
    the words is taken. codec: name of the encoder in imagecodecs, of which older ones lack some.
    """

    title: str
    syntax: UID
    same: tuple[UID, ...]
    colours: dict[str, str]
    signed: bool
    encode: Encode
    library: str
    codec: str
    seconds: tuple[Second, ...]
    least: int = 1

    def check(self, image: PixelLayout) -> None:
        """UnsupportedImageError for what it does not hold, or where it cannot be written."""
        import imagecodecs

        if not getattr(getattr(imagecodecs, self.codec, None), "available", False):
            raise UnsupportedImageError(f"{self.title}, and this imagecodecs comes without it: pip install -U imagecodecs")
        if image.is_wide:
            kind = "floats" if image.floating else f"values of {image.bits_allocated} bits"
            raise UnsupportedImageError(f"{self.title} is not written of {kind}")
        if image.bits_allocated == 1:
            raise UnsupportedImageError(f"{self.title} is not written of single bits, Bits Allocated (0028,0100) 1")
        if image.interpretation not in self.colours:
            raise UnsupportedImageError(f"{self.title} holds no Photometric Interpretation (0028,0004) {image.interpretation}")
        if image.signed and not self.signed:
            raise UnsupportedImageError(f"{self.title} holds no signed values, Pixel Representation (0028,0103) 1")

    def read(self, value: memoryview, image: PixelLayout) -> np.ndarray:
        """`image.shape`, as files in this syntax are read here."""
        return decoded_pixels(value, Dataset(), image, self.syntax)[0]


def has_precision() -> bool:
    """Whether there is an encoder of JPEG-LS that codes another precision than 8 or 16 bits."""
    return find_spec("jpeg_ls") is not None


def jpeg_ls(frame: np.ndarray, precision: int, threads: int, transform: bool) -> bytes:
    """Signed values as their lowest bits, as JPEG-LS knows no signs."""
    import imagecodecs

    words = np.ascontiguousarray(frame).view(f"u{frame.itemsize}")
    room = 2 * words.nbytes + SMALL_FRAME  # noise takes more than it takes natively
    if precision == 8 * frame.itemsize or not has_precision():
        return bytes(imagecodecs.jpegls_encode(words, out=room))
    from jpeg_ls import encode_pixel_data

    lowest = words & words.dtype.type((1 << precision) - 1)
    try:
        return bytes(encode_pixel_data(
            lowest.astype(words.dtype.newbyteorder("<")).tobytes(), 0, rows=frame.shape[0], columns=frame.shape[1],
            samples_per_pixel=_samples(frame), bits_allocated=8 * frame.itemsize, bits_stored=precision, planar_configuration=0,
        ))  # fmt: skip
    except RuntimeError:  # its buffer is too small for a few pixels
        return bytes(imagecodecs.jpegls_encode(words, out=room))


def jpeg_2000(frame: np.ndarray, precision: int, threads: int, transform: bool) -> bytes:
    """transform: the reversible one of colours."""
    import imagecodecs

    return bytes(imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(frame), level=0, codecformat="j2k", reversible=True, mct=transform, bitspersample=precision,
        numthreads=threads or None,
    ))  # fmt: skip


def htj2k(frame: np.ndarray, precision: int, threads: int, transform: bool) -> bytes:
    """The encoder takes its precision from the array's type. So unsigned values are shifted by half their own range, as decoders
    shift them back (ISO/IEC 15444-1, G.1), coded as signed ones, which are not shifted, and the stream says what they are.
    """
    import imagecodecs

    signed = frame.dtype.kind == "i"
    shifted = frame if signed else (frame.astype(np.int32) - (1 << precision - 1)).astype(f"i{frame.itemsize}")
    stream = bytearray(imagecodecs.htj2k_encode(np.ascontiguousarray(shifted), reversible=True, rgb=transform))
    for number in range(int.from_bytes(stream[CSIZ : CSIZ + 2], "big")):
        stream[CSIZ + 2 + 3 * number] = 0x80 * signed | precision - 1
    return bytes(stream)


def jpeg_xl(frame: np.ndarray, precision: int, threads: int, transform: bool) -> bytes:
    return jpegxl.encode(frame, EFFORT, threads, precision)


def _samples(frame: np.ndarray) -> int:
    return frame.shape[2] if frame.ndim > 2 else 1


def _open_jph(value: memoryview, image: PixelLayout, syntax: UID) -> np.ndarray:
    import imagecodecs

    try:
        return decoded([imagecodecs.htj2k_decode(f, planar=False) for f in source_frames(value, image.frames)], image)
    except MemoryError:
        raise
    except Exception as error:
        raise UnsupportedImageError(f"OpenJPH does not take it: {error}") from None


NATIVE_TARGET = "native"
PLAIN = {name: name for name in (*GREY, "PALETTE COLOR", "RGB", "YBR_FULL")}
TRANSFORMED = {**PLAIN, "RGB": RCT}
HTJ2K = (HTJ2KLossless, HTJ2KLosslessRPCL)
PLUGINS = (Second("libjpeg (pylibjpeg)", "pylibjpeg"), Second("GDCM", "gdcm"), Second("CharLS (pyjpegls)", "pyjpegls"))
TARGETS: dict[str, Target] = {
    "jls": Target(
        "JPEG-LS Lossless", JPEGLSLossless, (JPEGLSLossless,), PLAIN, True, jpeg_ls, "CharLS", "JPEGLS", PLUGINS, JPEG_LS_BITS
    ),
    "j2k": Target(
        "JPEG 2000 Lossless", JPEG2000Lossless, (JPEG2000Lossless,), TRANSFORMED, True, jpeg_2000, "OpenJPEG", "JPEG2K",
        (Second("OpenJPEG (pylibjpeg)", "pylibjpeg"), Second("GDCM", "gdcm")),
    ),
    "htj2k": Target(
        "HTJ2K Lossless", HTJ2KLossless, HTJ2K, TRANSFORMED, True, htj2k, "OpenJPEG", "HTJ2K",
        (Second("OpenJPH", read=_open_jph),),
    ),
    "jxl": Target(
        "JPEG XL Lossless", JPEG_XL_LOSSLESS, (JPEG_XL_LOSSLESS,), {k: v for k, v in PLAIN.items() if k != "YBR_FULL"}, False,
        jpeg_xl, "libjxl", "JPEGXL", (),
    ),
}  # fmt: skip
