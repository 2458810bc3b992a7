"""Every kind of image in every standard transfer syntax: other libraries read the stored values, elements are what they were."""

import struct

import numpy as np
import pytest
from helpers.files import change, make, pydicom_file, read, rle, written
from helpers.images import phantom
from helpers.objects import in_syntax
from helpers.originals import FRAMES, ORIGINALS, colour
from helpers.transcoded import SYNTAX, by_dcmtk, elements, readings
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from dicompress import UnsupportedImageError
from dicompress.dicom import items, standard
from dicompress.dicom.part10 import parse
from dicompress.dicom.stored import whole_pixels
from dicompress.dicom.transcode import transcode_file


def signed(bits: int) -> bytes:
    lowest = -(1 << bits - 1)
    pixels = np.linspace(lowest, -lowest - 1, 1200).astype(np.int8 if bits <= 8 else np.int16).reshape(30, 40)
    return make(pixels, bits_stored=bits)


def unsigned(bits: int) -> bytes:
    pixels = np.linspace(0, (1 << bits) - 1, 1200).astype(np.uint8 if bits <= 8 else np.uint16).reshape(30, 40)
    return make(pixels, bits_stored=bits)


def palette() -> bytes:
    dataset = read(make((phantom(40, 50) >> 4).astype(np.uint8)))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for number in range(3):
        dataset.add_new(0x00281101 + number, "US", [256, 0, 16])
        dataset.add_new(0x00281201 + number, "OW", bytes(range(256)) * 2)
    return written(dataset)


def colour_of_12_bits() -> bytes:
    pixels = np.stack([phantom(40, 50, s) for s in range(3)], -1)
    return change(
        make(pixels[..., 0].copy(), bits_stored=12), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        PixelData=pixels.tobytes(),
    )  # fmt: skip


def deflated() -> bytes:
    dataset = read(make(phantom(40, 50)))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return written(dataset)


def without_integers() -> bytes:
    dataset = read(make(phantom(8, 8)))
    del dataset.PixelData
    dataset.FloatPixelData, dataset.BitsAllocated = bytes(256), 32
    return written(dataset)


MADE = {
    **{name: make for name, make in ORIGINALS.items() if "outside" not in name},
    **{f"signed, {bits} bits": lambda bits=bits: signed(bits) for bits in (2, 5, 8, 10, 12, 13, 16)},
    **{f"unsigned, {bits} bits": lambda bits=bits: unsigned(bits) for bits in (1, 2, 5, 8, 10, 12, 15, 16)},
    "palette": palette,
    "RGB of 12 bits": colour_of_12_bits,
    "deflated": deflated,
    "signed big-endian": lambda: make(phantom(40, 50).astype(np.int16) - 2000, ExplicitVRBigEndian, 13),
    "a pixel": lambda: make(np.full((1, 1), 77, np.uint8)),
    "a pixel of 12 bits": lambda: make(np.full((1, 1), 770, np.uint16), bits_stored=12),
    "noise": lambda: make(np.random.default_rng(0).integers(0, 1 << 16, (64, 64)).astype(np.uint16)),
    "frames of odd length": lambda: make((FRAMES >> 4).astype(np.uint8)),
}


def holds(to: str, original) -> bool:
    return to != "jxl" or (original.PixelRepresentation == 0 and original.PhotometricInterpretation != "YBR_FULL")


@pytest.mark.parametrize("to", SYNTAX)
@pytest.mark.parametrize("name", MADE)
def test_all_readers_find_the_stored_values_and_the_elements(name, to, tmp_path):
    data = MADE[name]()
    before = read(data)
    if not holds(to, before):
        with pytest.raises(UnsupportedImageError, match="JPEG XL Lossless holds no (signed values|Photometric)"):
            transcode_file(data, to, 1)
        return
    result = transcode_file(data, to, 1)
    after = read(result.data)
    assert after.file_meta.TransferSyntaxUID == result.syntax == SYNTAX[to]
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID == before.SOPInstanceUID
    assert elements(after) == elements(before)
    assert after["PixelData"].VR == "OB" and after["PixelData"].is_undefined_length
    assert len(result.verified) == (1 if to == "jxl" else 2) and result.remark is None
    before.pixel_array_options(raw=True)
    expected = before.pixel_array
    if to == "jxl":
        assert np.array_equal(whole_pixels(parse(result.data))[0].reshape(expected.shape), expected)
        return
    found = readings(result.data)
    assert found
    for plugin, pixels in found.items():
        assert pixels.dtype.str[1:] == expected.dtype.str[1:] and np.array_equal(pixels, expected), plugin
    if to == "jls" and before.file_meta.TransferSyntaxUID not in (ExplicitVRBigEndian,):
        told = by_dcmtk(result.data, tmp_path)
        if told is not None:
            assert name == "YBR_FULL" or np.array_equal(told, expected)  # pydicom makes RGB of native YBR_FULL


