"""Arrays of 32-bit integers and of floats come back bit by bit, in fewer bytes than Zstandard takes."""

import sys

import numpy as np
import pytest
from helpers import lows as plain
from helpers.images import phantom
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import dicompress
from dicompress import DicompressError, LimitError, StreamError, UnsupportedImageError
from dicompress.codec import layout, wide
from dicompress.native import lows
from dicompress.varint import write_varint

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = phantom(96, 80).astype(np.int32)
RATIO = (BODY[1:, 1:] / BODY[:-1, :-1]).astype(np.float32)


def special(dtype=np.float32) -> np.ndarray:
    """A map with all that floats may be: NaNs of several payloads, infinities, both zeros, and the smallest numbers."""
    values = (BODY * 0.37).astype(dtype)
    words = values.view(f"u{values.itemsize}").reshape(-1)
    top = 1 << 8 * values.itemsize - 1
    infinity = int(np.array(np.inf, dtype).view(words.dtype))
    words[:11] = [0, top, infinity, infinity | top, infinity + 1, infinity + 77, infinity | top | 5, 1, top | 1, 2**32 - 1, top - 1]
    return values


ARRAYS = {
    "dose": (BODY * 1000 + 795_000).astype(np.uint32),
    "signed": BODY * 70_001 - 90_000_000,
    "all of 32 bits": (BODY.astype(np.uint64) ** 3 % 2**32).astype(np.uint32),
    "rescaled": (BODY * 1.0 - 1024).astype(np.float32),
    "SUV": (BODY * 0.000382586).astype(np.float32),
    "rescaled with an intercept": (BODY * 0.31 - 7.77).astype(np.float32),
    "percent": BODY / 100,
    "frames": np.stack([np.roll(BODY, k) / np.float32(7) for k in range(3)]).astype(np.float32),
    "frames, large": np.stack([np.sqrt(phantom(300, 260, k).astype(np.float32)) for k in range(2)]),
    "ratio": RATIO,
    "double": np.sqrt(BODY.astype(np.float64)),
    "double, repeated": np.where(BODY > 900, -np.log(BODY), 1e9 * np.cbrt(BODY)) * np.where(BODY % 2, -1, 1),
    "special": special(),
    "special, double": special(np.float64),
    "one value": np.full((9, 7), -0.0, np.float32),
    "two values": np.where(BODY > 900, np.nan, np.float32(1)),
    "noise": np.random.default_rng(1).integers(0, 2**32, (40, 30), np.uint32).view(np.float32),
    "one pixel": np.array([[np.pi]]),
    "products": (np.cbrt(np.arange(7.0, 97))[:, None] * np.arange(80)).astype(np.float32),
}
COLOUR = {
    "colour": np.stack([BODY * 3, BODY * 5, 2**30 - BODY], -1).astype(np.uint32),
    "frames in colour": np.stack([np.stack([BODY * k, BODY], -1) for k in range(2)]).astype(np.float32),
}


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", [*ARRAYS, *COLOUR])
def test_every_bit_comes_back(name):
    image = ARRAYS.get(name, COLOUR.get(name))
    data = dicompress.encode(image, colour=name in COLOUR)
    assert same(dicompress.decode(data), image) and layout(data) == (image.shape, image.dtype)
    assert same(dicompress.decode(data + b"\0"), image)  # an even length
    info = dicompress.inspect(data)
    frames = image.shape[0] if name.startswith("frames") else 1
    assert (info.frames, info.rows, info.columns) == (frames, *image.shape[name.startswith("frames") :][:2])
    assert info.bits_allocated == info.bits_stored == 8 * image.itemsize and info.signed == (image.dtype.kind != "u")
    assert (
        info.coded_bytes == info.level_bytes[0] == len(data)
        and len(info.checksums) == (2 if name == "frames, large" else 1)
        and not info.references
    )
    if frames > 1:
        assert all(same(dicompress.decode(data, frame=k), image[k]) for k in range(frames))
        return
    shuffled = zstd.compress(image.reshape(-1).view(np.uint8).reshape(-1, image.itemsize).T.tobytes(), 19)
    plain = zstd.compress(image.tobytes(), 19)
    assert len(data) <= min(len(shuffled), len(plain)) + 30


@pytest.mark.parametrize("name", ["rescaled", "SUV", "rescaled with an intercept", "percent"])
def test_values_computed_from_whole_numbers_take_what_these_take(name):
    whole = dicompress.encode(BODY.astype(np.uint16))
    assert len(dicompress.encode(ARRAYS[name])) < len(whole) + 100


def test_other_orders_of_bytes_and_gaps():
    for image in (ARRAYS["dose"].astype(">u4")[::2, ::3], ARRAYS["special"].astype(">f4")):
        back = dicompress.decode(dicompress.encode(image))
        assert same(back, np.ascontiguousarray(image.astype(image.dtype.newbyteorder("="))))


@settings(max_examples=60, deadline=None)
@given(st.one_of(*(arrays(kind, array_shapes(min_dims=2, max_dims=3, max_side=5)) for kind in ("u4", "i4", "f4", "f8"))))
def test_any_array(image):
    assert same(dicompress.decode(dicompress.encode(image)), image)


