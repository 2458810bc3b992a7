"""Near-lossless: the bound, what stays exact, what is refused, and an honest derived image."""

import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from conftest import phantom, with_crc
from helpers.models import Halves
from helpers.streams import Head, Stream
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless
from test_cli import run
from test_dicom import make

import dicompress
from dicompress import Allowance, StreamError, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.codec import check_bound, encode_with_result, near_for_psnr
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.errors import VerificationError
from dicompress.native.coder import write_table

SIGNED = phantom(70, 90).astype(np.int16) - 1000
IMAGES = {
    "uint16": phantom(70, 90),
    "int16": SIGNED,
    "uint8": (phantom(41, 33) >> 4).astype(np.uint8),
    "int8": ((phantom(41, 33) >> 4) - 60).astype(np.int8),
    "one row": phantom(1, 200),
    "frames": np.stack([phantom(20, 30, s) for s in range(3)]),
    "one value": np.full((9, 9), 77, np.uint8),
    "whole range": np.random.default_rng(0).integers(-32768, 32768, (40, 40)).astype(np.int16),
    "checkers": np.indices((40, 40)).sum(0).astype(np.uint8) % 2 * 255,
}


def errors(image, decoded):
    return np.abs(image.astype(np.int64) - decoded)


@pytest.mark.parametrize("near", [1, 4, 255])
@pytest.mark.parametrize("model", ["pyramid", "reference"])
@pytest.mark.parametrize("name", IMAGES)
def test_the_bound_holds_and_values_stay_in_the_range(name, model, near):
    image = IMAGES[name]
    data = dicompress.encode(image, near=near, model=model)
    decoded = dicompress.decode(data)
    again, said = encode_with_result(image, near=near, model=model)
    assert again == data and np.array_equal(said, decoded)
    assert decoded.dtype == image.dtype and decoded.shape == image.shape
    assert errors(image, decoded).max() <= near
    assert decoded.min() >= image.min() and decoded.max() <= image.max()
    assert dicompress.inspect(data).near == near and data[4] == 4
    if model == "pyramid":
        assert len(data) <= len(dicompress.encode(image)) + 4


def test_a_larger_error_takes_fewer_bytes_and_none_is_the_lossless_stream():
    sizes = [len(dicompress.encode(SIGNED, near=near)) for near in (0, 1, 2, 5, 20)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.3 * sizes[0]
    assert dicompress.encode(SIGNED, near=0) == dicompress.encode(SIGNED)
    for near in (-1, 256):
        with pytest.raises(ValueError, match="0 to 255"):
            dicompress.encode(SIGNED, near=near)


def test_threads_change_nothing_and_every_level_keeps_the_bound():
    image = phantom(300, 280)
    data = dicompress.encode(image, near=5, threads=1)
    assert data == dicompress.encode(image, near=5, threads=3)
    info = dicompress.inspect(data)
    for k, count in enumerate(info.level_bytes):
        early = dicompress.decode(data[:count], level=k)
        assert errors(image[:: 1 << k, :: 1 << k], early).max() <= 5


def test_saturated_ends_and_wanted_values_stay_exact_and_no_other_pixel_takes_them():
    image = phantom(120, 120)
    image[:30] = 0
    image[90:, 60:] = 4095
    image[40:44, 40:44] = 700
    data = dicompress.encode(image, near=20, exact=[(700, 700)])
    decoded = dicompress.decode(data)
    for value in (0, 700, 4095):
        assert np.array_equal(image == value, decoded == value)
    assert errors(image, decoded).max() == 20


def kept(image: np.ndarray, exact=(), near=1) -> tuple[tuple[int, int], ...]:
    """The runs of values that a stream keeps."""
    (head,) = Stream.read(dicompress.encode(image, near=near, exact=exact, model=Halves())).heads
    return head.exact


def test_an_end_that_noise_touches_is_not_kept():
    noise = np.abs(np.random.default_rng(1).normal(0, 2, (60, 60))).astype(np.uint8)
    assert kept(noise) == ()
    noise[:20] = 0
    assert kept(noise) == ((0, 0),)


def test_exact_runs_are_joined_cut_to_the_range_and_limited():
    image = np.arange(100, dtype=np.uint8).reshape(10, 10) + 50
    assert kept(image, [(60, 70), (0, 55), (71, 75), (65, 68), (148, 255), (200, 210)]) == (
        (50, 55), (60, 75), (148, 149),
    )  # fmt: skip
    with pytest.raises(UnsupportedImageError, match="34 runs of values are to stay exact; 16 are possible"):
        kept(image, [(v, v) for v in range(50, 150, 3)])


class Told(Exception):
    """What a model is told of an image's values."""


class Telling(Halves):
    def plan(self, header, shape, values, levels):
        raise Told(values)


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 300), min_size=2, max_size=60), st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=4),
)  # fmt: skip
def test_errors_of_ranks_are_errors_of_values(values, near, gaps):
    """Runs may begin where the last one ends: an encoder joins them, a reader takes them."""
    values = np.array(sorted(values), np.int32)
    low, high = int(values[0]), int(values[-1])
    exact, last = [], low
    for gap, length in gaps:
        if last + gap + length <= high:
            exact.append((last + gap, last + gap + length))
            last += gap + length
    head = Head(bytes(8), low, high, exact=tuple(exact), table=write_table(values), header=b"halves")
    stream = Stream(np.dtype("uint16"), 16, b"halves!!", None, 1, 2, 1, near, [head], [[b"--"], [b"--"]])
    with pytest.raises(Told) as told:
        dicompress.decode(stream.write(), model=Telling())
    (found,) = told.value.args
    assert np.array_equal(found.listed, values) and (found.low, found.high) == (0, values.size - 1)
    stays = np.array([any(first <= v <= end for first, end in exact) for v in values])
    assert {r for first, end in found.exact for r in range(first, end + 1)} == set(np.flatnonzero(stays))
    run = np.cumsum(stays)
    pairs = [(i, j) for i in range(values.size) for j in range(i) if run[i] == run[j] and not stays[i] and not stays[j]]
    assert all(values[i] - values[j] <= near for i, j in pairs if i - j <= found.near)
    assert found.near == near or any(values[i] - values[j] > near for i, j in pairs if i - j == found.near + 1)


