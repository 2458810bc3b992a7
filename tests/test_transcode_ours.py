"""What dicompress compressed, in standard syntaxes: the original's pixels, no restore record, byte for byte where it is native."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.files import change, make, pydicom_file, read, written
from helpers.images import phantom
from helpers.jpegs import jpeg_file, jpegs
from helpers.originals import ORIGINALS, colour
from helpers.transcoded import SYNTAX, elements
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

from dicompress import FileError, StreamError, UnsupportedImageError, VerificationError
from dicompress.dicom import Allowance, PassedOn, compress_file, restore_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.record import has_record
from dicompress.dicom.standard import TARGETS
from dicompress.dicom.stored import whole_pixels
from dicompress.dicom.syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from dicompress.dicom.transcode import transcode_file, transcode_or_pass_on

TRUE = {to: target.encode for to, target in TARGETS.items()}


def drawn() -> bytes:
    """An image that is compressed to JPEG XL Lossless."""
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[30:60, 20:90] = (255, 128, 0)
    return change(
        make(np.zeros((128, 128), np.uint8)), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        PixelData=pixels.tobytes(),
    )  # fmt: skip


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("to", SYNTAX)
def test_a_compressed_ct_is_the_same_image_without_a_record(to, record):
    original = make(phantom(64, 80), bits_stored=12)
    result = transcode_file(compress_file(original, threads=1, record=record).data, to, 1)
    assert result.syntax == SYNTAX[to] and not has_record(parse(result.data).raw)
    assert elements(read(result.data)) == elements(read(original))
    assert np.array_equal(whole_pixels(parse(result.data))[0][0], phantom(64, 80))


def test_native_originals_come_back_byte_for_byte_big_endian_ones_turned():
    for name, make_original in ORIGINALS.items():
        original = make_original()
        result = transcode_file(compress_file(original, threads=1).data, "native", 1)
        if name in ("big-endian", "RLE"):
            assert read(result.data).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
            assert np.array_equal(read(result.data).pixel_array, read(original).pixel_array)
        else:
            assert result.data == original, name
        assert result.verified == ("dicompress", "pydicom")


def test_deflated_originals_are_turned_and_transcoded():
    dataset = read(make(phantom(64, 80), bits_stored=12))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ours = compress_file(written(dataset), threads=1).data
    for to in ("native", "htj2k"):
        after = read(transcode_file(ours, to, 1).data)
        assert np.array_equal(after.pixel_array, phantom(64, 80)) and elements(after) == elements(dataset)


@pytest.mark.parametrize("to", SYNTAX)
def test_what_cannot_be_encoded_here_is_native_with_the_reason(to, monkeypatch):
    original = make(phantom(64, 80), bits_stored=12)
    ours = compress_file(original, threads=1).data

    def fails(*_):
        raise RuntimeError("no room")

    monkeypatch.setitem(TARGETS, to, replace(TARGETS[to], encode=fails))
    assert transcode_file(ours, to, 1).remark.endswith("does not take it: no room")
    monkeypatch.setitem(TARGETS, to, replace(TARGETS[to], codec="MISSING"))
    result = transcode_file(ours, to, 1)
    assert result.data == original and "pip install -U imagecodecs" in result.remark


@pytest.mark.parametrize("to", SYNTAX)
def test_a_reader_that_finds_other_values_stops_it(to, monkeypatch):
    def wrong(frame, precision, threads, transform):
        return TRUE[to](frame ^ 1, precision, threads, transform)

    monkeypatch.setitem(TARGETS, to, replace(TARGETS[to], encode=wrong))
    with pytest.raises(VerificationError, match="reads other values from frame 1 than were written"):
        transcode_file(make(phantom(64, 80), bits_stored=12), to, 1)


@pytest.mark.parametrize("to", SYNTAX)
def test_native_ours_standard_native_ours_native_ends_where_it_began(to):
    original = make(phantom(64, 80), bits_stored=12)
    standard = transcode_file(compress_file(original, threads=1).data, to, 1).data
    native = transcode_file(standard, "native", 1).data
    assert native == original
    assert transcode_file(compress_file(native, threads=1).data, "native", 1).data == original


def test_jpeg_xl_lossless_of_ours_is_kept_without_the_record():
    original = drawn()
    ours = compress_file(original, threads=1).data
    assert read(ours).file_meta.TransferSyntaxUID == JPEG_XL_LOSSLESS
    result = transcode_file(ours, "jxl", 1)
    assert not has_record(parse(result.data).raw)
    assert parse(result.data).value == parse(ours).value
    assert transcode_file(ours, "native", 1).data == original
    for to in ("jls", "j2k", "htj2k"):
        after = transcode_file(ours, to, 1).data
        assert np.array_equal(whole_pixels(parse(after))[0], whole_pixels(parse(original))[0])


def test_what_jpeg_xl_does_not_hold_is_native_and_said():
    signed = make(phantom(64, 80).astype(np.int16) - 1000, bits_stored=13)
    for original, reason in ((signed, "signed values"), (colour("YBR_FULL", 0), "YBR_FULL")):
        result = transcode_file(compress_file(original, threads=1).data, "jxl", 1)
        assert result.data == original
        assert result.remark.startswith("in native form: JPEG XL Lossless holds no ") and reason in result.remark
        passed = transcode_or_pass_on(original, "jxl", 1)
        assert isinstance(passed, PassedOn) and reason in passed.reason and not passed.damaged


@pytest.mark.parametrize("to", SYNTAX)
def test_derived_images_stay_what_they_are(to):
    ours = compress_file(make(phantom(64, 80), bits_stored=12), threads=1, allowance=Allowance(near=3)).data
    derived = read(restore_file(ours).data)
    after = read(transcode_file(ours, to, 1).data)
    assert elements(after) == elements(derived)
    assert after.LossyImageCompression == "01" and after.SOPInstanceUID == derived.SOPInstanceUID
    found = whole_pixels(parse(transcode_file(ours, to, 1).data))[0][0]
    assert np.array_equal(found, derived.pixel_array) and 0 < np.abs(found.astype(int) - phantom(64, 80)).max() <= 3


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("to", ["native", "jls", "j2k", "htj2k", "jxl"])
def test_jpeg_frames_stay_the_jpeg_they_are(to, record):
    padded = [frame + b"\0" * (len(frame) % 2) for frame in jpegs(2)]
    original = jpeg_file(encapsulate(padded), 2)
    ours = compress_file(original, threads=1, record=record).data
    if to == "jxl" and not record:
        with pytest.raises(UnsupportedImageError, match="in JPEG XL JPEG Recompression already"):
            transcode_file(ours, to)
        return
    result = transcode_file(ours, to, 1)
    if to == "jxl":
        assert result.syntax == JPEG_XL_JPEG and not has_record(parse(result.data).raw)
        assert np.array_equal(whole_pixels(parse(result.data))[0], whole_pixels(parse(original))[0])
    else:
        assert result.syntax == JPEGBaseline8Bit and "JPEG frames stay the JPEG they are" in result.remark
        assert list(generate_frames(read(result.data).PixelData, number_of_frames=2)) == padded
        assert result.data == original or not record


def test_changed_elements_are_kept_as_changed():
    ours = read(compress_file(pydicom_file("CT_small.dcm"), threads=1).data)
    ours.PatientName = "Somebody^Else"
    after = read(transcode_file(written(ours), "j2k", 1).data)
    assert after.PatientName == "Somebody^Else"
    assert np.array_equal(after.pixel_array, read(pydicom_file("CT_small.dcm")).pixel_array)


def test_damage_is_an_error_of_ours_and_passed_on_of_others():
    data = pydicom_file("CT_small.dcm")
    ours = bytearray(compress_file(data, threads=1).data)
    ours[-1000] ^= 0xFF
    with pytest.raises(StreamError):
        transcode_or_pass_on(bytes(ours), "jls", 1)
    with pytest.raises(FileError):
        transcode_or_pass_on(bytes(ours[:-3000]), "jls", 1)
    passed = transcode_or_pass_on(data[:-3000], "jls", 1)
    assert isinstance(passed, PassedOn) and passed.damaged
    assert not transcode_or_pass_on(b"text", "jls").is_dicom
