"""A bounded error is one of the values that readers see: whatever else lies in a word comes back, or there is no error."""

import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from helpers.files import change, make, read
from helpers.images import phantom
from helpers.kinds import LABELS, MEASUREMENTS, STORAGE, item, with_slope
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dicompress import Allowance, UnsupportedImageError, compress_dataset
from dicompress.dicom import PassedOn, compress_file, compress_or_pass_on, describe, restore_file

SHAPE = 48, 40
VALUES = phantom(*SHAPE)  # 12 bits


def saturated() -> np.ndarray:
    pixels = VALUES.copy()
    pixels[::3, ::5], pixels[1::3, ::7] = 4095, 0
    return pixels


def signed() -> np.ndarray:
    """12 bits, both ends of their range taken."""
    pixels = VALUES.astype(np.int16) - 2048
    pixels[::5, ::3], pixels[2::5, ::4] = 2047, -2048
    return pixels


def overlay() -> np.ndarray:
    return (np.indices(SHAPE).sum(0) % 7 == 0).astype(np.uint16)


WORDS = {
    "an overlay in bit 12": (saturated() | overlay() << 12, {}),
    "an overlay in bit 15": (saturated() | overlay() << 15, {}),
    "overlays below High Bit": (VALUES << 4 | overlay() * 3, {"HighBit": 15}),
    "values in the upper bits": (VALUES << 4, {"HighBit": 15}),
    "junk": (saturated() | np.random.default_rng(0).integers(16, size=SHAPE, dtype=np.uint16) << 12, {}),
    "signs that are extended": (signed(), {"PixelRepresentation": 1}),
    "signs that are not": (signed().view(np.uint16) & 0xFFF, {"PixelRepresentation": 1}),
    "signs and an overlay": (signed().view(np.uint16) & 0xFFF | overlay() << 13, {"PixelRepresentation": 1}),
    "nothing else": (saturated(), {}),
}
EXACT = {"signs that are extended", "nothing else"}  # words are values, so that there may be an error


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("allowance", [Allowance(near=2), Allowance(near=200), Allowance(psnr=50), Allowance(hu=7)])
def test_what_readers_see_is_off_by_no_more_and_all_other_bits_come_back(name, allowance):
    words, attributes = WORDS[name]
    original = change(
        make(words.astype(np.uint16), bits_stored=12), RescaleSlope="2", RescaleIntercept="0", Modality="CT", **attributes
    )
    compressed = compress_file(original, allowance=allowance)
    restored = restore_file(compressed.data).data
    before, after = read(original), read(restored)
    errors = np.abs(before.pixel_array.astype(int) - after.pixel_array)
    assert errors.max() <= compressed.near
    if name in EXACT:
        assert errors.max() > 0
        words = np.frombuffer(after.PixelData, after.pixel_array.dtype).reshape(SHAPE)
        assert np.array_equal(words, after.pixel_array)  # the unused bits are as they were: zero, or the sign
    else:
        assert restored == original and compressed.near == 0
        assert "Bits Stored" in compressed.remark and compressed.remark.endswith(": compressed without loss")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_in_every_transfer_syntax(syntax):
    words = WORDS["an overlay in bit 12"][0].astype(np.uint16)
    if syntax == RLELossless:
        dataset = read(make(words, bits_stored=12))
        dataset.compress(RLELossless, generate_instance_uid=False)
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        original = buffer.getvalue()
    else:
        original = make(words, syntax, bits_stored=12)
    compressed = compress_file(original, allowance=Allowance(near=2))
    found = read(restore_file(compressed.data).data)
    stored = np.frombuffer(found.PixelData, ">u2" if found.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else "<u2")
    assert compressed.near == 0 and np.array_equal(stored.reshape(SHAPE), words)


@pytest.mark.parametrize("kind", [*LABELS, *MEASUREMENTS])
def test_labels_and_measurements_bear_no_error(kind):
    original = change(make(VALUES), **(LABELS | MEASUREMENTS)[kind])
    allowance = Allowance(near=2)
    compressed = compress_file(original, allowance=allowance)
    assert restore_file(compressed.data).data == original
    assert compressed.remark.endswith(": compressed without loss")
    with pytest.raises(UnsupportedImageError):
        compress_file(original, allowance=replace(allowance, strict=True))
    allowed = compress_file(original, allowance=replace(allowance, quantitative=True))
    assert allowed.near == (2 if kind in MEASUREMENTS else 0)
    assert ("--allow-quantitative" in compressed.remark) == (kind in MEASUREMENTS)


