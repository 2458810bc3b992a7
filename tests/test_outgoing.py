"""What leaves a gateway is in a transfer syntax that the peer accepted, and holds what is stored."""

import numpy as np
import pytest
from helpers.files import change, make, pydicom_file, read
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from dicompress import dicom
from dicompress.dicom.syntax import DICOMPRESS, JPEG_XL_JPEG
from dicompress.server.outgoing import NoSyntaxError, outgoing

CT = "CT_small.dcm"  # Explicit VR Little Endian
NATIVE = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@pytest.mark.parametrize("name", [CT, "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm"])
def test_what_the_peer_takes_goes_as_it_is(name):
    data = pydicom_file(name)
    syntax = read(data).file_meta.TransferSyntaxUID
    assert outgoing(data, [*NATIVE, syntax]) == (data, syntax)


@pytest.mark.parametrize(
    "name",
    [
        CT,
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "JPEG2000.dcm",
    ],
)
@pytest.mark.parametrize("syntax", [*NATIVE, DeflatedExplicitVRLittleEndian])
def test_native_syntaxes_hold_what_all_others_do(name, syntax):
    data = pydicom_file(name)
    found, told = outgoing(data, [syntax])
    assert told == syntax == read(found).file_meta.TransferSyntaxUID
    assert read(found).SOPInstanceUID == read(data).SOPInstanceUID
    np.testing.assert_array_equal(read(found).pixel_array, read(data).pixel_array)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("name", [CT, "MR_small_RLE.dcm"])
def test_standard_compressed_syntaxes_are_lossless(name, syntax):
    data = pydicom_file(name)
    found, told = outgoing(data, [syntax])
    assert told == syntax
    np.testing.assert_array_equal(read(found).pixel_array, read(data).pixel_array)


def test_native_comes_before_compressed_as_it_is_least_work():
    assert (
        outgoing(pydicom_file("MR_small_RLE.dcm"), [JPEG2000Lossless, ImplicitVRLittleEndian, ExplicitVRLittleEndian])[1] == NATIVE[0]
    )


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
def test_ours_goes_to_those_who_name_it_and_is_restored_for_others(syntax):
    data = pydicom_file(CT)
    packed = dicom.compress_file(data).data
    assert outgoing(packed, [ExplicitVRLittleEndian, DICOMPRESS]) == (packed, DICOMPRESS)
    found, told = outgoing(packed, [syntax])
    assert told == syntax
    np.testing.assert_array_equal(read(found).pixel_array, read(data).pixel_array)
    if syntax == ExplicitVRLittleEndian:
        assert found == data


def test_jpeg_frames_that_were_recompressed_are_jpeg_again_or_decoded():
    data = pydicom_file("SC_rgb_jpeg_dcmtk.dcm")
    packed = dicom.compress_file(data).data
    assert read(packed).file_meta.TransferSyntaxUID == JPEG_XL_JPEG
    assert outgoing(packed, [JPEGBaseline8Bit, ExplicitVRLittleEndian])[1] == ExplicitVRLittleEndian
    found, _ = outgoing(packed, [ExplicitVRLittleEndian])
    np.testing.assert_array_equal(read(found).pixel_array, read(data).pixel_array)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, JPEG2000Lossless])
@pytest.mark.parametrize("name", ["reportsi.dcm", "rtplan.dcm"])
def test_objects_without_pixels_go_in_any_syntax(name, syntax):
    data = pydicom_file(name)
    found, told = outgoing(data, [syntax])
    assert told == syntax
    assert read(found).SOPInstanceUID == read(data).SOPInstanceUID
    assert {e.tag for e in read(found)} == {e.tag for e in read(data) if e.tag.element}


def test_no_way_is_an_error_that_names_both_sides():
    with pytest.raises(NoSyntaxError, match="the object is in Explicit VR Little Endian, the peer takes JPEG Baseline"):
        outgoing(pydicom_file(CT), [JPEGBaseline8Bit])
    with pytest.raises(NoSyntaxError, match="JPEG-LS Lossless: 32 bits|JPEG-LS Lossless: .*"):
        outgoing(make(np.zeros((8, 8), "u4")), [JPEGLSLossless])
    with pytest.raises(NoSyntaxError, match="takes nothing"):
        outgoing(change(pydicom_file(CT)), [])
    with pytest.raises(NoSyntaxError):
        outgoing(pydicom_file(CT), [UID(ExplicitVRBigEndian)])
