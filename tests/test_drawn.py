"""What is drawn rather than photographed is in JPEG XL Lossless, a standard transfer syntax, with the same promises."""

import io

import imagecodecs
import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.drawings import check_commands, colour, drawing
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.objects import RECORD
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from dicompress import Allowance, DicompressError, UnsupportedImageError, decompress_dataset
from dicompress.codec import wrapped
from dicompress.dicom import DICOMPRESS, compress_file, describe, drawn, restore_file, resume, strip_file
from dicompress.dicom.syntax import JPEG_XL_LOSSLESS

DRAWN = {
    "grey": lambda: make(drawing().astype(np.uint8)),
    "grey, 12 bits": lambda: make(drawing(high=4095).astype(np.uint16), bits_stored=12),
    "big-endian": lambda: make(drawing(high=4095).astype(np.uint16), ExplicitVRBigEndian),
    "frames": lambda: make(np.stack([drawing(k, 4095) for k in range(4)]).astype(np.uint16)),
    "RGB": colour,
    "RGB, planar": lambda: colour(2, planar=1),
    "RGB, 16 bits": lambda: colour(dtype=np.uint16),
    "palette": lambda: pydicom_file("examples_palette.dcm"),
    "colour photograph": lambda: pydicom_file("examples_rgb_color.dcm"),
    "big-endian words": lambda: pydicom_file("OBXXXX1A_expb.dcm"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_it_comes_back_and_is_standard_dicom(name):
    original = DRAWN[name]()
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    before, after = read(original), read(compressed)
    assert after.file_meta.TransferSyntaxUID == JPEG_XL_LOSSLESS
    assert np.array_equal(before.pixel_array, after.pixel_array)
    info = describe(compressed)
    assert info.model == "JPEG XL" and info.guarantee == "the original file, byte for byte"
    assert (info.rows, info.columns, info.samples) == (before.Rows, before.Columns, before.SamplesPerPixel)
    for frame in pydicom.encaps.generate_frames(after.PixelData, number_of_frames=info.frames):
        assert imagecodecs.jpegxl_decode(frame).shape[:2] == (before.Rows, before.Columns)
    with pytest.raises(UnsupportedImageError, match="already compressed by dicompress"):
        compress_file(compressed)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_no_stream_is_larger_than_jpeg_xl_of_the_same_pixels(name):
    dataset = read(DRAWN[name]())
    frames = dataset.pixel_array.reshape(describe(compress_file(DRAWN[name]()).data).frames, dataset.Rows, dataset.Columns, -1)
    peer = sum(len(imagecodecs.jpegxl_encode(np.squeeze(f).astype(f"u{f.itemsize}"), lossless=True, effort=7)) for f in frames)
    assert describe(compress_file(DRAWN[name]()).data).coded_bytes <= peer + 1 * len(frames)  # items are even


@pytest.mark.parametrize("original", [lambda: make(phantom(90, 120)), lambda: make(drawing().astype(np.int16) - 100)])
def test_photographs_and_signed_values_are_ours(original):
    assert read(compress_file(original()).data).file_meta.TransferSyntaxUID == DICOMPRESS


def test_other_syntaxes_and_bounded_errors():
    dataset = read(colour())
    dataset.compress(RLELossless, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    restored = read(restore_file(compress_file(buffer.getvalue()).data).data)
    assert restored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(restored.pixel_array, read(colour()).pixel_array)
    bounded = compress_file(DRAWN["grey"](), allowance=Allowance(near=3))
    assert read(bounded.data).file_meta.TransferSyntaxUID == (DICOMPRESS if bounded.near else JPEG_XL_LOSSLESS)


@pytest.mark.parametrize("name", ["grey, 12 bits", "RGB, planar", "palette"])
def test_elements_changed_since(name):
    original = DRAWN[name]()
    changed = change(compress_file(original).data, PatientName="Somebody^Else")
    restored = restore_file(changed)
    assert restored.edited and read(restored.data).PatientName == "Somebody^Else"
    assert np.array_equal(read(restored.data).pixel_array, read(original).pixel_array)


@pytest.mark.parametrize("name", ["grey", "RGB, planar"])
def test_without_the_record_it_is_a_file_as_others_write_it(name):
    original = DRAWN[name]()
    stripped = strip_file(compress_file(original).data)
    assert "JPEG XL Lossless" in stripped.remark and not any(tag in read(stripped.data) for tag in RECORD)
    assert np.array_equal(read(stripped.data).pixel_array, read(original).pixel_array)
    bare = compress_file(original, record=False)
    assert bare.data == stripped.data and bare.remark == stripped.remark
    with pytest.raises(UnsupportedImageError, match="JPEG XL Lossless"):
        restore_file(bare.data)
    assert resume.is_compressed(original, bare.data, None, 1)


def test_data_sets_in_memory():
    original = DRAWN["RGB"]()
    restored = decompress_dataset(read(compress_file(original).data))
    assert restored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(restored.pixel_array, read(original).pixel_array)


@pytest.mark.parametrize("name", ["grey", "RGB"])
def test_any_damage_is_an_error_or_does_not_matter(name):
    original = DRAWN[name]()
    compressed = compress_file(original).data
    start = compressed.index(b"\xe0\x7f\x10\x00")
    for position in range(start, len(compressed), 7):
        damaged = compressed[:position] + bytes([compressed[position] ^ 16]) + compressed[position + 1 :]
        try:
            assert restore_file(damaged).data == original
        except DicompressError:
            pass
    for end in range(start, len(compressed), 23):
        with pytest.raises(DicompressError):
            restore_file(compressed[:end])


@pytest.mark.slow
def test_commands(tmp_path):
    check_commands(tmp_path, {name: DRAWN[name]() for name in ("grey", "RGB, planar")})
    data = bytearray((tmp_path / "small" / "grey").read_bytes())
    data[-40] ^= 1
    (tmp_path / "small" / "grey").write_bytes(data)
    assert "1 bad" in run("verify", tmp_path / "small", check=1).stdout


def test_where_jpeg_xl_clearly_wins_the_model_is_not_tried(monkeypatch):
    expected = compress_file(DRAWN["palette"]()).data
    monkeypatch.setattr("dicompress.codec.encode", None)
    assert compress_file(DRAWN["palette"]()).data == expected


@pytest.mark.parametrize("name", ["RGB", "palette", "colour photograph"])
def test_a_piece_of_a_large_image_tells_the_same(name, monkeypatch):
    expected = compress_file(DRAWN[name]()).data
    monkeypatch.setattr(drawn, "MANY", 1)
    monkeypatch.setattr(drawn, "SIMPLE", 0)
    monkeypatch.setattr(wrapped, "PIECE", 200)
    assert compress_file(DRAWN[name]()).data == expected


def test_a_photograph_that_the_model_codes_in_fewer_bytes_is_ours():
    pixels = np.stack([phantom(200, 220, 0) >> 4] * 3, -1).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 2, pixels.shape)
    data = change(
        make(pixels[..., 0]), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        PixelData=(pixels + noise).astype(np.uint8).tobytes(),
    )  # fmt: skip
    compressed = compress_file(data)
    peer = len(imagecodecs.jpegxl_encode((pixels + noise).astype(np.uint8), lossless=True, effort=7))
    info = describe(compressed.data)
    assert info.coded_bytes <= peer + 1 and restore_file(compressed.data).data == data
    assert (info.model == "pyramid") == (read(compressed.data).file_meta.TransferSyntaxUID == DICOMPRESS)