FEW = {
    "constant": np.full(SHAPE, 700, np.uint16),
    "two values": np.where(VALUES > 900, 1, 0).astype(np.uint16),
    "two values far apart": np.where(VALUES > 900, 4000, 3).astype(np.uint16),
    "every second value saturated": (VALUES > 900) * np.uint16(4095),
}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize(
    "allowance", [Allowance(near=2), Allowance(near=255), Allowance(psnr=50), Allowance(psnr=1e6), Allowance(psnr=1e-9)]
)
def test_where_nothing_is_gained_there_is_no_loss(name, allowance):
    original = make(FEW[name], bits_stored=12)
    compressed = compress_file(original, allowance=allowance)
    assert restore_file(compressed.data).data == original
    assert compressed.near == 0 and compressed.uids is None and "compressed without loss" in compressed.remark
    dataset = read(compressed.data)
    assert "LossyImageCompression" not in dataset and dataset.SOPInstanceUID == read(original).SOPInstanceUID
    assert "byte for byte" in describe(compressed.data).guarantee


def test_where_no_pixel_would_change_there_is_no_loss():
    """Values so far apart that no other is within the bound."""
    original = make(np.choose(VALUES % 3, [7, 900, 3000]).astype(np.uint16))
    compressed = compress_file(original, allowance=Allowance(near=3))
    assert restore_file(compressed.data).data == original and compressed.remark == "no pixel would change: compressed without loss"


@pytest.mark.parametrize("psnr", [1e-300, 1e-9, 5, 200, 4000, 1e300])
def test_any_psnr(psnr):
    original = make(VALUES)
    compressed = compress_file(original, allowance=Allowance(psnr=psnr))
    found = read(restore_file(compressed.data).data).pixel_array
    error = np.mean(np.square(found - VALUES.astype(float)))
    if compressed.near:
        assert error <= float(np.ptp(VALUES)) ** 2 * 10 ** (-psnr / 10)
    else:
        assert error == 0


SLOPES = {
    "": "is empty",
    "1\\2": r"is \[1, 2\]",
    "1,5": "is no number|is 1,5",
    "NaN": "is nan",
    "inf": "is inf",
    "0": "is 0",
    "0.0": "is 0",
    "one": "is no number|is one",
}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.filterwarnings("ignore")
def test_rescale_slopes_that_are_no_numbers(slope, syntax):
    original = with_slope(slope, syntax)
    compressed = compress_file(original, allowance=Allowance(hu=2))
    assert restore_file(compressed.data).data == original
    assert "Rescale Slope (0028,1053)" in compressed.remark


@pytest.mark.parametrize("slope, near", [("-2", 2), ("+0.5", 8), ("2e0", 2), (" 2", 2)])
def test_rescale_slopes_that_are_numbers(slope, near):
    assert compress_file(with_slope(slope), allowance=Allowance(hu=4)).near == near


@pytest.mark.parametrize("near", [0, -1, 256, 2.0, 2.5, "2", True, float("nan")])
def test_an_allowance_is_a_whole_number_of_stored_units(near):
    with pytest.raises(ValueError, match="above 0|whole number"):
        Allowance(near=near)


def test_the_uids_are_told():
    original = make(VALUES)
    compressed = compress_or_pass_on(original, allowance=Allowance(near=2))
    assert compressed.uids == (str(read(original).SOPInstanceUID), str(read(compressed.data).SOPInstanceUID))
    assert compressed.uids[0] != compressed.uids[1]
    assert read(compressed.data).file_meta.MediaStorageSOPInstanceUID == compressed.uids[1]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("pixels", [True, False])
def test_what_a_file_refers_to_is_told_wherever_it_stands(syntax, pixels):
    dataset = read(make(VALUES, syntax))
    deep = item(ReferencedSOPClassUID=STORAGE + "2", ReferencedSOPInstanceUID="1.2.3.4")
    dataset.ReferencedImageSequence = [item(ReferencedSOPClassUID=STORAGE + "2", ReferencedSOPInstanceUID="1.2.3.5")]
    dataset.ReferencedSeriesSequence = [item(SeriesInstanceUID="1.2.9", ReferencedInstanceSequence=[deep])]
    if not pixels:
        del dataset.PixelData
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    result = compress_or_pass_on(buffer.getvalue(), allowance=Allowance(near=2))
    assert isinstance(result, PassedOn) != pixels
    assert result.references == {"1.2.3.4", "1.2.3.5"}


def test_data_sets_in_memory_are_bounded_alike():
    words, attributes = WORDS["an overlay in bit 12"]
    dataset = pydicom.dcmread(io.BytesIO(change(make(words.astype(np.uint16), bits_stored=12), **attributes)))
    assert "LossyImageCompression" not in compress_dataset(dataset, allowance=Allowance(near=2))
    dataset.PixelData = saturated().tobytes()
    assert compress_dataset(dataset, allowance=Allowance(near=2)).LossyImageCompression == "01"
