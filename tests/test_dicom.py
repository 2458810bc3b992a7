"""DICOM files: what comes back, what is passed on, and what is an error."""

import io
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from helpers.files import change, make, pydicom_file
from helpers.images import phantom
from helpers.objects import RECORD
from helpers.streams import joined, stream_parts
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicompress import (
    DicompressError,
    FileError,
    LimitError,
    StreamError,
    UnknownModelError,
    UnsupportedImageError,
    compress_dataset,
    decompress_dataset,
)
from dicompress.dicom import DICOMPRESS, compress_file, describe, restore_file
from dicompress.dicom.part10 import parse


def test_big_endian_words_are_little_endian_in_the_compressed_file():
    dataset = pydicom.dcmread(io.BytesIO(make(phantom(64, 64), ExplicitVRBigEndian)))
    lut = Dataset()
    lut.LUTDescriptor = [4, 0, 16]
    lut["LUTDescriptor"].VR = "US"
    lut.add_new("LUTData", "OW", np.array([1, 2, 3, 500], ">u2").tobytes())
    dataset.ModalityLUTSequence = [lut]
    dataset.add_new(0x60003000, "OW", np.array([0x0102], ">u2").tobytes())
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    compressed = pydicom.dcmread(io.BytesIO(assert_identical(buffer.getvalue())))
    assert np.frombuffer(compressed.ModalityLUTSequence[0].LUTData, "<u2").tolist() == [1, 2, 3, 500]
    assert compressed[0x60003000].value == b"\x02\x01"


def assert_identical(original: bytes) -> bytes:
    compressed = compress_file(original).data
    assert len(compressed) < len(original)
    assert restore_file(compressed).data == original
    return compressed


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda s: s.name,
)
@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint8"])
def test_uncompressed_originals_come_back_byte_for_byte(syntax, dtype):
    pixels = phantom(197, 201) // 4 + np.add.outer(np.arange(197), np.arange(201)) // 3 - 40
    original = make((pixels % 256 if dtype == "uint8" else pixels).astype(dtype), syntax)
    compressed = assert_identical(original)
    info = describe(compressed)
    assert info.original_transfer_syntax.startswith(syntax) and "byte for byte" in info.guarantee


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_expb.dcm",
     "MR_small_padded.dcm", "examples_overlay.dcm"],
)  # fmt: skip
def test_files_that_nobody_here_wrote(name):
    assert_identical(Path(get_testdata_file(name)).read_bytes())


def test_a_deflated_file_with_bytes_behind_the_deflated_data():
    assert_identical(make(phantom(128, 128), DeflatedExplicitVRLittleEndian) + b"\1\2\3\4\5\6\7\0")


def test_odd_preamble_and_trailing_padding_come_back():
    original = bytearray(make(phantom(64, 64)))
    original[:128] = b"II*\0" + b"preamble!" * 13 + b"tail of it "[:7]
    assert len(original[:128]) == 128
    assert_identical(bytes(original) + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0\1\2\3\4")


ENCODERS = {
    JPEGLosslessSV1: imagecodecs.ljpeg_encode,
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True, codecformat="j2k"),
    HTJ2KLossless: imagecodecs.htj2k_encode,
}


@pytest.mark.parametrize("syntax", [RLELossless, *ENCODERS], ids=lambda s: s.name)
def test_losslessly_compressed_originals_come_back_with_identical_pixels_and_elements(syntax):
    original = encapsulated_ct(syntax)
    compressed = compress_file(original, threads=1)
    restored = restore_file(compressed.data).data
    before, after = pydicom.dcmread(io.BytesIO(original)), pydicom.dcmread(io.BytesIO(restored))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(before.pixel_array, after.pixel_array)
    for dataset in (before, after):
        del dataset.PixelData
    assert before == after
    info = describe(compressed.data)
    assert info.original_transfer_syntax.startswith(syntax) and "identical pixels" in info.guarantee


