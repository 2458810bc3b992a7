"""Near-lossless files: what is refused, units, and an honest derived image."""

import re
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import make
from helpers.images import phantom
from helpers.near import SIGNED, errors
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from dicompress import Allowance, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.codec import near_for_psnr
from dicompress.dicom import compress_file, describe, restore_file


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


@pytest.mark.slow
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
