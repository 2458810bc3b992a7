"""What is no image or no sound one is passed on with the reason; arrays and data sets in memory that are odd are told so."""

import io

import numpy as np
import pytest
from helpers.files import make, pydicom_file, read
from helpers.images import phantom
from helpers.kinds import PASSED_ON
from helpers.objects import Writer, encapsulated_file, head_of, insert
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

import dicompress.pydicom
from dicompress import FileError, LimitError, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.dicom import PassedOn, compress_file, compress_or_pass_on, describe, restore_file
from dicompress.errors import NotDicomError

PIXELS = phantom(64, 64)
W, IMPLICIT = Writer(), Writer(implicit=True)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 500, b"GIF89a" + bytes(200), b"A note.\n" * 50, b"\x08\x00\x05\x00", b"\x89PNG\r\n\x1a\n" * 9, b"\0\1\0\0" * 40],
    ids=["empty", "zeros", "GIF", "text", "four bytes", "PNG", "DS_Store"],
)
def test_what_is_no_dicom_file(data):
    with pytest.raises(NotDicomError):
        compress_file(data)
    assert not compress_or_pass_on(data).is_dicom


@pytest.mark.parametrize("name", PASSED_ON)
def test_what_is_odd_is_passed_on_and_is_no_failure(name):
    result = compress_or_pass_on(PASSED_ON[name]())
    assert isinstance(result, PassedOn) and result.is_dicom and not result.damaged
    assert result.reason and "\n" not in result.reason


def test_more_than_is_allowed_is_passed_on(monkeypatch):
    original = make(PIXELS)
    monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", "4095")
    with pytest.raises(LimitError):
        compress_file(original)
    result = compress_or_pass_on(original)
    assert isinstance(result, PassedOn) and "DICOMPRESS_MAX_PIXELS" in result.reason and not result.damaged


CUT = {
    "in the pixels": lambda: make(PIXELS)[:-10],
    "in an element": lambda: head_of(make(PIXELS))[:-1],
    "in the meta information": lambda: make(PIXELS)[:150],
    "in the items": lambda: encapsulated_file(RLELossless, [b"x" * 100], PIXELS)[:-60],
    "before the delimiter": lambda: encapsulated_file(RLELossless, [b"x" * 100], PIXELS)[:-8],
    "deflated": lambda: make(PIXELS, DeflatedExplicitVRLittleEndian)[:-40],
    "implicit": lambda: make(PIXELS, ImplicitVRLittleEndian)[:-10],
    "big-endian": lambda: make(PIXELS, ExplicitVRBigEndian)[:-10],
    "behind the pixels": lambda: insert(make(PIXELS), behind=W.element(0xFFFCFFFC, "OB", bytes(20)))[:-10],
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_short_is_damage(name):
    with pytest.raises(FileError):
        compress_file(CUT[name]())
    result = compress_or_pass_on(CUT[name]())
    assert isinstance(result, PassedOn) and result.damaged


@pytest.mark.parametrize("make_buffer", [io.BytesIO, lambda value: position(io.BytesIO(value), 7)])
def test_pixel_data_that_is_a_buffer(make_buffer):
    dataset = read(make(PIXELS))
    value = dataset.PixelData
    dataset["PixelData"].value = make_buffer(value)
    at = dataset["PixelData"].value.tell()
    compressed = compress_dataset(dataset)
    assert dataset["PixelData"].value.tell() == at
    assert np.array_equal(decompress_dataset(compressed).pixel_array, PIXELS)
    compressed["PixelData"].value = io.BytesIO(compressed.PixelData)
    assert np.array_equal(decompress_dataset(compressed).pixel_array, PIXELS)


def position(buffer: io.BytesIO, at: int) -> io.BytesIO:
    buffer.seek(at)
    return buffer


@pytest.mark.parametrize("array", [PIXELS, PIXELS.astype(np.int16), np.stack([PIXELS] * 3, -1)])
def test_masked_arrays_are_an_error(array):
    with pytest.raises(UnsupportedImageError, match="masked"):
        dicompress.encode(np.ma.masked_less(array, 100), colour=array.ndim == 3)


@pytest.mark.parametrize("near", [2.0, None, "1", np.float32(3), -1, 256])
def test_an_error_is_a_whole_number(near):
    with pytest.raises(ValueError, match="whole number"):
        dicompress.encode(PIXELS, near=near)
    assert dicompress.encode(PIXELS, near=np.int64(2)) == dicompress.encode(PIXELS, near=2)


def test_exact_values_of_colours_are_refused():
    with pytest.raises(ValueError, match="`exact`"):
        dicompress.encode(np.stack([PIXELS] * 3, -1), colour=True, near=2, exact=[(0, 0)])


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm", "SC_jpeg_no_color_transform.dcm"])
def test_jpeg_xl_files_as_data_sets_in_memory(name):
    original = pydicom_file(name)
    restored = decompress_dataset(read(compress_file(original).data))
    assert restored.PixelData == read(original).PixelData or np.array_equal(restored.pixel_array, read(original).pixel_array)
    assert restored.file_meta.TransferSyntaxUID == JPEGBaseline8Bit and 0x7FD90010 not in restored


def test_what_compress_dataset_writes_is_verified():
    buffer = io.BytesIO()
    compress_dataset(read(make(PIXELS))).save_as(buffer)
    restored = restore_file(buffer.getvalue())
    assert np.array_equal(read(restored.data).pixel_array, PIXELS) and not restored.edited
    assert restored.remark == describe(buffer.getvalue()).guarantee
    assert "without a restore record" in restored.remark
