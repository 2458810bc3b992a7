"""Bits beside the values: overlays become Overlay Data, whatever else is there is carried or refused, never changed."""

import numpy as np
import pytest
from helpers.files import make, read, written
from helpers.images import phantom
from helpers.originals import outside_bits_stored
from helpers.transcoded import readings
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from dicompress import UnsupportedImageError
from dicompress.dicom import compress_file
from dicompress.dicom.transcode import transcode_file

TARGETS = ("jls", "j2k", "htj2k")
BITS = np.random.default_rng(1).integers(0, 2, (3, 33, 41)).astype(np.uint16)
VALUES = np.stack([phantom(33, 41, s) for s in range(3)])


def overlaid(
    pixels: np.ndarray, planes: dict[int, int], stored: int = 12, high: int = 11, syntax=ExplicitVRLittleEndian, **other
) -> bytes:
    """A file whose pixel cells have overlays: group -> bit."""
    dataset = read(make(pixels, syntax, stored))
    dataset.HighBit = high
    for group, bit in planes.items():
        for element, vr, value in (
            (0x10, "US", other.get("rows", pixels.shape[-2])), (0x11, "US", pixels.shape[-1]), (0x40, "CS", "G"),
            (0x50, "SS", [1, 1]), (0x100, "US", 16), (0x102, "US", bit),
        ):  # fmt: skip
            dataset.add_new(group << 16 | element, vr, value)
    return written(dataset)


def overlay(data: bytes, group: int) -> np.ndarray:
    """By pydicom, of all frames."""
    return read(data).overlay_array(group)


@pytest.mark.parametrize("to", (*TARGETS, "jxl"))
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_overlays_of_all_frames_become_overlay_data(to, syntax):
    words = VALUES | BITS << 12 | BITS[::-1] << 15
    result = transcode_file(overlaid(words, {0x6000: 12, 0x6002: 15}, syntax=syntax), to, 1)
    after = read(result.data)
    assert "overlays in the pixel cells are Overlay Data (60xx,3000) now, 2 of them" in result.remark
    for group, bits in ((0x6000, BITS), (0x6002, BITS[::-1])):
        assert (after[group, 0x100].value, after[group, 0x102].value) == (1, 0)
        assert (after[group, 0x15].value, after[group, 0x51].value) == (3, 1)
        assert after[group, 0x3000].VR == "OW" and len(after[group, 0x3000].value) % 2 == 0
        assert np.array_equal(overlay(result.data, group), bits)
    for plugin, pixels in readings(result.data).items() if to != "jxl" else ():
        assert np.array_equal(pixels, VALUES), plugin


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("extended", [False, True])
def test_signs_are_extended_where_an_overlay_was(to, extended):
    values = VALUES[0].astype(np.int16) - 1000
    words = (values & (-1 if extended else 0x0FFF) & ~(1 << 12)) | (BITS[0] << 12).astype(np.int16)
    result = transcode_file(overlaid(words, {0x6000: 12}), to, 1)
    assert np.array_equal(overlay(result.data, 0x6000), BITS[0])
    for plugin, pixels in readings(result.data).items():
        assert np.array_equal(pixels, values), plugin


def test_values_in_the_high_bits_stay_there_when_an_overlay_leaves_the_low_ones():
    words = VALUES[0] << 4 | BITS[0]
    for to in TARGETS:
        result = transcode_file(overlaid(words, {0x6000: 0}, high=15), to, 1)
        assert np.array_equal(overlay(result.data, 0x6000), BITS[0])
        assert "precision of Bits Allocated" in result.remark
        for plugin, pixels in readings(result.data).items():
            assert np.array_equal(pixels, words & 0xFFF0), plugin


def test_native_files_and_ours_keep_overlays_where_they_are():
    words = VALUES[0] | BITS[0] << 12
    data = overlaid(words, {0x6000: 12})
    ours = compress_file(data, threads=1).data
    assert transcode_file(ours, "native", 1).data == data
    big = transcode_file(overlaid(words, {0x6000: 12}, syntax=ExplicitVRBigEndian), "native", 1).data
    assert read(big).PixelData[: words.nbytes] == words.tobytes()
    assert np.array_equal(overlay(transcode_file(ours, "htj2k", 1).data, 0x6000), BITS[0])


@pytest.mark.parametrize(
    ("planes", "options", "reason"),
    [
        ({0x6000: 5}, {}, "the overlay \\(6000,0102\\) in bit 5 of the pixel cells lies where the values are"),
        ({0x6000: 16}, {}, "lies where the values are, or outside"),
        ({0x6004: 12}, {"rows": 7}, "the overlay \\(6004,0102\\) in bit 12 .* of another size than the image"),
    ],
)
def test_overlays_that_cannot_be_told_apart_are_refused(planes, options, reason):
    data = overlaid(VALUES[0], planes, **options)
    with pytest.raises(UnsupportedImageError, match=reason):
        transcode_file(data, "jls", 1)
    ours = transcode_file(compress_file(data, threads=1).data, "jls", 1)
    assert ours.data == data and ours.remark.startswith("in native form: the overlay")


@pytest.mark.parametrize("to", (*TARGETS, "jxl"))
@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_what_lies_outside_bits_stored_is_carried(to, dtype):
    if to == "jxl" and dtype == "int16":
        return
    pixels = outside_bits_stored(dtype)
    result = transcode_file(make(pixels, bits_stored=12), to, 1)
    assert result.remark.startswith("bits outside Bits Stored (0028,0101) hold something")
    back = transcode_file(result.data, "native", 1).data
    assert read(back).PixelData == pixels.tobytes()


def test_signed_words_without_signs_are_refused_as_readers_would_extend_them():
    pixels = phantom(20, 30).astype(np.int16) - 1000 & 0x0FFF
    data = make(pixels, bits_stored=12)
    for to in TARGETS:
        with pytest.raises(UnsupportedImageError, match="signs of values are not extended above Bits Stored"):
            transcode_file(data, to, 1)
