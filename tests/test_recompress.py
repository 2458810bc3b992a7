"""Files with JPEG frames: JPEG XL takes fewer bytes, and the file comes back byte for byte."""

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from helpers.command import run
from helpers.files import change, pydicom_file, read
from helpers.jpegs import jpeg_file, jpegs
from helpers.objects import RECORD
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGExtended12Bit

import dicompress.pydicom  # noqa: F401
from dicompress import Allowance, FileError, LimitError, StreamError, UnsupportedImageError
from dicompress.codec import jpegxl
from dicompress.dicom import compress_file, describe, restore_file, resume, strip_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.recompress import jpeg_xl_frames
from dicompress.dicom.syntax import JPEG_XL_JPEG


@pytest.fixture(scope="module")
def grey() -> bytes:
    return jpeg_file(encapsulate(jpegs(3)), 3, DataSetTrailingPadding=b"\0" * 10)


@pytest.fixture(scope="module")
def compressed(grey) -> bytes:
    return compress_file(grey).data


def assert_identical(data: bytes) -> bytes:
    result = compress_file(data)
    assert len(result.data) < len(data) and result.near == 0
    assert restore_file(result.data).data == data
    return result.data


def test_frames_are_jpeg_xl_of_the_same_jpeg(grey, compressed):
    assert restore_file(compressed).data == grey
    assert len(compressed) < 0.9 * len(grey)
    dataset = read(compressed)
    assert dataset.file_meta.TransferSyntaxUID == JPEG_XL_JPEG
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    assert [imagecodecs.jpegxl_decode_jpeg(frame) for frame in frames] == list(
        generate_frames(read(grey).PixelData, number_of_frames=3)
    )
    before = read(grey)
    del before.PixelData, dataset.PixelData
    assert list(before) == [e for e in dataset if e.tag not in RECORD]


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_jpeg_no_color_transform.dcm"])
def test_colour(name):
    assert_identical(pydicom_file(name))


def test_many_frames_of_half_colour():
    assert_identical(pydicom_file("examples_ybr_color.dcm"))


def test_any_fragments_and_offset_tables():
    coded = jpegs(3)
    for fragments in (1, 2, 5):
        for offsets in (True, False):
            assert_identical(jpeg_file(encapsulate(coded, fragments_per_frame=fragments, has_bot=offsets), 3))
    value, table, lengths = encapsulate_extended(coded)
    data = jpeg_file(value, 3, ExtendedOffsetTable=table, ExtendedOffsetTableLengths=lengths)
    assert "ExtendedOffsetTable" not in read(assert_identical(data))


def test_eight_bits_in_the_extended_process():
    assert_identical(jpeg_file(encapsulate(jpegs(1)), 1, JPEGExtended12Bit))


def test_info(grey, compressed):
    info = describe(compressed)
    assert (info.frames, info.rows, info.columns, info.samples, info.bits_stored, info.near) == (3, 200, 301, 1, 8, 0)
    assert info.model.startswith("JPEG XL") and info.guarantee == "the original file, byte for byte"
    assert info.original_transfer_syntax.startswith(JPEGBaseline8Bit)
    assert info.coded_bytes == sum(map(len, jpeg_xl_frames(parse(compressed))))
    assert info.ratio_stored == pytest.approx(8 / info.bits_per_pixel)


def test_pydicom_reads_the_pixels(grey, compressed):
    before, after = read(grey), read(compressed)
    assert np.array_equal(before.pixel_array, after.pixel_array)
    after.decompress(generate_instance_uid=False)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert not any(tag in after for tag in RECORD)
    assert np.array_equal(before.pixel_array, after.pixel_array)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm"])
def test_pydicom_reads_colour(name):
    data = pydicom_file(name)
    before, after = read(data), read(compress_file(data).data)
    assert np.array_equal(before.pixel_array, after.pixel_array)
    for dataset in (before, after):
        dataset.decompress(generate_instance_uid=False)
    assert before == after


@pytest.mark.parametrize(
    "make_file, reason",
    [
        (lambda: pydicom_file("JPGExtended.dcm"), "12 bits"),
        (lambda: pydicom_file("SC_rgb_small_odd_jpeg.dcm"), "it would take .* bytes instead of"),
        (lambda: jpeg_file(encapsulate([b"\xff\xd8nothing\xff\xd9"]), 1), "does not take this JPEG"),
        (lambda: jpeg_file(encapsulate([*jpegs(1), b"\0\0"]).replace(b"\2\0\0\0\0\0", b"\0\0\0\0"), 2), "an empty fragment"),
    ],
    ids=["12 bits", "growing", "no JPEG", "empty frame"],
)
def test_passed_on(make_file, reason):
    with pytest.raises(UnsupportedImageError, match=reason) as error:
        compress_file(make_file())
    assert "\n" not in str(error.value)


def test_no_error_is_added_to_lossy_frames(grey):
    result = compress_file(grey, allowance=Allowance(near=1))
    assert restore_file(result.data).data == grey
    assert result.near == 0 and result.remark == "JPEG frames bear no further error: compressed without loss"
    with pytest.raises(UnsupportedImageError, match="bear no further error"):
        compress_file(grey, allowance=Allowance(near=1, strict=True))