@pytest.mark.parametrize("near, largest", [(1, 0), (7, 0), (15, 15), (16, 16)])
def test_sparse_values_are_coded_as_ranks_where_that_is_shorter(near, largest):
    image = phantom(80, 80) * 16
    data = dicompress.encode(image, near=near)
    assert errors(image, dicompress.decode(data)).max() == largest


def test_the_gap_between_padding_and_the_rest_costs_nothing():
    image = phantom(80, 80) + np.uint16(3000)
    image[:20], image[20] = 3000, phantom(80, 80)[20] + 3000
    far = np.where(image == 3000, 0, image)
    data, close = dicompress.encode(far, near=3), dicompress.encode(image, near=3)
    assert len(data) < len(close) + 40
    decoded = dicompress.decode(data)
    assert np.array_equal(far == 0, decoded == 0) and errors(far, decoded).max() == 3


def test_the_bound_is_checked():
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    check_bound(image, image + 2, 2, [])
    with pytest.raises(VerificationError, match="off by 3"):
        check_bound(image, image + 3, 2, [])
    for exact in ([(11, 11)], [(13, 13)]):  # what was 11 is not; what was not 13 is
        with pytest.raises(VerificationError, match="exactly"):
            check_bound(image, image + 2, 2, exact)


def test_headers_that_cannot_be_are_errors():
    data = dicompress.encode(SIGNED, near=3)
    start = data.index(b"\x01\x03", 4 + 3 + 8 + 1 + 1)  # after frames, rows and columns
    crc = next(n for n in range(20, 60) if data[n : n + 4] == with_crc(data[:n])[-4:])
    for samples_near in (b"\x01\x80\x02", b"\0\x03", b"\x05\x03"):
        with pytest.raises(StreamError, match="not possible"):
            dicompress.decode(with_crc(data[:start] + samples_near + data[start + 2 : crc]) + data[crc + 4 :])


def test_srec_bears_no_error():
    with pytest.raises(UnsupportedImageError, match="use another model"):
        dicompress.encode(SIGNED, near=1, model="srec")


@pytest.mark.parametrize("psnr", [40, 55])
def test_the_largest_error_that_keeps_the_psnr(psnr):
    peak = int(SIGNED.max()) - int(SIGNED.min())
    near = near_for_psnr(SIGNED, psnr)
    reached = [
        10 * np.log10(peak**2 / np.mean(errors(SIGNED, dicompress.decode(dicompress.encode(SIGNED, near=n))) ** 2.0))
        for n in (near, near + 1)
    ]
    assert near > 0 and reached[0] >= psnr > reached[1]
    assert near_for_psnr(SIGNED, 200) == 0 and near_for_psnr(SIGNED, 1) == 255


def ct(pixels=SIGNED, **attributes) -> bytes:
    """A CT with a slope of 2 HU."""
    dataset = pydicom.dcmread(_file(make(pixels, attributes.pop("syntax", ExplicitVRLittleEndian), 16)))
    dataset.Modality, dataset.RescaleSlope, dataset.RescaleIntercept = "CT", "2", "-1024"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    for name, value in attributes.items():
        setattr(dataset, name, value)
        if dataset[name].VR == "US or SS":
            dataset[name].VR = "SS"
    buffer = _file(b"")
    dataset.save_as(buffer)
    return buffer.getvalue()


