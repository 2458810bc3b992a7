"""Archives of series: what goes in comes out, whatever it is."""

import hashlib
import pickle

import imagecodecs
import numpy as np
import pydicom
import pytest
from helpers.drawings import colour, drawing
from helpers.files import change, make, pydicom_file, read, rle
from helpers.images import phantom
from helpers.jpegs import jpeg_file, jpegs
from helpers.objects import encapsulated_file
from helpers.series import SERIES, files_of, pack, sliced, volume
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless

import dicompress
from dicompress import FileError, StreamError
from dicompress.dicom.allowance import Allowance
from dicompress.dicom.record import BYTES, NEAR, PIXELS
from dicompress.dicom.syntax import JPEG_XL_JPEG
from dicompress.series import Archive

SLICES = volume(4)


def words(pixels: np.ndarray) -> bytes:
    """8-bit pixels in big-endian words."""
    data = make(pixels, ExplicitVRBigEndian)
    start = len(data) - pixels.size
    assert data[start - 8 : start - 4] == b"OB\0\0"
    return data[: start - 8] + b"OW\0\0" + data[start - 4 : start] + pixels.reshape(-1, 2)[:, ::-1].tobytes()


def jpeg_2000() -> bytes:
    return encapsulated_file(JPEG2000Lossless, [imagecodecs.jpeg2k_encode(SLICES[0], level=0, reversible=True)], SLICES[0])


SAME = {
    "explicit": lambda: make(SLICES[0]),
    "implicit": lambda: make(SLICES[0], ImplicitVRLittleEndian),
    "big-endian": lambda: make(SLICES[0], ExplicitVRBigEndian),
    "8-bit words": lambda: words(phantom(64, 72).astype(np.uint8)),
    "8 bits": lambda: make(phantom(63, 71).astype(np.uint8)),
    "deflated": lambda: make(SLICES[0], DeflatedExplicitVRLittleEndian),
    "frames": lambda: make(SLICES),
    "one frame": lambda: make(SLICES[:1]),
    "without preamble": lambda: make(SLICES[0])[132:],
    "behind the pixels": lambda: change(make(SLICES[0]), DataSetTrailingPadding=b"\0" * 10),
    "pydicom's CT": lambda: pydicom_file("CT_small.dcm"),
    "pydicom's MR": lambda: pydicom_file("MR_small.dcm"),
}
DRAWN = {
    "colour": lambda: colour(),
    "planes": lambda: colour(planar=1),
    "frames of colour": lambda: colour(2),
    "JPEG": lambda: jpeg_file(pydicom.encaps.encapsulate(jpegs(2)), 2),
    "1 bit": lambda: pydicom_file("liver_1frame.dcm"),
    "drawing": lambda: make(drawing(high=4095).astype(np.uint16)),
}
KEPT = {
    "no DICOM": lambda: b"so it is\n" * 40,
    "short": lambda: b"x",
    "empty": lambda: b"",
    "noise": lambda: np.random.default_rng(0).bytes(999),
    "cut": lambda: make(SLICES[0])[:-100],
    "no pixels": lambda: pydicom_file("rtplan.dcm"),
}