def test_a_library_without_jpeg_xl(grey, monkeypatch):
    monkeypatch.setattr(imagecodecs.JPEGXL, "available", False)
    with pytest.raises(UnsupportedImageError, match="without JPEG XL"):
        compress_file(grey)


def test_frames_that_do_not_add_up_are_passed_on():
    with pytest.raises(UnsupportedImageError, match="2 frames .*, 3 are expected"):
        compress_file(jpeg_file(encapsulate(jpegs(2)), 3))
    with pytest.raises(UnsupportedImageError, match="Number of Frames is not a number"):
        data = jpeg_file(encapsulate(jpegs(2)), 2)
        compress_file(data.replace(b"IS\x02\x002 ", b"IS\x02\x00x "))


def test_edited_elements_are_kept_with_the_same_jpeg(grey, compressed):
    restored = restore_file(change(compressed, PatientName="Somebody^Else", StudyID="1234"))
    assert restored.edited
    dataset = read(restored.data)
    assert dataset.PatientName == "Somebody^Else" and dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert dataset.PixelData == read(grey).PixelData
    assert not any(tag in dataset for tag in RECORD)


def test_without_a_restore_record_the_jpeg_comes_back(grey, compressed):
    """As others write this transfer syntax, or after the record was removed."""
    dataset = read(compressed)
    for tag in RECORD:
        del dataset[tag]
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert strip_file(compressed).data == buffer.getvalue()
    restored = restore_file(buffer.getvalue())
    assert read(restored.data).PixelData == read(grey).PixelData
    assert read(restored.data).file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert not restored.edited and "the JPEG frames and the elements can be restored" in restored.remark
    assert describe(buffer.getvalue()).guarantee == restored.remark
    with pytest.raises(UnsupportedImageError, match="already compressed: JPEG XL JPEG Recompression"):
        compress_file(buffer.getvalue())


def test_what_is_compressed_is_not_compressed_again(compressed):
    with pytest.raises(UnsupportedImageError, match="already compressed by dicompress"):
        compress_file(compressed)


def test_any_damage_is_an_error(grey, compressed):
    pixels = parse(compressed).pixels
    for position in range(pixels.start, pixels.stop, 97):
        damaged = compressed[:position] + bytes([compressed[position] ^ 16]) + compressed[position + 1 :]
        try:
            restored = restore_file(damaged).data
        except (StreamError, FileError):
            continue
        assert restored == grey  # a byte that nothing depends on
    for end in (pixels.start + 10, (pixels.start + pixels.stop) // 2, pixels.stop - 1):
        with pytest.raises((StreamError, FileError)):
            restore_file(compressed[:end])
    with pytest.raises(StreamError, match="no JPEG XL file"):
        jpegxl.to_jpeg(b"no JPEG XL")


@pytest.mark.parametrize(
    "shape", [(1, 1), (8, 8), (256, 256), (480, 640), (100, 120), (90, 160), (600, 513), (9000, 70), (64, 20000)]
)
def test_the_size_is_read_from_the_header_and_capped(monkeypatch, shape):
    jpeg = imagecodecs.jpeg8_encode(np.zeros(shape, np.uint8))
    frame = jpegxl.from_jpeg(jpeg)
    assert jpegxl.size(frame) == shape
    monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", str(3 * shape[0] * shape[1]))
    assert jpegxl.to_jpeg(frame) == jpeg
    monkeypatch.setenv("DICOMPRESS_MAX_PIXELS", str(3 * shape[0] * shape[1] - 1))
    with pytest.raises(LimitError, match="DICOMPRESS_MAX_PIXELS"):
        jpegxl.to_jpeg(frame)


def test_frames_in_another_order_are_an_error(compressed):
    dataset = read(compressed)
    dataset.PixelData = encapsulate(list(generate_frames(dataset.PixelData, number_of_frames=3))[::-1])
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    with pytest.raises(StreamError, match="checksum"):
        restore_file(buffer.getvalue())


def test_a_target_that_is_right_is_kept(grey, compressed):
    assert resume.is_compressed(grey, compressed, None, 1)
    assert resume.is_decompressed(compressed, grey, 1)
    other = jpeg_file(encapsulate(jpegs(3)), 3, StudyID="other")
    assert not resume.is_compressed(other, compressed, None, 1)
    assert not resume.is_decompressed(compressed, other, 1)
    assert not resume.is_compressed(grey, change(compressed, StudyID="other"), None, 1)


@pytest.mark.slow
def test_commands(tmp_path, grey):
    (tmp_path / "in").mkdir()
    Path(tmp_path / "in" / "film.dcm").write_bytes(grey)
    run("compress", tmp_path / "in", "-o", f"{tmp_path}/small/")
    run("verify", tmp_path / "small")
    assert "JPEG XL" in run("info", tmp_path / "small" / "film.dcm").stdout
    run("decompress", tmp_path / "small", "-o", f"{tmp_path}/back/")
    assert (tmp_path / "back" / "film.dcm").read_bytes() == grey