def test_levels_of_values_that_are_a_picture():
    image = (phantom(300, 260) * 0.000382586).astype(np.float32)
    data = dicompress.encode(image)
    info = dicompress.inspect(data)
    assert info.levels > 1
    for level in range(info.levels + 1):
        start = data[: info.level_bytes[level]]
        assert same(dicompress.decode(start, level=level), np.ascontiguousarray(image[:: 1 << level, :: 1 << level]))
    several = dicompress.encode(ARRAYS["frames"])
    assert dicompress.inspect(several).levels == dicompress.inspect(dicompress.encode(ARRAYS["noise"])).levels == 0
    with pytest.raises(ValueError, match="level 1 of 0"):
        dicompress.decode(several, level=1)


def test_what_is_refused():
    for arguments in ({"near": 1}, {"exact": [(0, 5)]}):
        with pytest.raises(UnsupportedImageError, match="bear no error"):
            dicompress.encode(ARRAYS["dose"], **arguments)
    for dtype in (np.int64, np.uint64, np.float16, np.complex64):
        with pytest.raises(UnsupportedImageError, match="not supported"):
            dicompress.encode(np.ones((4, 4), dtype))
    data = dicompress.encode(ARRAYS["frames"])
    with pytest.raises(IndexError, match="frame 3 of 3"):
        dicompress.decode(data, frame=3)
    with pytest.raises(ValueError, match="references"):
        dicompress.decode(data, references=[ARRAYS["frames"][0]])


def test_jpeg_xl_codes_what_it_codes_in_fewer_bytes():
    image = ARRAYS["products"]
    data, size = dicompress.encode(image), len(wide.pictured(image[..., None], 9))
    assert dicompress.inspect(data).model == "JPEG XL" and size < len(data) < size + 40 and dicompress.inspect(data).levels == 0
    for other in (image.T, image.view(np.uint32), image.astype(np.float64)):  # of another size or type than the head says
        head = wide.joined(other[None, ..., None], 1, 32, False, [], [wide.pictured(image[..., None], 9)])
        with pytest.raises(StreamError, match="JPEG XL"):
            dicompress.decode(head)
    assert (
        wide.pictured(special()[..., None], 9) is None
        or dicompress.decode(dicompress.encode(special())).tobytes() == special().tobytes()
    )


@pytest.mark.parametrize("name", ["dose", "SUV", "ratio", "special", "noise", "products", "frames in colour"])
def test_any_damage_is_an_error(name):
    image = ARRAYS.get(name, COLOUR.get(name))
    image = image[:24, :20] if name in ARRAYS else image[:, :20, :16]
    data = dicompress.encode(image, colour=name in COLOUR)
    head = wide.read(data).start
    for position in [*range(head + 12), *range(head + 12, len(data), 17)]:
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        try:
            back = dicompress.decode(bytes(damaged))
        except DicompressError:
            continue
        assert same(back, image)
    for size in (3, 6, head - 1, head, head + 3, len(data) - 1):
        with pytest.raises(StreamError):
            dicompress.decode(data[:size])
    for more in (b"\1", b"\0\0"):
        with pytest.raises(StreamError, match="left over"):
            dicompress.decode(data + more)


def test_claims_cost_nothing():
    def claim(flags: int, *numbers: int, bits: int = 32, revision: int = 1) -> bytes:
        return wide.MARK + bytes([revision, flags, bits]) + b"".join(map(write_varint, numbers)) + bytes(40)

    for stream in (
        claim(4, 1 << 40, 1, 8, 8, 0),
        claim(0, 1 << 30, 1 << 30, 0),
        claim(0, 9, 9, 1 << 50),
        claim(4, 30, 1, 1 << 14, 1 << 14, 0),
        claim(4, 9, 9, 1 << 16, 1 << 13, 0),
    ):
        with pytest.raises(LimitError):
            dicompress.inspect(stream)
    for stream in (
        claim(0, 0, 8, 0),
        claim(0, 8, 8, 0, 0),
        claim(0, 8, 8, 0, bits=33),
        claim(32, 8, 8, 0),
        claim(0, 8, 8, 0, revision=2),
        claim(4, 3, 4, 8, 8, 0),
        claim(4, 3, 0, 8, 8, 0),
    ):
        with pytest.raises(StreamError):
            dicompress.inspect(stream)


@pytest.mark.parametrize("bits", [1, 7, 16, 33, 48])
def test_low_bits(bits):
    generator = np.random.default_rng(bits)
    high = (BODY >> 3).astype(np.uint16)
    for low in (generator.integers(0, 1 << bits, BODY.shape, np.uint64), (BODY.astype(np.uint64) * 977) % (1 << bits)):
        data = lows.encode(high, low, bits)
        assert np.array_equal(lows.decode(data, high, bits), low)
        for cut in (0, 1, len(data) // 2, len(data) - 9):
            with pytest.raises(StreamError):
                lows.decode(data[:cut], high, bits)
    with pytest.raises(ValueError, match="1 to 48"):
        lows.encode(high, low, 49)


@pytest.mark.parametrize("bits", [3, 20, 47])
def test_low_bits_are_what_the_page_says(bits):
    high = (BODY[:20, :16] >> 4).astype(np.uint16)
    generator = np.random.default_rng(bits)
    low = np.where(
        generator.random(high.shape) < 0.4,
        5,
        (high.astype(np.uint64) * 2**bits // 77 + generator.integers(0, 9, high.shape, np.uint64)),
    )
    low = low.astype(np.uint64) & np.uint64((1 << bits) - 1)
    data = lows.encode(high, low, bits)
    assert plain.decode(data, high.tolist(), bits) == low.tolist()