def _file(data):
    return pydicom.filebase.DicomBytesIO(data)


def read(data):
    return pydicom.dcmread(_file(data))


def test_a_near_lossless_file_is_a_new_image():
    original = ct(
        SmallestImagePixelValue=int(SIGNED.min()), LargestImagePixelValue=int(SIGNED.max()), DerivationDescription="cut out"
    )
    compressed = compress_file(original, allowance=Allowance(near=3))
    before, packed, after = read(original), read(compressed.data), read(restore_file(compressed.data).data)
    assert compressed.near == describe(compressed.data).near == restore_file(compressed.data).near == 3
    assert 0 < errors(before.pixel_array, after.pixel_array).max() <= 3
    for new in (packed, after):
        assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
        assert new.SOPInstanceUID.is_valid and new.get("SeriesInstanceUID") == before.get("SeriesInstanceUID")
        assert list(new.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
        assert new.LossyImageCompression == "01" and new.LossyImageCompressionMethod == "DICOMPRESS"
        streams = describe(compressed.data).coded_bytes
        assert float(new.LossyImageCompressionRatio) == pytest.approx(SIGNED.nbytes / streams, abs=0.01)
        assert "more than 3 " in new.DerivationDescription and new.DerivationDescription.endswith("; cut out")
        assert [(c.CodeValue, c.CodingSchemeDesignator) for c in new.DerivationCodeSequence] == [("113040", "DCM")]
        (source,) = new.SourceImageSequence
        assert source.ReferencedSOPInstanceUID == before.SOPInstanceUID
        assert source.ReferencedSOPClassUID == before.SOPClassUID
        assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
        assert new.SmallestImagePixelValue == after.pixel_array.min()
        assert new.LargestImagePixelValue == after.pixel_array.max()
        assert new.PatientName == before.PatientName
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert "not the original" in describe(compressed.data).guarantee
    again = compress_file(original, allowance=Allowance(near=3))
    assert again.data == compressed.data
    other = compress_file(original, allowance=Allowance(near=4))
    assert read(other.data).SOPInstanceUID != packed.SOPInstanceUID


def assert_without_loss(original: bytes, allowance: Allowance, reason: str) -> None:
    """The image bears no error, for this reason: it is compressed without loss; with `strict` it is passed on."""
    compressed = compress_file(original, allowance=allowance)
    assert restore_file(compressed.data).data == original
    assert compressed.near == 0 and compressed.uids is None
    assert re.search(f"{reason}.*: compressed without loss$", compressed.remark)
    with pytest.raises(UnsupportedImageError, match=reason):
        compress_file(original, allowance=replace(allowance, strict=True))


def test_earlier_losses_are_kept_and_added_to():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113072", "DCM", "Multiplanar reformatting"
    original = ct(
        LossyImageCompression="01", LossyImageCompressionRatio=["8.5", "2"], LossyImageCompressionMethod="ISO_10918_1",
        DerivationCodeSequence=[code], SourceImageSequence=[Dataset()],
    )  # fmt: skip
    assert_without_loss(original, Allowance(near=2), r"\(0028,2110\).*--allow-lossy-again")
    new = read(compress_file(original, allowance=Allowance(near=2, lossy_again=True)).data)
    assert [str(r) for r in new.LossyImageCompressionRatio][:2] == ["8.5", "2"] and len(new.LossyImageCompressionRatio) == 3
    assert list(new.LossyImageCompressionMethod) == ["ISO_10918_1", "", "DICOMPRESS"]
    assert [c.CodeValue for c in new.DerivationCodeSequence] == ["113072", "113040"]
    assert len(new.SourceImageSequence) == 2


@pytest.mark.parametrize(
    "attributes",
    [{"Modality": "MG"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2.1"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}],
)
def test_mammograms_are_refused(attributes):
    assert_without_loss(ct(**attributes), Allowance(near=2), "--allow-mammography")
    assert compress_file(ct(**attributes), allowance=Allowance(near=2, mammography=True)).near == 2


@pytest.mark.parametrize("hu, near", [(7, 3), (2, 1), (1.9, 0), (10000, 255)])
def test_hounsfield_units(hu, near):
    original = ct()
    compressed = compress_file(original, allowance=Allowance(hu=hu))
    assert compressed.near == near
    if near == 0:
        assert restore_file(compressed.data).data == original


def test_hounsfield_units_need_a_rescale_to_them():
    for attributes in ({"RescaleType": "US"}, {"Modality": "XA"}):
        assert_without_loss(ct(**attributes), Allowance(hu=4), r"\(0028,1054\)")
    assert_without_loss(make(SIGNED), Allowance(hu=4), r"\(0028,1053\)")


def test_slopes_and_types_of_frames_in_functional_groups():
    frames = np.stack([phantom(40, 40, s) for s in range(2)])
    groups = []
    for slope in ("1", "3"):
        transformation, kind, group = Dataset(), Dataset(), Dataset()
        transformation.RescaleSlope, transformation.RescaleIntercept, transformation.RescaleType = slope, "0", "HU"
        kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
        group.PixelValueTransformationSequence, group.CTImageFrameTypeSequence = [transformation], [kind]
        groups.append(group)
    dataset = read(make(frames))
    dataset.Modality, dataset.PerFrameFunctionalGroupsSequence = "CT", groups
    buffer = _file(b"")
    dataset.save_as(buffer)
    compressed = compress_file(buffer.getvalue(), allowance=Allowance(hu=7))
    assert compressed.near == 2
    new = read(restore_file(compressed.data).data)
    for group in new.PerFrameFunctionalGroupsSequence:
        assert list(group.CTImageFrameTypeSequence[0].FrameType) == ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    assert errors(frames, new.pixel_array).max() == 2


@pytest.mark.parametrize("limit", [None, -1990])
def test_padding_stays_exact(limit):
    pixels = SIGNED.copy()
    pixels[:10], pixels[20, 20], pixels[30, 30] = -2000, -1993, -1988
    attributes = {"PixelPaddingValue": -2000} | ({} if limit is None else {"PixelPaddingRangeLimit": limit})
    after = read(restore_file(compress_file(ct(pixels, **attributes), allowance=Allowance(near=9)).data).data)
    last = -2000 if limit is None else limit
    assert np.array_equal(pixels <= last, after.pixel_array <= last)
    assert np.array_equal(pixels[pixels <= last], after.pixel_array[pixels <= last])
    assert errors(pixels, after.pixel_array).max() <= 9


def test_psnr_of_a_file_and_allowances_that_make_no_sense():
    original = ct()
    near = compress_file(original, allowance=Allowance(psnr=50)).near
    assert near == near_for_psnr(SIGNED, 50) > 0
    for wrong in ({}, {"near": 1, "psnr": 50}, {"near": 0}, {"near": 256}, {"hu": -1}, {"psnr": 0}, {"psnr": float("nan")}):
        with pytest.raises(ValueError):
            Allowance(**wrong)


def test_originals_in_other_transfer_syntaxes():
    dataset = read(ct(phantom(64, 64)))
    dataset.compress(RLELossless)
    buffer = _file(b"")
    dataset.save_as(buffer)
    after = read(restore_file(compress_file(buffer.getvalue(), allowance=Allowance(near=2)).data).data)
    assert 0 < errors(phantom(64, 64), after.pixel_array).max() <= 2
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    big = compress_file(make(SIGNED, ExplicitVRBigEndian), allowance=Allowance(near=2))
    assert 0 < errors(SIGNED, read(restore_file(big.data).data).pixel_array).max() <= 2


def test_data_sets_in_memory():
    dataset = read(ct())
    small = compress_dataset(dataset, allowance=Allowance(near=2))
    assert dataset.SOPInstanceUID == read(ct()).SOPInstanceUID != small.SOPInstanceUID
    assert small.SOPInstanceUID == read(compress_file(ct(), allowance=Allowance(near=2)).data).SOPInstanceUID
    assert 0 < errors(SIGNED, decompress_dataset(small).pixel_array).max() <= 2
    buffer = _file(b"")
    small.save_as(buffer)
    assert describe(buffer.getvalue()).near == 2


def test_the_command(tmp_path):
    source, small, back = tmp_path / "ct.dcm", tmp_path / "small", tmp_path / "back"
    source.write_bytes(ct())
    (tmp_path / "mg").write_bytes(ct(Modality="MG"))
    result = run("compress", source, tmp_path / "mg", "-o", small, "--near", 2)
    assert "2 compressed, 0 passed on" in result.stdout and "mammogram" in result.stderr
    assert restore_file((small / "mg").read_bytes()).data == (tmp_path / "mg").read_bytes()
    assert "near                      2" in run("info", small / "ct.dcm").stdout
    assert "2 verified" in run("verify", small).stdout
    result = run("decompress", small / "ct.dcm", "-o", back)
    assert "a derived image, not the original" in result.stderr
    assert 0 < errors(SIGNED, pydicom.dcmread(back).pixel_array).max() <= 2
    result = run("compress", source, "-o", tmp_path / "exact", "--near-hu", 1)
    assert "compressed without loss" in result.stderr
    run("decompress", tmp_path / "exact", "-o", tmp_path / "same")
    assert (tmp_path / "same").read_bytes() == source.read_bytes()
    for wrong in (["--near", 2, "--psnr", 50], ["--psnr", 0], ["--allow-mammography"]):
        assert "--near" in run("compress", source, "-o", tmp_path / "no", *wrong, check=1).stderr
    assert not (tmp_path / "no").exists()
