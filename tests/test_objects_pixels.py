"""Native Pixel Data of all kinds: bits, lengths, numbers of frames, deflated and big files."""

import zlib

import numpy as np
import pytest
from helpers.files import change, make
from helpers.images import phantom
from helpers.objects import Writer, assert_same_file, encapsulated, head_of, insert, replaced
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import dicompress
from dicompress import FileError, UnsupportedImageError
from dicompress.dicom import compress_file
from dicompress.dicom.part10 import parse

W = Writer()
PIXELS = phantom(64, 64)
VALUE = PIXELS.tobytes()


def decoded(compressed, like: np.ndarray = PIXELS) -> np.ndarray:
    """Stored values; pydicom's pixel_array would hide the bits above Bits Stored."""
    value = dicompress.decompress_dataset(compressed).PixelData
    return np.frombuffer(value, like.dtype, like.size).reshape(like.shape)


@pytest.mark.parametrize("bits", [1, 7, 9, 12, 15, 16])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda s: s.name)
def test_bits_stored(bits, dtype, syntax):
    pixels = PIXELS.astype(np.int32) % (1 << bits)
    pixels = (pixels - (1 << bits - 1) if dtype == np.int16 else pixels).astype(dtype)
    compressed = assert_same_file(make(pixels, syntax, bits))
    assert compressed.BitsStored == bits and np.array_equal(decoded(compressed, pixels), pixels)


def overlay_planes() -> np.ndarray:
    """PIXELS with overlays in bits 13 and 15, where Overlay Bit Position says that they are."""
    y, x = np.mgrid[:64, :64]
    return PIXELS | ((y + x) % 7 == 0).astype(np.uint16) << 13 | (y > 50).astype(np.uint16) << 15


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda s: s.name)
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_overlays_in_the_bits_above_high_bit(dtype, syntax):
    w, pixels = Writer(syntax == ImplicitVRLittleEndian), overlay_planes().view(dtype)
    facts = w.element(0x60000100, "US", b"\x10\0") + w.element(0x60000102, "US", b"\x0d\0")
    compressed = assert_same_file(insert(make(pixels, syntax, 12), facts))
    assert compressed[0x60000102].value == 13
    assert np.array_equal(decoded(compressed, pixels), pixels)


@pytest.mark.parametrize("high_bit", [None, 15, 99])
def test_values_in_the_upper_bits(high_bit):
    original = make(PIXELS << 4, bits_stored=12)
    old = W.element(0x00280102, "US", b"\x0b\0")
    new = b"" if high_bit is None else W.element(0x00280102, "US", bytes([high_bit, 0]))
    assert np.array_equal(decoded(assert_same_file(replaced(original, old, new))), PIXELS << 4)


def test_pixel_padding():
    pixels = PIXELS.astype(np.int16) - 1024
    pixels[:9] = -2000
    more = W.element(0x00280120, "SS", b"\x30\xf8") + W.element(0x00280121, "SS", b"\x34\xf8")
    compressed = assert_same_file(insert(make(pixels, bits_stored=12), more))
    assert (compressed.PixelPaddingValue, compressed.PixelPaddingRangeLimit) == (-2000, -1996)


def of_frames(number: bytes) -> bytes:
    at = make(PIXELS).index(b"\x28\0\x10\0US")
    return make(PIXELS)[:at] + W.element(0x00280008, "IS", number) + make(PIXELS)[at:]


@pytest.mark.parametrize("number", [b"", b"0 ", b" 1"], ids=repr)
def test_number_of_frames_that_says_nothing_is_one(number):
    compressed = assert_same_file(of_frames(number))
    assert np.array_equal(decoded(compressed), PIXELS)


