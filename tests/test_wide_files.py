"""Files of 32-bit integers and floats, such as doses and parametric maps: the same promises as for other images."""

import io

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import change, pydicom_file, read
from helpers.images import phantom
from helpers.maps import BODY, dose_file, map_file, parametric_map, ratio
from helpers.objects import RECORD, Writer
from pydicom.pixels import iter_pixels, pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicompress import Allowance, DicompressError, StreamError, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.dicom import DICOMPRESS, compress_file, describe, restore_file, resume, strip_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.single import frames_as
from dicompress.dicom.transcode import transcode_file

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
DOSE = (BODY * 977 + 40).astype(np.uint32)
FILES = {
    **{f"float, {s.name}": lambda s=s: map_file(ratio(), s) for s in SYNTAXES},
    "float, one frame": lambda: map_file((BODY[0] * 0.01).astype(np.float32)),
    "float, bytes behind": lambda: map_file(ratio(), behind=b"\0\1\2\3"),
    "float, with what is of integers": lambda: map_file(ratio(), BitsStored=32, HighBit=31, PixelRepresentation=0),
    "double": lambda: map_file(ratio(np.float64)),
    "double, big-endian": lambda: map_file(ratio(np.float64), ExplicitVRBigEndian),
    **{f"dose, {s.name}": lambda s=s: dose_file(DOSE, s) for s in SYNTAXES},
    "dose, one frame": lambda: dose_file(DOSE[0]),
    "signed": lambda: dose_file(BODY * 70_001 - 2**26),
    "pydicom's dose": lambda: pydicom_file("rtdose.dcm"),
    "pydicom's dose, big-endian": lambda: pydicom_file("rtdose_expb.dcm"),
}
pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, of its own files


def values(data: bytes) -> np.ndarray:
    found = read(data).pixel_array
    return found.astype(found.dtype.newbyteorder("="))


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", FILES)
def test_it_comes_back_byte_for_byte_and_pydicom_reads_it_as_before(name, tmp_path):
    original = FILES[name]()
    result = compress_file(original)
    compressed = read(result.data)
    assert restore_file(result.data).data == original and len(result.data) < len(original)
    assert compressed.file_meta.TransferSyntaxUID == DICOMPRESS and resume.is_compressed(original, result.data, None, 1)
    assert "PixelData" in compressed and "FloatPixelData" not in compressed and "DoubleFloatPixelData" not in compressed
    before = values(original)
    assert same(compressed.pixel_array, before)
    path = tmp_path / "small.dcm"
    path.write_bytes(result.data)
    frames = before if before.ndim > 2 else before[None]
    assert same(pixel_array(path, index=len(frames) - 1), frames[-1])
    for source in (path, compressed):
        assert all(same(one, other) for one, other in zip(iter_pixels(source), frames, strict=True))
    info = describe(result.data)
    assert info.guarantee == "the original file, byte for byte" and info.near == 0 and info.bits_allocated == 8 * before.itemsize


@pytest.mark.parametrize("name", ["float, Implicit VR Little Endian", "double, big-endian", "dose, one frame", "signed"])
def test_without_a_record_and_in_memory(name):
    original = FILES[name]()
    compressed = compress_file(original).data
    bare = compress_file(original, record=False).data
    assert bare == strip_file(compressed).data and not any(tag in read(bare) for tag in RECORD)
    before = values(original)
    for data in (restore_file(bare).data, restore_file(change(compressed, PatientName="Somebody^Else")).data):
        assert same(values(data), before) and read(data).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert ("PixelData" in read(data)) == (before.dtype.kind != "f")
    made = compress_dataset(read(original))
    assert same(made.pixel_array, before) and same(decompress_dataset(made).pixel_array, before)
    assert same(decompress_dataset(read(compressed)).pixel_array, before)


def test_pydicom_encodes_integers_and_refuses_to_make_such_of_floats():
    dataset = read(FILES["dose, one frame"]())
    dataset.compress(DICOMPRESS, generate_instance_uid=False)
    assert same(dataset.pixel_array, DOSE[0])
    dataset.decompress(generate_instance_uid=False)
    assert same(dataset.pixel_array, DOSE[0])
    maps = read(FILES["double"]())
    with pytest.raises(UnsupportedImageError, match="compress_dataset"):
        maps.compress(DICOMPRESS)
    with pytest.raises(UnsupportedImageError, match="decompress_dataset"):
        read(compress_file(FILES["double"]()).data).decompress()


