"""pydicom's own functions on compressed files, once `dicompress.pydicom` is imported."""

import ast
import gc
import importlib
import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.files import change, make, pydicom_file
from helpers.images import phantom
from helpers.objects import RECORD
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder, iter_pixels, pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

import dicompress
from dicompress import Allowance, DicompressError, LimitError, StreamError, UnsupportedImageError, compress_dataset
from dicompress.dicom import DICOMPRESS, compress_file, decompress_dataset, restore_file
from dicompress.plugins import pydicom as plugin

FRAMES = np.stack([phantom(33, 41, s) for s in range(4)])


def read(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def written(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def outside_bits_stored(dtype: str) -> np.ndarray:
    pixels = phantom(40, 50).astype(dtype)
    pixels[3, 5:9], pixels[7, 7] = 0x7123, -1 if dtype == "int16" else 0xF000
    return pixels


def colour(interpretation: str, planar: int) -> bytes:
    """128 x 128 of 8 bits and three samples."""
    pixels = np.stack([phantom(128, 128, s) >> 4 for s in range(3)], 0 if planar else -1).astype(np.uint8)
    return change(
        make(np.zeros((128, 128), np.uint8)), SamplesPerPixel=3, PhotometricInterpretation=interpretation,
        PlanarConfiguration=planar, PixelData=pixels.tobytes(),
    )  # fmt: skip


ORIGINALS = {
    "CT": lambda: pydicom_file("CT_small.dcm"),
    "MR": lambda: pydicom_file("MR_small.dcm"),
    "implicit": lambda: pydicom_file("MR_small_implicit.dcm"),
    "big-endian": lambda: make(phantom(40, 50), ExplicitVRBigEndian),
    "RLE": lambda: pydicom_file("MR_small_RLE.dcm"),
    "one frame": lambda: make(FRAMES[:1]),
    "frames": lambda: make(FRAMES),
    "odd bytes": lambda: make((phantom(33, 41) >> 4).astype(np.uint8)),
    "int8": lambda: make(((phantom(40, 50) >> 4) - 60).astype(np.int8)),
    "signed": lambda: make(phantom(40, 50).astype(np.int16) - 1000, bits_stored=13),
    "outside": lambda: make(outside_bits_stored("uint16"), bits_stored=12),
    "outside, signed": lambda: make(outside_bits_stored("int16"), bits_stored=12),
    "RGB": lambda: colour("RGB", 0),
    "RGB, planar": lambda: colour("RGB", 1),
    "YBR_FULL": lambda: colour("YBR_FULL", 0),
}


@pytest.fixture(scope="module", autouse=True)
def no_garbage():
    gc.collect()  # a file that another module's test left open is not this one's error


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", ORIGINALS)
def test_pydicom_gives_what_it_gives_for_the_original(name):
    original = ORIGINALS[name]()
    before, data = read(original), written(compress_dataset(read(original)))
    after = read(data)
    assert after.file_meta.TransferSyntaxUID == DICOMPRESS
    for options in ({}, {"raw": True}, {"correct_unused_bits": False}, {"index": 0}):
        before.pixel_array_options(**options)
        after.pixel_array_options(**options)
        assert after.pixel_array.dtype == before.pixel_array.dtype.newbyteorder("=")
        assert np.array_equal(after.pixel_array, before.pixel_array) and after.pixel_array.flags.writeable
        assert np.array_equal(pixel_array(io.BytesIO(data), **options), before.pixel_array)
    assert all(np.array_equal(*pair) for pair in zip(iter_pixels(after), iter_pixels(before), strict=True))


@pytest.mark.parametrize("name", [n for n in ORIGINALS if n not in ("big-endian", "RGB, planar", "YBR_FULL")])
@pytest.mark.parametrize("options_set", [False, True])
def test_decompress_leaves_the_stored_values_and_no_record(name, options_set):
    original = ORIGINALS[name]()
    native = read(original)
    if native.file_meta.TransferSyntaxUID == RLELossless:
        native.decompress(generate_instance_uid=False)
    dataset = read(compress_file(original).data if name not in ("RLE", "int8") else written(compress_dataset(native)))
    if options_set:
        dataset.pixel_array_options(index=0)
    dataset.decompress(generate_instance_uid=False)
    again = read(written(dataset))
    assert again.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert not any(tag in again for tag in RECORD)
    assert again.PixelData == native.PixelData and again["PixelData"].VR == ("OB" if again.BitsAllocated == 8 else "OW")
    assert np.array_equal(again.pixel_array, native.pixel_array)
    del again.PixelData, native.PixelData
    assert list(again) == [e for e in native if e.tag.element]  # group lengths are not written


def test_decompress_makes_what_can_be_compressed_again():
    dataset = read(compress_file(make(FRAMES)).data)
    uid = dataset.SOPInstanceUID
    pydicom.pixels.decompress(dataset)
    assert dataset.SOPInstanceUID != uid
    assert restore_file(compress_file(written(dataset)).data).data == written(dataset)


def test_frames_one_at_a_time_are_not_taken_for_decompress():
    original = ORIGINALS["outside"]()
    dataset = read(compress_file(original).data)
    for options in ({"as_rgb": True}, {"raw": True}, {}):
        assert np.array_equal(next(iter_pixels(dataset, **options)), read(original).pixel_array)
    assert all(tag in dataset for tag in RECORD)


def test_decompress_of_planar_and_ybr_pixels_does_what_pydicom_does():
    for name, reference in (("RGB, planar", "RGB"), ("YBR_FULL", "RGB")):
        original = read(ORIGINALS[name]())
        dataset = compress_dataset(original)
        dataset.decompress()
        assert dataset.PhotometricInterpretation == reference and dataset.PlanarConfiguration == 0
        assert dataset.PixelData == original.pixel_array.tobytes()
    dataset = compress_dataset(original)
    dataset.decompress(as_rgb=False)
    assert dataset.PhotometricInterpretation == "YBR_FULL" and dataset.PixelData == original.PixelData


def test_near_lossless_files():
    small = read(compress_file(make(FRAMES), allowance=Allowance(near=3)).data)
    restored = decompress_dataset(small)
    assert np.array_equal(small.pixel_array, restored.pixel_array)
    assert 0 < np.abs(small.pixel_array.astype(int) - FRAMES).max() <= 3
    small.decompress(generate_instance_uid=False)
    assert small.PixelData == restored.PixelData and small.LossyImageCompression == "01"


@pytest.fixture
def decoded_frames(monkeypatch):
    """The numbers of bytes of the streams that are decoded from now on."""
    sizes, decode = [], dicompress.dicom.restore.decode_frame
    monkeypatch.setattr(dicompress.dicom.restore, "decode_frame", lambda s, image: sizes.append(len(s)) or decode(s, image))
    return sizes


@pytest.mark.parametrize("offset_table", [True, False])
@pytest.mark.parametrize("from_file", [True, False])
def test_only_the_frames_that_are_asked_for_are_decoded(offset_table, from_file, decoded_frames):
    compressed = read(compress_file(make(FRAMES)).data)
    streams = list(generate_frames(compressed.PixelData, number_of_frames=4))
    compressed.PixelData = encapsulate(streams, has_bot=offset_table)
    source = io.BytesIO(written(compressed)) if from_file else compressed
    assert np.array_equal(pixel_array(source, index=2), FRAMES[2])
    assert decoded_frames == [len(streams[2])]
    assert all(map(np.array_equal, iter_pixels(source, indices=[3, 1]), FRAMES[[3, 1]]))
    assert len(decoded_frames) == 3
    with pytest.raises(ValueError):
        pixel_array(source, index=4)


def test_many_frames_one_at_a_time(tmp_path, decoded_frames):
    frames = np.stack([phantom(16, 16, s) for s in range(150)])
    path = tmp_path / "many.dcm"
    path.write_bytes(compress_file(make(frames)).data)
    for number, frame in enumerate(iter_pixels(path)):
        assert np.array_equal(frame, frames[number]) and len(decoded_frames) == number + 1
    assert number == 149


def test_decoders_other_ways_in():
    compressed = read(compress_file(make(FRAMES)).data)
    decoder = get_decoder(DICOMPRESS)
    assert decoder.available_plugins == ("dicompress",) and decoder.is_encapsulated
    assert bytes(decoder.as_buffer(compressed)[0]) == FRAMES.tobytes()
    assert [bytes(b) for b, _ in decoder.iter_buffer(compressed)] == [f.tobytes() for f in FRAMES]
    options = pydicom.pixels.as_pixel_options(compressed)
    pixels, facts = decoder.as_array(compressed.PixelData, index=1, decoding_plugin="dicompress", **options)
    assert np.array_equal(pixels, FRAMES[1]) and facts["bits_stored"] == 16
    assert len(list(decoder.iter_array(compressed))) == 4 and RECORD[0] in compressed
    del compressed.PixelData
    with pytest.raises(AttributeError, match="no 'Pixel Data'"):
        compressed.pixel_array


def test_any_flipped_byte_is_an_error_or_the_right_picture():
    compressed = read(compress_file(make(FRAMES[:2, :20, :24])).data)
    value, wanted = compressed.PixelData, FRAMES[:2, :20, :24]
    errors = 0
    for position in [*range(60), *range(60, len(value), 19)]:
        compressed.PixelData = value[:position] + bytes([value[position] ^ 0x20]) + value[position + 1 :]
        for index in (None, 0, 1):
            try:
                pixels = pixel_array(compressed, index=index)
            except (DicompressError, RuntimeError):
                errors += index is None
            else:
                assert index is not None and np.array_equal(pixels, wanted[index])
    assert errors == len([*range(60), *range(60, len(value), 19)])


def test_a_damaged_frame_tells_the_user_what_is_wrong_and_leaves_the_data_set_alone():
    compressed = read(compress_file(make(FRAMES)).data)
    damaged = bytearray(compressed.PixelData)
    damaged[-20] ^= 1
    compressed.PixelData = bytes(damaged)
    for use in (lambda: compressed.pixel_array, lambda: list(iter_pixels(compressed)), compressed.decompress):
        with pytest.raises(RuntimeError, match="dicompress: the stream is damaged: the CRC-32"):
            use()
    assert compressed.file_meta.TransferSyntaxUID == DICOMPRESS and RECORD[0] in compressed


def test_items_that_are_not_one_a_frame_in_their_order_are_errors():
    compressed = read(compress_file(make(FRAMES)).data)
    streams = list(generate_frames(compressed.PixelData, number_of_frames=4))
    value = encapsulate(streams, has_bot=True)
    swapped = value[:8] + value[12:16] + value[8:12] + value[16:]  # offsets of frames 0 and 1
    split = encapsulate(streams, fragments_per_frame=2)
    for wrong in (swapped, split, encapsulate(streams[:3]), b"", value[:20], b"junk" * 9):
        compressed.PixelData = wrong
        for use in (lambda: pixel_array(compressed, index=1), lambda: compressed.pixel_array, compressed.decompress):
            with pytest.raises(StreamError, match=r"Pixel Data \(7FE0,0010\)"):
                use()


def test_an_extended_offset_table_decides_nothing():
    compressed = read(compress_file(make(FRAMES)).data)
    compressed.ExtendedOffsetTable = compressed.ExtendedOffsetTableLengths = bytes(32)
    assert np.array_equal(pixel_array(compressed, index=3), FRAMES[3])
    assert np.array_equal(compressed.pixel_array, FRAMES)


def test_contradicting_elements_are_errors():
    compressed = compress_file(make(phantom(64, 64))).data
    for wrong in (
        {"Rows": 32, "Columns": 128}, {"PixelRepresentation": 1}, {"BitsAllocated": 8, "BitsStored": 8},
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="the elements say"):
            read(change(compressed, **wrong)).pixel_array
    with pytest.raises(StreamError, match="1 frames .* 2 are expected"):
        read(change(compressed, NumberOfFrames=2)).pixel_array
    with pytest.raises(LimitError, match="60000 x 60000"):
        read(change(compressed, Rows=60000, Columns=60000)).pixel_array
    with pytest.raises(UnsupportedImageError, match="HSV"):
        read(change(compressed, PhotometricInterpretation="HSV")).pixel_array


def test_private_names_of_pydicom_are_what_the_plug_in_takes_them_for():
    """Look at `plugin._register` if this fails with a new pydicom."""
    from pydicom.pixels.decoders import base

    decoder, version = base._PIXEL_DATA_DECODERS[RLELossless]
    assert isinstance(decoder, base.Decoder) and isinstance(version, str)
    assert get_decoder(RLELossless) is decoder
    other = UID("2.25.1")
    assert not other.is_transfer_syntax and not hasattr(other, "_PRIVATE_TS_ENCODING")
    other.set_private_encoding(True, False)
    assert other._PRIVATE_TS_ENCODING == (True, False) and other.is_implicit_VR and not other.is_little_endian
    ours = UID(str(DICOMPRESS))
    assert ours.is_encapsulated and ours.is_little_endian and not ours.is_implicit_VR and not ours.is_deflated
    for plain in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless):
        assert not hasattr(plain, "_PRIVATE_TS_ENCODING") and plain.is_transfer_syntax


def private_names(tree: ast.AST) -> set[int]:
    """Lines with names of others that begin with one underscore; `_replace` is what every named tuple has."""
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            names = [] if own or node.attr == "_replace" else [node.attr]
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0):
            modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            names = [part for module in modules for part in module.split(".")]
        else:
            continue
        if any(name.startswith("_") and not name.startswith("__") for name in names):
            lines.add(node.lineno)
    return lines