def encapsulated_ct(syntax) -> bytes:
    """Values in steps of 15, which these codecs do not notice, so that dicompress has something to gain."""
    pixels = (phantom(256, 256) * 15).astype(np.uint16)
    dataset = pydicom.dcmread(io.BytesIO(make(pixels)))
    if syntax == RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](pixels))])
        dataset["PixelData"].VR = "OB"
    dataset.add_new(0x00091001, "OB", b"private!")
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_compressed_files_are_valid_dicom_with_all_elements_readable(name):
    path = get_testdata_file(name)
    original = pydicom.dcmread(path)
    compressed = pydicom.dcmread(io.BytesIO(compress_file(Path(path).read_bytes()).data))
    assert compressed.file_meta.TransferSyntaxUID == DICOMPRESS and DICOMPRESS.startswith("2.25.")
    assert compressed["PixelData"].VR == "OB" and compressed["PixelData"].is_undefined_length
    assert compressed.SOPInstanceUID == original.SOPInstanceUID
    assert "LossyImageCompression" not in compressed
    del original.PixelData, compressed.PixelData
    rest = [e for e in compressed if e.tag not in RECORD]
    assert [e for e in original if e.tag.element] == rest  # group lengths are not written


def test_frames_are_separate_items():
    pixels = np.stack([phantom(64, 72, s) for s in range(4)])
    compressed = assert_identical(make(pixels))
    value = pydicom.dcmread(io.BytesIO(compressed)).PixelData
    streams = list(pydicom.encaps.generate_frames(value, number_of_frames=4))
    import dicompress

    assert np.array_equal(dicompress.decode(streams[2]), pixels[2])
    info = describe(compressed)
    assert info.frames == len(info.checksums) == 4
    assert info.level_bytes[0] == info.coded_bytes == sum(dicompress.inspect(s).coded_bytes for s in streams)


def test_values_outside_bits_stored_survive():
    pixels = phantom(64, 64)
    pixels[3, 5], pixels[7, 7] = 0xF123, 0xFFFF
    assert describe(assert_identical(make(pixels, bits_stored=12))).bits_stored == 12


@pytest.mark.parametrize(
    "original, reason",
    [
        (lambda: change(pydicom_file("liver_1frame.dcm"), PixelRepresentation=1), "Bits Allocated .* 1 of signed"),
        (lambda: change(pydicom_file("rtdose.dcm"), BitsAllocated=64), "Bits Allocated .* 64"),
        (lambda: pydicom_file("rtplan.dcm"), "no Pixel Data"),
        (lambda: pydicom_file("JPEG2000.dcm"), "lossy"),
        (lambda: make(np.random.default_rng(0).integers(0, 65536, (64, 64)).astype(np.uint16)), "instead of"),
        (lambda: compress_file(pydicom_file("CT_small.dcm")).data, "already compressed"),
    ],
)
def test_what_cannot_be_compressed_says_why(original, reason):
    with pytest.raises(UnsupportedImageError, match=reason):
        compress_file(original())


@pytest.mark.parametrize(
    "data, message",
    [
        (lambda: b"", "empty"),
        (lambda: b"just a text file, nothing more\n" * 20, "not a DICOM file"),
        (lambda: pydicom_file()[:20000], "cut short|expected"),
        (lambda: pydicom_file()[:140], "cut short"),
        (lambda: pydicom_file("MR_truncated.dcm"), "8130 bytes of 8192"),
        (lambda: make(phantom(64, 64), DeflatedExplicitVRLittleEndian)[:-50], "cut short"),
    ],
)
def test_what_is_no_sound_file_is_an_error(data, message):
    with pytest.raises(FileError, match=message):
        compress_file(data())


def test_any_flipped_byte_of_the_pixel_data_is_an_error():
    compressed = compress_file(make(phantom(40, 48))).data
    pixels = parse(compressed).pixels
    for position in [*range(pixels.start, pixels.start + 60), *range(pixels.start + 60, pixels.stop, 3)]:
        damaged = bytearray(compressed)
        damaged[position] ^= 0x20
        with pytest.raises(DicompressError):
            restore_file(bytes(damaged))


def test_any_cut_of_the_pixel_data_is_an_error():
    compressed = compress_file(make(phantom(40, 48))).data
    for end in range(parse(compressed).pixels.start, len(compressed), 7):
        with pytest.raises(DicompressError):
            restore_file(compressed[:end])


