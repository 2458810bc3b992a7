"""What is no image or no sound one is passed on with the reason; arrays and data sets in memory that are odd are told so."""

import io

import imagecodecs
import numpy as np
import pytest
from conftest import phantom
from objects import ITEM, Writer, encapsulated, head_of, insert, read
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)
from test_dicom import make, test_file
from test_forms import encapsulated_file

import dicompress.pydicom  # noqa: F401
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


PASSED_ON = {
    "frames that do not add up": lambda: encapsulated_file(
        JPEGBaseline8Bit, [imagecodecs.jpeg8_encode(p) for p in three()], three()[:2]
    ),
    "fewer frames": lambda: encapsulated_file(JPEGBaseline8Bit, [imagecodecs.jpeg8_encode(p) for p in three()[:1]], three()),
    "a table that points elsewhere": lambda: with_table(b"\x09\0\0\0" * 3),
    "a table beyond the end": lambda: with_table(b"\0\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f"),
    "empty": lambda: head_of(make(PIXELS)) + W.element(0x7FE00010, "OW"),
    "empty, implicit": lambda: head_of(make(PIXELS, ImplicitVRLittleEndian)) + IMPLICIT.element(0x7FE00010, ""),
    "no items": lambda: encapsulated_file(RLELossless, [], PIXELS).replace(ITEM + bytes(4), b""),
    "1 bit": lambda: test_file("liver_1frame.dcm"),
    "32 bits": lambda: test_file("rtdose.dcm"),
    "no pixels": lambda: test_file("rtplan.dcm"),
    "elements in the place of the record": lambda: insert(make(PIXELS), W.element(0x7FD90010, "LO", b"SOMEBODY")),
}


def three() -> np.ndarray:
    return np.stack([(phantom(64, 64, k) >> 4).astype(np.uint8) for k in range(3)])


def with_table(table: bytes) -> bytes:
    frames = [imagecodecs.jpeg8_encode(p) for p in three()]
    data = encapsulated_file(JPEGBaseline8Bit, frames, three())
    return head_of(data) + encapsulated(*(f + b"\0" * (len(f) % 2) for f in frames), table=table)


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
    original = test_file(name)
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