@pytest.mark.parametrize(
    "number, error, reason",
    [
        (b"3 ", FileError, "Pixel Data .* holds 8192 bytes, 24576 are expected"),
        (b"-1", UnsupportedImageError, "-1 x 64 x 64 pixels"),
        (b"x ", UnsupportedImageError, "incomplete.* 'x'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value")
def test_number_of_frames_that_is_wrong(number, error, reason):
    with pytest.raises(error, match=reason):
        compress_file(of_frames(number))


ODD = (phantom(63, 65) >> 4).astype(np.uint8)
STORED = {
    "OB for 16 bits": (PIXELS, W.element(0x7FE00010, "OB", VALUE)),
    "UN": (PIXELS, W.element(0x7FE00010, "UN", VALUE)),
    "OW for 8 bits": (ODD, W.element(0x7FE00010, "OW", ODD.tobytes() + b"\0")),
    "an odd number of bytes": (ODD, W.element(0x7FE00010, "OB", ODD.tobytes())),
    "padded with something else": (ODD, W.element(0x7FE00010, "OB", ODD.tobytes() + b"\xff")),
    "a byte too many": (PIXELS, W.element(0x7FE00010, "OW", VALUE + b"\0")),
    "much behind the last pixel": (PIXELS, W.element(0x7FE00010, "OW", VALUE + bytes(range(200)) * 2)),
    "a padding element behind": (PIXELS, W.element(0x7FE00010, "OW", VALUE) + W.element(0xFFFCFFFC, "OB", bytes(100))),
}


@pytest.mark.parametrize("name", STORED)
def test_pixel_data_in_odd_forms(name):
    pixels, element = STORED[name]
    assert np.array_equal(decoded(assert_same_file(head_of(make(pixels)) + element), pixels), pixels)


@pytest.mark.parametrize("pixels, more", [(PIXELS, b""), (PIXELS, b"\1"), (ODD, b""), (ODD, b"\0\0\0")])
def test_pixel_data_in_implicit_vr(pixels, more):
    element = Writer(True).element(0x7FE00010, "", pixels.tobytes() + more)
    compressed = assert_same_file(head_of(make(pixels, ImplicitVRLittleEndian)) + element)
    assert np.array_equal(decoded(compressed, pixels), pixels)


NONE = {
    "empty": (W.element(0x7FE00010, "OW"), UnsupportedImageError, "is empty"),
    "empty, of undefined length": (W.element(0x7FE00010, "OB", undefined=True), UnsupportedImageError, "undefined length"),
    "items": (
        encapsulated(VALUE),
        UnsupportedImageError,
        "undefined length, which Explicit VR Little Endian does not allow",
    ),
    "short": (W.element(0x7FE00010, "OW", VALUE[:-2]), FileError, "holds 8190 bytes, 8192 are expected"),
    "half an element": (b"\xe0\x7f\x10\0OW\0\0", FileError, "cannot be read"),
    "missing": (b"", UnsupportedImageError, "no Pixel Data"),
}


@pytest.mark.parametrize("name", NONE)
def test_pixel_data_that_is_none(name):
    pixel_data, error, reason = NONE[name]
    with pytest.raises(error, match=reason):
        compress_file(head_of(make(PIXELS)) + pixel_data)


@pytest.mark.parametrize(
    "attributes, element, reason",
    [
        ({"BitsAllocated": 64}, W.element(0x7FE00008, "OF", PIXELS.astype("<f4").tobytes()), "Float .* with Bits Allocated .* 64"),
        ({"BitsAllocated": 16}, W.element(0x7FE00009, "OD", PIXELS.astype("<f8").tobytes()), r"Bits Allocated \(0028,0100\) 16"),
        (
            {"BitsAllocated": 1, "BitsStored": 1, "PixelRepresentation": 1},
            W.element(0x7FE00010, "OB", bytes(512)),
            r"Bits Allocated \(0028,0100\) 1 of signed",
        ),
        ({"BitsAllocated": 64}, W.element(0x7FE00010, "OW", VALUE * 4), r"Bits Allocated \(0028,0100\) 64"),
        ({"BitsStored": 17}, W.element(0x7FE00010, "OW", VALUE), "17 of 16 allocated"),
        ({"Rows": 0}, W.element(0x7FE00010, "OW", VALUE), "1 x 0 x 64 pixels"),
        ({"Rows": [64, 64]}, W.element(0x7FE00010, "OW", VALUE), "attributes are incomplete"),
        ({"SamplesPerPixel": None}, W.element(0x7FE00010, "OW", VALUE), "attributes are incomplete"),
        ({"PhotometricInterpretation": "HSV"}, W.element(0x7FE00010, "OW", VALUE), "HSV with 1 samples a pixel"),
        ({}, W.element(0x00420011, "OB", b"%PDF-1.4"), "no Pixel Data"),
    ],
)
def test_pixels_that_are_passed_on(attributes, element, reason):
    head = change(head_of(make(PIXELS)), **attributes)
    with pytest.raises(UnsupportedImageError, match=reason):
        compress_file(head + element)


def deflated(level: int = 6, strategy: int = 0, trailer: bytes = b"") -> bytes:
    plain = make(PIXELS)
    meta = make(PIXELS, DeflatedExplicitVRLittleEndian)
    engine = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return meta[: parse(meta).body] + engine.compress(plain[parse(plain).body :]) + engine.flush() + trailer


@pytest.mark.parametrize("level", [2, 3, 4, 5, 7, 8])
def test_deflated_at_any_level(level):
    assert_same_file(deflated(level))


@pytest.mark.parametrize("trailer", [b"\0", bytes(512)])
def test_deflated_and_padded(trailer):
    assert_same_file(deflated(trailer=trailer))


@pytest.mark.parametrize("level, strategy", [(0, 0), (6, zlib.Z_HUFFMAN_ONLY), (6, zlib.Z_FILTERED)])
def test_what_was_deflated_otherwise_is_passed_on(level, strategy):
    with pytest.raises(UnsupportedImageError, match="deflated by another method"):
        compress_file(deflated(level, strategy))


def test_three_hundred_small_frames():
    pixels = np.stack([phantom(24, 24, seed) for seed in range(300)])
    compressed = assert_same_file(make(pixels))
    assert compressed.NumberOfFrames == 300 and np.array_equal(decoded(compressed, pixels), pixels)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian], ids=lambda s: s.name)
def test_forty_megabytes(syntax):
    """5000 x 4000 of one value: others take a minute."""
    compressed = assert_same_file(make(np.full((5000, 4000), 1234, np.uint16), syntax))
    assert (compressed.Rows, compressed.Columns) == (5000, 4000)


def test_a_large_image():
    pixels = phantom(1300, 900)
    assert np.array_equal(decoded(assert_same_file(make(pixels, bits_stored=12)), pixels), pixels)
