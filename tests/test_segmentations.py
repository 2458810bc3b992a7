"""Segmentations and other images of single bits or few values in DICOM files: smaller, and byte for byte back, by every command."""

import io
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import change, make, pydicom_file, read, written
from helpers.objects import encapsulated, head_of, in_syntax
from helpers.segments import bit_file, bodies, labels, segmentation
from pydicom.pixels import iter_pixels, pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

import dicompress.pydicom
from dicompress import Allowance, FileError, StreamError, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.dicom import DICOMPRESS, compress_file, describe, restore_file, resume, strip_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.pixels import layout
from dicompress.dicom.single import frames_as
from dicompress.dicom.stored import stored_pixels
from dicompress.dicom.transcode import transcode_file
from dicompress.series import Archive

BODIES = bodies(7, 33, 35)  # 8085 bits: three are left over behind the last byte
EVEN = bodies(20, 64, 72)
FILES = {
    "pydicom's": lambda: pydicom_file("liver_1frame.dcm"),
    "pydicom's, big-endian": lambda: pydicom_file("liver_expb_1frame.dcm"),
    "a frame": lambda: bit_file(bodies(1)[0]),
    "frames": lambda: bit_file(BODIES),
    "bits behind the last": lambda: bit_file(BODIES, behind=5),
    "frames of whole bytes": lambda: bit_file(EVEN),
    "words": lambda: bit_file(EVEN, vr="OW"),
    "implicit": lambda: bit_file(BODIES, ImplicitVRLittleEndian, "OW"),
    "big-endian": lambda: bit_file(BODIES, ExplicitVRBigEndian),
    "big-endian words": lambda: bit_file(EVEN, ExplicitVRBigEndian, "OW"),
    "inverse": lambda: bit_file(BODIES, PhotometricInterpretation="MONOCHROME1"),
    "labels": lambda: make(labels(6)),
    "labels, signed": lambda: make(labels(6, "int16", (-3, 0, 500)), bits_stored=12),
    "a map of labels": lambda: make(labels(1)[0]),
    "palette": lambda: change(make(labels(6)), PhotometricInterpretation="PALETTE COLOR"),
}


def values(name: str) -> np.ndarray:
    """As readers see them; pydicom 3.0 does not swap the bytes of bits in big-endian words (PS3.5 8.1.1, 7.3)."""
    return EVEN.astype(np.uint8) if name == "big-endian words" else read(FILES[name]()).pixel_array


@pytest.fixture(autouse=True)
def _quiet():
    warnings.simplefilter("ignore")  # pydicom's, of UIDs in files that it comes with


@pytest.mark.parametrize("name", FILES)
def test_it_comes_back_byte_for_byte_and_is_read_as_before(name):
    original = FILES[name]()
    compressed = compress_file(original)
    small, info = compressed.data, describe(compressed.data)
    assert (
        restore_file(small).data == original and info.guarantee == "the original file, byte for byte" and len(small) < len(original)
    )
    before, after = read(original), read(small)
    assert after.file_meta.TransferSyntaxUID == DICOMPRESS and info.model == "labels"
    assert compressed.pixels == before.Rows * before.Columns * info.frames
    assert (info.bits_allocated, info.frames) == (before.BitsAllocated, before.get("NumberOfFrames", 1))
    pixels = values(name)
    assert after.pixel_array.dtype == pixels.dtype and np.array_equal(after.pixel_array, pixels)
    assert resume.is_compressed(original, small, None, 1)
    part10 = parse(small)
    assert np.array_equal(stored_pixels(part10, layout(part10.dataset)), pixels.reshape(layout(part10.dataset).shape))
    bare = strip_file(small).data
    assert np.array_equal(read(restore_file(bare).data).pixel_array, pixels)


@pytest.mark.parametrize("name", FILES)
def test_pydicom_decodes_frames_and_decompresses_in_place(name):
    original = FILES[name]()
    small, pixels = compress_file(original).data, values(name)
    if pixels.ndim == 3:
        assert np.array_equal(pixel_array(io.BytesIO(small), index=2), pixels[2])
        assert all(np.array_equal(a, b) for a, b in zip(iter_pixels(io.BytesIO(small)), pixels, strict=True))
        assert all(np.array_equal(a, pixels[k]) for a, k in zip(iter_pixels(io.BytesIO(small), indices=[3, 1]), (3, 1), strict=True))
    dataset = read(small)
    dataset.decompress(generate_instance_uid=False)
    again = read(written(dataset))
    assert again.BitsAllocated == read(original).BitsAllocated and np.array_equal(again.pixel_array, pixels)
    assert (0x7FD9, 0x1001) not in again


