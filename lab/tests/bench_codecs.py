"""Small codecs for the tests of the benchmark. Worker processes import this, so it imports little."""

import os
import time
import zlib

import numpy as np

from dicompress_lab.bench.codec import Codec


def encode(image: np.ndarray) -> bytes:
    return zlib.compress(image.tobytes())


def decode(data: bytes, shape, dtype) -> np.ndarray:
    return np.frombuffer(zlib.decompress(data), dtype).reshape(shape)


def lying(data: bytes, shape, dtype) -> np.ndarray:
    image = decode(data, shape, dtype).copy()
    image[0, 0] ^= 1
    return image


def refusing(image: np.ndarray) -> bytes:
    if image.dtype != np.uint8:
        raise ValueError("8 bits only")
    return encode(image)


def dying(image: np.ndarray) -> bytes:
    os._exit(7)


def sleeping(image: np.ndarray) -> bytes:
    if image.shape[0] > 64:  # not while it is warmed
        time.sleep(0.15)
    return encode(image)


def honest() -> dict[str, Codec]:
    return _by_key(
        Codec("deflate", encode, decode, "zlib", graphics=(encode, decode)),
        Codec("stored", lambda a: a.tobytes(), lambda d, s, t: np.frombuffer(d, t).reshape(s), "nothing"),
        Codec("coarse", lambda a: encode(a & ~a.dtype.type(3)), decode, "the two lowest bits cut", lossless=False),
        Codec("eight", refusing, decode, "zlib"),
        Codec("late", sleeping, decode, "zlib", slow=True),
        Codec("absent", encode, decode, "elsewhere", missing="the program is not there"),
    )


def broken() -> dict[str, Codec]:
    return _by_key(
        Codec("deflate", encode, decode, "zlib"),
        Codec("liar", encode, lying, "zlib"),
        Codec("victim", dying, decode, "zlib"),
        Codec("last", encode, decode, "zlib"),
    )


def _by_key(*codecs: Codec) -> dict[str, Codec]:
    return {codec.key: codec for codec in codecs}