def test_elements_changed_after_compression_are_kept_with_the_original_pixels():
    original = make(phantom(64, 64))
    compressed = change(compress_file(original).data, PatientName="Corrected^Name")
    restored = restore_file(compressed)
    assert restored.edited
    dataset = pydicom.dcmread(io.BytesIO(restored.data))
    assert dataset.PatientName == "Corrected^Name" and not any(tag in dataset for tag in RECORD)
    assert np.array_equal(dataset.pixel_array, pydicom.dcmread(io.BytesIO(original)).pixel_array)


def test_contradicting_elements_are_an_error():
    compressed = compress_file(make(phantom(64, 64))).data
    for wrong in ({"Rows": 32, "Columns": 128}, {"PixelRepresentation": 1}, {"NumberOfFrames": 2}):
        with pytest.raises(StreamError):
            restore_file(change(compressed, **wrong))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=lambda s: s.name)
def test_elements_that_claim_sixty_thousand_squared_pixels_are_refused(syntax):
    dataset = pydicom.dcmread(io.BytesIO(make(phantom(64, 64))))
    if syntax == RLELossless:
        dataset.compress(syntax)
    dataset.Rows = dataset.Columns = 60000
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    with pytest.raises(LimitError, match="60000 x 60000"):
        compress_file(buffer.getvalue())
    compressed = compress_file(make(phantom(64, 64))).data
    with pytest.raises(LimitError, match="60000 x 60000"):
        restore_file(change(compressed, Rows=60000, Columns=60000))


def test_a_file_of_a_model_that_is_not_installed_is_told():
    compressed = compress_file(make(phantom(64, 64))).data
    dataset = pydicom.dcmread(io.BytesIO(compressed))
    (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
    header, *rest = stream_parts(stream)
    other = pydicom.encaps.encapsulate([joined([header[:7] + b"\xab" * 8 + header[15:], *rest])])
    with pytest.raises(UnknownModelError, match="abababababababab"):
        restore_file(change(compressed, PixelData=other))


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm"])
def test_data_sets_in_memory(name):
    dataset = pydicom.dcmread(get_testdata_file(name))
    syntax, pixels = dataset.file_meta.TransferSyntaxUID, dataset.pixel_array
    compressed = compress_dataset(dataset)
    assert dataset.file_meta.TransferSyntaxUID == syntax and np.array_equal(dataset.pixel_array, pixels)
    assert compressed.file_meta.TransferSyntaxUID == DICOMPRESS
    buffer = io.BytesIO()
    compressed.save_as(buffer)
    restored = decompress_dataset(pydicom.dcmread(io.BytesIO(buffer.getvalue())))
    assert np.array_equal(restored.pixel_array, pixels)
    final = io.BytesIO()
    restored.save_as(final, enforce_file_format=True)
    assert np.array_equal(pydicom.dcmread(io.BytesIO(final.getvalue())).pixel_array, pixels)
    del restored.PixelData, dataset.PixelData
    assert list(restored) == [e for e in dataset if e.tag.element]  # group lengths are not written


def test_data_sets_without_syntax_or_of_another_are_refused(ct):
    with pytest.raises(UnsupportedImageError, match="not compressed by dicompress"):
        decompress_dataset(ct)
    bare = Dataset()
    with pytest.raises(UnsupportedImageError, match=r"\(0002,0010\)"):
        compress_dataset(bare)
    del ct.PixelData
    with pytest.raises(UnsupportedImageError, match="no Pixel Data"):
        compress_dataset(ct)


def test_the_deflate_level_of_an_original_is_found():
    original = make(phantom(128, 128))
    part10 = parse(original)
    head = original[: part10.body].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    length = int.from_bytes(head[140:144], "little") + 2
    head = head[:140] + length.to_bytes(4, "little") + head[144:]
    position = head.index(b"\x02\0\x10\0UI") + 6
    head = head[:position] + (22).to_bytes(2, "little") + head[position + 2 :]
    for level in (1, 9):
        engine = zlib.compressobj(level, zlib.DEFLATED, -15)
        assert_identical(head + engine.compress(original[part10.body :]) + engine.flush())