@pytest.mark.parametrize(("to", "bits"), [("jls", 12), ("j2k", 12), ("htj2k", 12), ("j2k", 5), ("htj2k", 5), ("jls", 6)])
@pytest.mark.parametrize("make", [signed, unsigned])
def test_precision_is_bits_stored_and_signs_are_said(to, bits, make):
    stream = transcode_file(make(bits), to, 1).data
    if to == "jls":
        assert stream[stream.index(b"\xff\xf7") + 4] == bits
    else:
        at = stream.index(b"\xff\x4f\xff\x51")
        assert stream[at + 42] == (0x80 if make is signed else 0) | bits - 1


@pytest.mark.parametrize(
    ("to", "interpretation", "expected", "transform"),
    [
        ("j2k", "RGB", "YBR_RCT", 1), ("htj2k", "RGB", "YBR_RCT", 1), ("j2k", "YBR_FULL", "YBR_FULL", 0),
        ("htj2k", "YBR_FULL", "YBR_FULL", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_is_transformed_reversibly_and_ybr_full_is_not(to, interpretation, expected, transform, planar):
    result = transcode_file(colour(interpretation, planar), to, 1).data
    after = read(result)
    assert (after.PhotometricInterpretation, after.PlanarConfiguration) == (expected, 0)
    at = result.index(b"\xff\x4f\xff\x51")
    assert result[at + result[at:].index(b"\xff\x52") + 8] == transform


@pytest.mark.parametrize("to", ["jls", "jxl"])
def test_others_keep_rgb(to):
    after = read(transcode_file(colour("RGB", 1), to, 1).data)
    assert (after.PhotometricInterpretation, after.PlanarConfiguration) == ("RGB", 0)


def test_big_endian_and_deflated_files_are_turned_others_are_native_already():
    for name in ("big-endian", "deflated", "signed big-endian"):
        data = MADE[name]()
        result = transcode_file(data, "native", 1)
        assert result.syntax == read(result.data).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert np.array_equal(read(result.data).pixel_array, read(data).pixel_array)
        assert elements(read(result.data)) == elements(read(data))
    for data in (pydicom_file("CT_small.dcm"), pydicom_file("MR_small_implicit.dcm")):
        with pytest.raises(UnsupportedImageError, match="in native form already: (Explicit|Implicit)"):
            transcode_file(data, "native")


def test_from_standard_to_native_and_on_to_each_other():
    data = make(np.stack([phantom(40, 50, s) for s in range(3)]), bits_stored=12)
    first = transcode_file(data, "jls", 1).data
    for to in ("htj2k", "j2k", "jxl", "jls"):
        if to != "jls":
            with pytest.raises(UnsupportedImageError, match="already"):
                transcode_file(transcode_file(first, to, 1).data, to)
        first = transcode_file(first, to, 1).data if to != "jls" else transcode_file(transcode_file(first, "j2k").data, "jls").data
    assert read(transcode_file(first, "native", 1).data).PixelData == read(data).PixelData
    assert np.array_equal(read(transcode_file(rle(), "htj2k").data).pixel_array, read(rle()).pixel_array)


def test_offset_tables_are_basic_ones_or_extended_ones(monkeypatch):
    data = MADE["frames of odd length"]()
    basic = transcode_file(data, "jls", 1).data
    assert "ExtendedOffsetTable" not in read(basic)
    monkeypatch.setattr(items, "LARGEST_OFFSET", 100)
    extended = transcode_file(data, "jls", 1).data
    dataset = read(extended)
    offsets = struct.unpack("<4Q", dataset.ExtendedOffsetTable)
    lengths = struct.unpack("<4Q", dataset.ExtendedOffsetTableLengths)
    start = extended.index(b"\xe0\x7f\x10\x00OB") + 12 + 8  # behind an empty basic table
    for offset, length in zip(offsets, lengths):
        item = extended[start + offset :][: 8 + length]
        assert item[:4] == b"\xfe\xff\x00\xe0" and int.from_bytes(item[4:8], "little") == length and item[8:10] == b"\xff\xd8"
    assert np.array_equal(dataset.pixel_array, read(data).pixel_array)


def test_lossy_float_and_signed_1_bit_images_are_refused_with_the_reason():
    for data, reason in (
        (in_syntax(make(phantom(8, 8)), "1.2.840.10008.1.2.4.81"), "lossy"),
        (change(make(np.zeros((8, 8), np.uint8)), BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=1), "Bits Allocated"),
        (without_integers(), "floats"),
    ):
        for to in SYNTAX:
            with pytest.raises(UnsupportedImageError, match=reason):
                transcode_file(data, to)


def test_without_the_extra_jpeg_ls_has_the_precision_of_the_words_and_says_so(monkeypatch):
    monkeypatch.setattr(standard, "has_precision", lambda: False)
    monkeypatch.setattr("dicompress.dicom.transcode.has_precision", lambda: False)
    result = transcode_file(signed(12), "jls", 1)
    assert "precision of 16 or 8 bits" in result.remark
    before = read(signed(12)).pixel_array
    assert all(np.array_equal(pixels, before) for pixels in readings(result.data).values())


def test_an_unknown_target_is_an_error():
    with pytest.raises(ValueError, match="native, jls, j2k, htj2k, jxl"):
        transcode_file(make(phantom(8, 8)), "rle")