@pytest.mark.parametrize("name", ["float, Explicit VR Big Endian", "double", "dose, Explicit VR Little Endian", "dose, one frame"])
def test_frames_by_themselves_and_the_native_form(name):
    original = FILES[name]()
    compressed = compress_file(original).data
    before = values(original)
    frames = before if before.ndim > 2 else before[None]
    for data in (original, compressed):
        last = len(frames) - 1
        found = frames_as(parse(data), "native", [last, 0])
        assert found.frames == [frames[n].astype(before.dtype.newbyteorder("<")).tobytes() for n in (last, 0)]
        assert "32 bits" in (frames_as(parse(data), "jxl", [0]).remark or "") or before.dtype.kind == "f"
    native = transcode_file(compressed, "native")
    assert same(values(native.data), before) and native.verified == ("dicompress", "pydicom")
    told = transcode_file(compressed, "htj2k")
    assert "in native form: HTJ2K Lossless is not written of" in told.remark and same(values(told.data), before)
    with pytest.raises(UnsupportedImageError, match="is not written of"):
        transcode_file(FILES["dose, one frame"](), "j2k")


def test_they_bear_no_error():
    result = compress_file(FILES["float, one frame"](), allowance=Allowance(near=2))
    assert result.near == 0 and "Parametric Map" in result.remark
    result = compress_file(FILES["dose, one frame"](), allowance=Allowance(near=2, quantitative=True))
    assert result.near == 0 and "bear no error: compressed without loss" in result.remark
    with pytest.raises(UnsupportedImageError, match="bear no error"):
        compress_file(FILES["dose, one frame"](), allowance=Allowance(near=2, quantitative=True, strict=True))


def test_levels_of_a_single_frame():
    info = describe(compress_file(map_file((phantom(200, 180) * 0.01).astype(np.float32))).data)
    assert info.levels > 0 and info.level_bytes[-1] < info.level_bytes[0]
    assert describe(compress_file(FILES["double"]()).data).levels == 0


def test_floats_beside_integers_are_elements_like_others():
    original = pydicom_file("CT_small.dcm")
    place = parse(original).place.element
    both = original[:place] + Writer().element(0x7FE00008, "OF", bytes(64)) + original[place:]
    assert restore_file(compress_file(both).data).data == both
    assert same(values(compress_file(original).data), values(original))


def test_floats_of_another_size_or_cut_short_are_told():
    with pytest.raises(UnsupportedImageError, match="Float Pixel Data .* with Bits Allocated .* 64"):
        compress_file(map_file(ratio(), BitsAllocated=64))
    with pytest.raises(DicompressError, match="Float Pixel Data .*7FE0,0008. holds .* bytes"):
        compress_file(map_file(ratio(), NumberOfFrames=4))


@pytest.mark.parametrize("name", ["float, one frame", "dose, Explicit VR Little Endian"])
def test_any_damage_is_an_error(name):
    bare = compress_file(FILES[name](), record=False).data
    expected = values(FILES[name]())
    for position in range(bare.index(b"DCXW"), len(bare) - 9, 41):
        damaged = bare[:position] + bytes([bare[position] ^ 16]) + bare[position + 1 :]
        try:
            assert same(values(bytes(restore_file(damaged).data)), expected)
        except DicompressError:
            pass
    other = compress_file(map_file(ratio()[:2])).data
    with pytest.raises(StreamError, match="the elements say"):
        restore_file(change(other, Rows=59))


@pytest.mark.slow
def test_every_command_takes_them(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    names = ("float, one frame", "double", "dose, Explicit VR Little Endian", "dose, one frame")
    originals = {}
    for number, name in enumerate(names):
        data = change(FILES[name](), SOPInstanceUID=f"1.2.3.{number + 1}", SeriesInstanceUID="1.2.3")
        originals[f"{number}.dcm"] = data
        (folder / f"{number}.dcm").write_bytes(data)
    assert "4 compressed" in run("compress", folder, "-o", tmp_path / "small").stdout
    assert " 0 bad" in run("verify", tmp_path / "small").stdout
    run("decompress", tmp_path / "small", "-o", tmp_path / "back")
    run("pack", folder, "-o", tmp_path / "series.dcma")
    run("unpack", tmp_path / "series.dcma", "-o", tmp_path / "out")
    for name, data in originals.items():
        assert (tmp_path / "back" / name).read_bytes() == data
        assert next((tmp_path / "out").rglob(name)).read_bytes() == data


def test_what_highdicom_makes():
    pytest.importorskip("highdicom")
    for dtype in (np.float32, np.float64):
        original = parametric_map(ratio(dtype))
        compressed = compress_file(original).data
        assert restore_file(compressed).data == original
        assert same(pydicom.dcmread(io.BytesIO(compressed)).pixel_array, values(original))