@pytest.mark.parametrize("beside", [True, False], ids=["in a series", "alone"])
@pytest.mark.parametrize("name", SAME | DRAWN | KEPT)
def test_every_file_comes_back_byte_for_byte(tmp_path, name, beside):
    original = (SAME | DRAWN | KEPT)[name]()
    files = {"a/odd": original} | (files_of(SLICES[:3]) if beside else {})
    told = pack(tmp_path / "a.dcma", files)
    with Archive(tmp_path / "a.dcma") as archive:
        assert not archive.problems and not archive.lost and archive.series == SERIES
        for path, data in files.items():
            number = archive.find(path)
            entry = archive.entries[number]
            assert archive.restore(number) == data and entry.guarantee == BYTES
            assert (entry.size, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
            assert entry == told.contents[path].entry and entry.original_size is None
        found = archive.entries[archive.find("a/odd")]
    assert found.method == ("slice" if name in SAME else "compressed" if name in DRAWN else "kept")
    assert (found.is_dicom, found.damaged) == (name not in ("no DICOM", "short", "empty", "noise"), name == "cut")
    assert bool(found.reason) == (name in KEPT)


@pytest.mark.parametrize("make_file", [rle, jpeg_2000], ids=["RLE", "JPEG 2000"])
def test_of_a_compressed_source_pixels_and_elements_come_back(tmp_path, make_file):
    original = make_file()
    pack(tmp_path / "a.dcma", {"a.dcm": original})
    with Archive(tmp_path / "a.dcma") as archive:
        (entry,), found = archive.entries.values(), read(archive.restore(0))
    assert entry.guarantee == PIXELS and entry.method == "slice"
    assert (entry.original_size, entry.original_sha256) == (len(original), hashlib.sha256(original).hexdigest())
    assert np.array_equal(found.pixel_array, read(original).pixel_array)
    assert found.SOPInstanceUID == read(original).SOPInstanceUID and found.PatientName == read(original).PatientName


def test_with_an_error_slices_are_derived_images_that_lean_on_each_other_as_decoded(tmp_path):
    files = files_of(SLICES, RescaleSlope="1", RescaleIntercept="0")
    pack(tmp_path / "a.dcma", files, Allowance(near=2))
    pack(tmp_path / "b.dcma", files)
    assert (tmp_path / "a.dcma").stat().st_size < 0.85 * (tmp_path / "b.dcma").stat().st_size
    with Archive(tmp_path / "a.dcma") as archive:
        for k, (path, original) in enumerate(files.items()):
            number = archive.find(path)
            entry, found = archive.entries[number], read(archive.restore(number))
            assert (entry.guarantee, entry.near, entry.original_uid) == (NEAR, 2, read(original).SOPInstanceUID)
            assert found.SOPInstanceUID == entry.uid == found.file_meta.MediaStorageSOPInstanceUID != entry.original_uid
            assert found.LossyImageCompression == "01" and np.abs(found.pixel_array.astype(int) - SLICES[k]).max() == 2
            assert archive.find(entry.uid) == archive.find(entry.original_uid) == number
        assert sum(bool(entry.references) for entry in archive.entries.values()) == 3


def test_jpeg_frames_are_those_that_compress_makes(tmp_path):
    original = jpeg_file(pydicom.encaps.encapsulate(jpegs(1)), 1)
    told = pack(tmp_path / "a.dcma", {"a": original})
    small = dicompress.dicom.compress_file(original).data
    assert read(small).file_meta.TransferSyntaxUID == JPEG_XL_JPEG
    content = told.contents["a"]
    assert len(content.around) + len(content.data) == len(small)


def test_files_are_found_by_path_name_and_uid(tmp_path):
    files = {f"a/{n}": d for n, d in files_of(SLICES[:2]).items()} | {"b/000.dcm": sliced(SLICES[2], 7)}
    pack(tmp_path / "a.dcma", files)
    with Archive(tmp_path / "a.dcma") as archive:
        assert archive.entries[archive.find("001.dcm")].path == "a/001.dcm"
        assert archive.entries[archive.find(f"{SERIES}.8")].path == "b/000.dcm" == archive.entries[archive.find("/b/000.dcm")].path
        with pytest.raises(FileError, match="2 files of that name: .*give the whole path"):
            archive.find("000.dcm")
        with pytest.raises(FileError, match="no file 'c.dcm'"):
            archive.find("c.dcm")


def test_what_is_no_archive_says_so(tmp_path):
    for data in (b"", b"DCMA", b"no archive at all" * 9, make(SLICES[0])):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(StreamError, match="not an archive"):
            Archive(tmp_path / "x")
    with pytest.raises(FileError, match="cannot be read"):
        Archive(tmp_path / "none")
    with pytest.raises(FileError, match="cannot be read"):
        Archive(tmp_path)


def test_an_archive_that_is_there_stays(tmp_path):
    pack(tmp_path / "a.dcma", {"a": b"a"})
    before = (tmp_path / "a.dcma").read_bytes()
    with pytest.raises(FileError, match="exists"):
        pack(tmp_path / "a.dcma", {"b": b"b"})
    assert (tmp_path / "a.dcma").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.dcma"]


def test_there_is_no_archive_of_nothing(tmp_path):
    pack(tmp_path / "a.dcma", {})
    assert not [*tmp_path.iterdir()]


def test_archives_are_pickled_by_their_path(tmp_path, monkeypatch):
    pack(tmp_path / "a.dcma", files_of(SLICES[:2]))
    monkeypatch.chdir(tmp_path)
    with Archive("a.dcma") as archive:
        data = pickle.dumps(archive)
        monkeypatch.chdir("/")
        with pickle.loads(data) as again:
            assert again.restore(1) == archive.restore(1)
