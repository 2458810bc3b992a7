"""Whatever the command line writes is taken by all that reads it in Python: a matrix of kinds, ways of writing and readers."""

import numpy as np
import pytest
from helpers.command import run
from helpers.files import read, written
from helpers.objects import RECORD
from helpers.outputs import DRAWN, KINDS, OF_JPEG, PHOTOGRAPHED, WRAPPED
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import iter_pixels, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

import dicompress.pydicom  # noqa: F401
from dicompress import compress_dataset, decompress_dataset
from dicompress.cli.compare import run as compare
from dicompress.codec.wrapped import MARK
from dicompress.dicom import DICOMPRESS
from dicompress.dicom.syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # pydicom's, of its own files
NEAR = 2
WAYS = {
    "to another folder": ["-o", "small/"],
    "without a record": ["-o", "small/", "--no-record"],
    "in place": ["--in-place"],
    "near": ["-o", "small/", "--near", NEAR],
}
EVERY = [(way, kind) for way in WAYS for kind in KINDS]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[tuple[str, str], bytes]:
    """(way, kind) -> the file that the command line writes of this kind in this way."""
    found = {}
    for way, options in WAYS.items():
        folder = tmp_path_factory.mktemp("accepted")
        originals = folder / "in"
        originals.mkdir()
        for number, make_original in enumerate(KINDS.values()):
            (originals / f"{number}.dcm").write_bytes(make_original())
        options = [str(folder / option) if option == "small/" else option for option in options]
        told = run("compress", originals, *options).stdout
        assert f"{len(KINDS)} compressed" in told, told
        results = originals if "--in-place" in options else folder / "small"
        assert " 0 bad" in run("verify", results).stdout
        found |= {(way, kind): (results / f"{number}.dcm").read_bytes() for number, kind in enumerate(KINDS)}
    return found


def stored(dataset: Dataset, **options) -> np.ndarray:
    """Values as they are stored, colours as they are coded."""
    dataset.pixel_array_options(raw=True, **options)
    return dataset.pixel_array.astype(int)


def assert_right(way: str, kind: str, found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= (NEAR if way == "near" else 0)


def original_of(kind: str) -> Dataset:
    return read(KINDS[kind]())


def test_every_syntax_and_form_is_among_them(files):
    for kinds, syntax, wrapped in (
        (PHOTOGRAPHED, DICOMPRESS, None), (DRAWN, JPEG_XL_LOSSLESS, None), (WRAPPED, DICOMPRESS, True), (OF_JPEG, JPEG_XL_JPEG, None),
    ):  # fmt: skip
        for kind in kinds:
            dataset = read(files["to another folder", kind])
            found = dataset.file_meta.TransferSyntaxUID
            assert found == syntax or (kinds is PHOTOGRAPHED and "RGB" in kind and found == JPEG_XL_LOSSLESS)
            if wrapped:
                frames = generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
                assert all(frame.startswith(MARK) for frame in frames)
    assert sum(read(data).get("LossyImageCompressionMethod") == "DICOMPRESS" for data in files.values()) >= 8


@pytest.mark.parametrize("way, kind", EVERY)
def test_decompress_dataset(way, kind, files):
    original, compressed = original_of(kind), read(files[way, kind])
    for dataset in (compressed, read(written(compressed))):
        result = decompress_dataset(dataset)
        assert not any(tag in result for tag in RECORD) and read(written(result)) == result
        if kind in OF_JPEG:
            kept = way != "without a record"  # else nothing tells
            assert result.file_meta.TransferSyntaxUID == (original.file_meta.TransferSyntaxUID if kept else JPEGBaseline8Bit)
            count = int(original.get("NumberOfFrames") or 1)
            frames = (list(generate_frames(d.PixelData, number_of_frames=count)) for d in (result, original))
            assert [frame.rstrip(b"\0") for frame in next(frames)] == [frame.rstrip(b"\0") for frame in next(frames)]
        else:
            assert result.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        options = {} if kind in OF_JPEG else {"correct_unused_bits": False}
        assert_right(way, kind, stored(result, **options), stored(original, **options))


@pytest.mark.parametrize("way, kind", EVERY)
def test_pydicom(way, kind, files, tmp_path):
    original, compressed, path = original_of(kind), read(files[way, kind]), tmp_path / "small.dcm"
    path.write_bytes(files[way, kind])
    wanted = stored(original)
    assert_right(way, kind, stored(compressed), wanted)
    assert_right(way, kind, pixel_array(path, raw=True).astype(int), wanted)
    frames = wanted if int(original.get("NumberOfFrames") or 1) > 1 else wanted[None]
    for source in (path, compressed):
        found = list(iter_pixels(source, raw=True))
        assert len(found) == len(frames)
        for frame, expected in zip(found, frames):
            assert_right(way, kind, frame.astype(int), expected)
    last = pixel_array(compressed, raw=True, index=len(frames) - 1)
    assert_right(way, kind, last.astype(int), frames[-1])


@pytest.mark.parametrize("way, kind", EVERY)
def test_pydicom_decompress_and_what_it_makes_can_be_compressed_again(way, kind, files):
    original, dataset = original_of(kind), read(files[way, kind])
    dataset.decompress(as_rgb=False, generate_instance_uid=False)
    assert not any(tag in dataset for tag in RECORD)
    again = read(written(dataset))
    assert again.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert_right(way, kind, stored(again), stored(original))
    twice = decompress_dataset(compress_dataset(again))
    again.compress(DICOMPRESS, generate_instance_uid=False)
    assert np.array_equal(stored(again), stored(dataset)) and np.array_equal(stored(twice), stored(dataset))


@pytest.mark.parametrize("way, kind", EVERY)
def test_compare(way, kind, files, tmp_path, capsys):
    original, compressed, page = (tmp_path / name for name in ("original.dcm", "compressed.dcm", "page.html"))
    original.write_bytes(KINDS[kind]())
    compressed.write_bytes(files[way, kind])
    assert compare(original, compressed, page) == 0
    told = capsys.readouterr()
    changed = read(files[way, kind]).get("LossyImageCompressionMethod") == "DICOMPRESS"
    assert told.out.startswith("largest error: 2, PSNR: " if changed else "identical pixels") and not told.err
    assert page.read_text().count("data:image/png") == 3 + changed