def test_private_names_of_pydicom_stand_in_one_place():
    package = Path(dicompress.__file__).parent
    trees = {path.relative_to(package).as_posix(): ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")}
    lines = {path: private_names(tree) for path, tree in trees.items() if "pydicom" in ast.dump(tree)}
    place = "plugins/pydicom/__init__.py"
    (register,) = (n for n in ast.walk(trees[place]) if isinstance(n, ast.FunctionDef) and n.name == "_register")
    assert len(lines) > 10 and {path for path, found in lines.items() if found} == {place}
    assert lines[place] <= set(range(register.lineno, register.end_lineno + 1))


def test_a_pydicom_without_them_is_an_import_error_that_says_so(monkeypatch):
    from pydicom.pixels.decoders import base

    monkeypatch.delattr(base, "_PIXEL_DATA_DECODERS")
    with pytest.raises(ImportError, match="does not work with pydicom .*; use pydicom 3.0"):
        plugin._register()
    monkeypatch.setitem(sys.modules, "pydicom._uid_dict", None)
    with pytest.raises(ImportError, match="does not work with pydicom .*; use pydicom 3.0"):
        plugin._register()


def test_importing_again_changes_nothing():
    from pydicom.pixels.decoders import base

    before = dict(base._PIXEL_DATA_DECODERS)
    importlib.reload(plugin)
    after = base._PIXEL_DATA_DECODERS
    assert list(before) == list(after) and all(before[k] is after[k] for k in before if k != DICOMPRESS)
    assert np.array_equal(read(compress_file(make(FRAMES)).data).pixel_array, FRAMES)


@pytest.mark.parametrize("imported", [True, False])
def test_a_process_with_and_without_the_import(imported, tmp_path):
    path = tmp_path / "ct.dcm"
    path.write_bytes(compress_file(pydicom_file("CT_small.dcm")).data)
    code = f"import pydicom{', dicompress.pydicom' * imported}; print(pydicom.dcmread({str(path)!r}).pixel_array.sum())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    if imported:
        assert int(result.stdout) == pydicom.dcmread(get_testdata_file("CT_small.dcm")).pixel_array.sum()
    else:
        assert result.returncode and f"'{DICOMPRESS}' is not supported" in result.stderr