@pytest.mark.parametrize("name", [name for name in FILES if "big-endian" not in name])
def test_pydicom_encodes_and_data_sets_in_memory_do(name):
    dataset, pixels = read(FILES[name]()), read(FILES[name]()).pixel_array
    whole = compress_dataset(dataset)
    assert np.array_equal(whole.pixel_array, pixels) and np.array_equal(decompress_dataset(whole).pixel_array, pixels)
    for options in ({}, {"model": "pyramid"}):
        frames = read(FILES[name]())
        frames.compress(dicompress.pydicom.DICOMPRESS, generate_instance_uid=False, **options)
        assert np.array_equal(frames.pixel_array, pixels)
        assert np.array_equal(read(restore_file(written(frames)).data).pixel_array, pixels)


@pytest.mark.parametrize("name", ["frames", "big-endian", "labels"])
def test_frames_by_themselves_and_the_native_form(name):
    original = FILES[name]()
    small, pixels = compress_file(original).data, read(original).pixel_array
    found = frames_as(parse(small), "native", [4, 1])
    assert found.syntax == ExplicitVRLittleEndian
    for value, number in zip(found.frames, (4, 1), strict=True):
        one = np.frombuffer(value, np.uint8)
        if pixels.max() == 1:
            one = np.unpackbits(one, count=pixels[0].size, bitorder="little")
        assert np.array_equal(one.reshape(pixels[0].shape), pixels[number])
    for source in (small, original) if name == "big-endian" else (small,):
        native = transcode_file(source, "native")
        assert np.array_equal(read(native.data).pixel_array, pixels)
        assert read(native.data).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_other_targets_hold_no_bits_and_say_so():
    original = FILES["frames"]()
    with pytest.raises(UnsupportedImageError, match="single bits"):
        transcode_file(original, "j2k")
    found = transcode_file(compress_file(original).data, "jxl")
    assert found.data == original and "in native form" in found.remark
    assert "in native form" in frames_as(parse(compress_file(original).data), "jls", [0]).remark


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.98"], ids=["deflated frames", "encapsulated"])
def test_of_encapsulated_frames_pixels_and_elements_come_back(syntax):
    noisy = bodies(40, 90, 101, seed=3)
    frames = [np.packbits(frame.reshape(-1), bitorder="little").tobytes() for frame in noisy]
    if syntax.endswith("8.1"):
        frames = [zlib.compress(frame, wbits=-15) for frame in frames]
    original = encapsulated_bits(syntax, frames, noisy)
    small = compress_file(original).data
    assert describe(small).guarantee.startswith("identical pixels")
    back = read(restore_file(small).data)
    assert np.array_equal(back.pixel_array, noisy) and len(back.PixelData) == -(-noisy.size // 16) * 2
    with pytest.raises(UnsupportedImageError, match="Bits Allocated .* 1 in RLE"):
        compress_file(encapsulated_bits("1.2.840.10008.1.2.5", frames, noisy))


def encapsulated_bits(syntax: str, frames: list[bytes], bits: np.ndarray) -> bytes:
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    return in_syntax(head_of(bit_file(bits)) + encapsulated(*padded), syntax)


def test_what_is_no_image_of_bits_says_why():
    odd = bodies(1, 33, 35)
    for data, reason in (
        (bit_file(odd, ExplicitVRBigEndian, "OW"), "last big-endian word"),
        (change(bit_file(BODIES), PixelRepresentation=1), "signed"),
        (bit_file(np.random.default_rng(0).random((2, 50, 50)) < 0.5), "instead of"),
    ):
        with pytest.raises(UnsupportedImageError, match=reason):
            compress_file(data)
    with pytest.raises(FileError, match="cut short"):
        compress_file(change(bit_file(BODIES), NumberOfFrames=9))


def test_bits_bear_no_error():
    for name in ("frames", "labels"):
        data = change(FILES[name](), Modality="CT") if name == "frames" else FILES[name]()
        found = compress_file(data, allowance=Allowance(near=1))
        if name == "frames":
            assert found.near == 0 and "one of two values: compressed without loss" in found.remark
            assert restore_file(found.data).data == data
    with pytest.raises(UnsupportedImageError, match="segmentation"):
        compress_file(FILES["frames"](), allowance=Allowance(near=1, strict=True))


@pytest.mark.parametrize("name", ["frames", "labels"])
def test_damage_is_told(name):
    small = bytearray(compress_file(FILES[name]()).data)
    place = parse(bytes(small)).pixels
    for at in range(place.start + 24, place.stop - 9, 7):
        damaged = small.copy()
        damaged[at] ^= 16
        with pytest.raises(StreamError):
            restore_file(bytes(damaged))
    fewer = change(bytes(small), NumberOfFrames=3)
    with pytest.raises(StreamError):
        restore_file(fewer)
    with pytest.raises(Exception, match="the elements say"):
        _ = read(fewer).pixel_array


def test_every_command_takes_them(tmp_path):
    (tmp_path / "in").mkdir()
    for name, data in ((name, FILES[name]()) for name in ("frames", "bits behind the last", "big-endian words", "labels")):
        (tmp_path / "in" / f"{name}.dcm").write_bytes(data)
    run("compress", tmp_path / "in", "-o", f"{tmp_path}/small/", "--jobs", 1)
    assert "4 kept" in run("compress", tmp_path / "in", "-o", f"{tmp_path}/small/", "--resume", "--jobs", 1).stdout
    assert "4 verified" in run("verify", tmp_path / "small", "--jobs", 1).stdout
    assert "labels" in run("info", tmp_path / "small" / "frames.dcm").stdout
    run("decompress", tmp_path / "small", "-o", f"{tmp_path}/back/", "--jobs", 1)
    run("compare", tmp_path / "in" / "frames.dcm", tmp_path / "small" / "frames.dcm", "-o", tmp_path / "page.html")
    run("pack", tmp_path / "in", "-o", f"{tmp_path}/packed/", "--jobs", 1)
    run("unpack", tmp_path / "packed", "-o", f"{tmp_path}/unpacked/", "--jobs", 1)
    for path in (tmp_path / "in").iterdir():
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()
        (found,) = (tmp_path / "unpacked").rglob(path.name)
        assert found.read_bytes() == path.read_bytes()
    for path in (tmp_path / "packed").rglob("*.dcma"):
        with Archive(path) as archive:
            assert {entry.method for entry in archive.entries.values()} <= {"compressed", "slice"}


MADE = {
    "BINARY": lambda: segmentation("BINARY", EVEN.astype(np.uint8)),
    "FRACTIONAL": lambda: segmentation("FRACTIONAL", (EVEN * np.linspace(0.2, 1, 72)).round(1).astype(np.float32)),
    "LABELMAP": lambda: segmentation("LABELMAP", labels(20, "uint8", (0, 1, 2, 3))),
    "LABELMAP, RLE": lambda: segmentation("LABELMAP", labels(20, "uint8", (0, 1, 2, 3)), "1.2.840.10008.1.2.5"),
}


@pytest.mark.parametrize("name", MADE)
def test_what_highdicom_makes(name):
    pytest.importorskip("highdicom")
    original = MADE[name]()
    small = compress_file(original).data
    before, after, restored = read(original), read(small), restore_file(small).data
    assert restored == original or name.endswith("RLE")
    assert np.array_equal(after.pixel_array, before.pixel_array) and np.array_equal(read(restored).pixel_array, before.pixel_array)
    native = before.pixel_array
    plain = np.packbits(native, bitorder="little") if before.BitsAllocated == 1 else native
    assert describe(small).coded_bytes < 0.7 * len(zlib.compress(plain.tobytes(), 9))
    highdicom_reads(read(restored))


def highdicom_reads(dataset: pydicom.Dataset) -> None:
    """As a segmentation that it knows, all frames of it."""
    import highdicom

    found = highdicom.seg.Segmentation.from_dataset(dataset)
    assert len(found.get_volume().array) == dataset.NumberOfFrames


def test_a_deflated_file_of_bits_comes_back():
    noisy = np.random.default_rng(0).random((8, 128, 128)) < 0.2
    original = bit_file(noisy)
    dataset = read(original)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = written(dataset)
    small = compress_file(data).data
    assert restore_file(small).data == data and len(small) < len(data)
