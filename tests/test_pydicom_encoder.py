"""`Dataset.compress` and pydicom's other ways to write our transfer syntax, once `dicompress.pydicom` is imported."""

import io
import warnings
from copy import deepcopy

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import change, make, pydicom_file, read, rle, written
from helpers.images import phantom
from helpers.objects import elements
from helpers.originals import FRAMES, ORIGINALS
from pydicom.dataset import Dataset
from pydicom.pixels import as_pixel_options, get_encoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from dicompress import (
    DicompressError,
    UnknownModelError,
    UnsupportedImageError,
    VerificationError,
    compress_dataset,
    decode,
    decompress_dataset,
)
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.pydicom import DICOMPRESS

pytestmark = pytest.mark.usefixtures("no_warnings")
NATIVE = {name: make_original for name, make_original in ORIGINALS.items() if name != "RLE"} | {
    "palette": lambda: pydicom_file("examples_palette.dcm"),
    "YBR_FULL_422": lambda: pydicom_file("SC_ybr_full_422_uncompressed.dcm"),
    "8 of 16 bits": lambda: make(phantom(40, 50) >> 4, bits_stored=8),
    "8-bit words, big-endian": lambda: change(make((phantom(40, 50) >> 4).astype(np.uint8), ExplicitVRBigEndian)),
}


def saved(dataset: Dataset) -> bytes:
    """pydicom's `save_as` refuses what was read in another byte order."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("name", NATIVE)
def test_compress_keeps_pixels_and_elements(name):
    original = NATIVE[name]()
    before, dataset = read(original), read(original)
    dataset.compress(DICOMPRESS, generate_instance_uid=False)
    assert dataset.file_meta.TransferSyntaxUID == DICOMPRESS
    assert np.array_equal(dataset.pixel_array, before.pixel_array)
    again = read(saved(dataset))
    assert elements(again) == elements(before)
    for options in ({}, {"raw": True}, {"correct_unused_bits": False}):
        before.pixel_array_options(**options)
        again.pixel_array_options(**options)
        assert np.array_equal(again.pixel_array, before.pixel_array)


@pytest.mark.parametrize("name", NATIVE)
def test_streams_are_those_of_compress_dataset_and_the_file_is_restored_without_a_record(name):
    dataset = read(NATIVE[name]())
    native = decompress_dataset(compress_dataset(dataset))
    dataset.compress(DICOMPRESS, generate_instance_uid=False)
    data = saved(dataset)
    restored = restore_file(data)
    assert restored.near == 0 and not restored.edited and "without a restore record" in restored.remark
    assert read(restored.data).PixelData == native.PixelData == decompress_dataset(read(data)).PixelData
    assert describe(data).near == 0
    by_model = read(NATIVE[name]())
    by_model.compress(DICOMPRESS, model="pyramid")
    own = compress_dataset(native)
    if describe(saved(own)).model == "labels":  # of few values, which a model that is named does not look at
        assert len(own.PixelData) < len(by_model.PixelData)
    else:
        assert by_model.PixelData == own.PixelData
    assert len(dataset.PixelData) <= len(by_model.PixelData)  # JPEG XL takes some in fewer bytes


def test_the_instance_uid_is_new_unless_it_is_to_stay():
    for options, new in (({}, True), ({"generate_instance_uid": True}, True), ({"generate_instance_uid": False}, False)):
        dataset = read(make(FRAMES))
        uid = dataset.SOPInstanceUID
        dataset.compress(DICOMPRESS, **options)
        assert (dataset.SOPInstanceUID != uid) == new
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def test_commands_take_the_saved_file(tmp_path):
    path, back = tmp_path / "ct.dcm", tmp_path / "back.dcm"
    dataset = read(pydicom_file())
    pixels = dataset.pixel_array
    dataset.compress(DICOMPRESS)
    dataset.save_as(path)
    assert "1 verified without a restore record" in run("verify", path).stdout
    assert "pyramid" in run("info", path).stdout
    run("decompress", path, "-o", back)
    assert np.array_equal(pydicom.dcmread(back).pixel_array, pixels)
    assert pydicom.dcmread(back).SOPInstanceUID == dataset.SOPInstanceUID


def test_compress_and_decompress_take_turns():
    dataset = read(make(FRAMES))
    for _ in range(2):
        dataset.compress(DICOMPRESS, generate_instance_uid=False)
        dataset.decompress(generate_instance_uid=False)
        assert dataset.PixelData == FRAMES.tobytes() and dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert elements(dataset) == elements(read(make(FRAMES)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, ">u2"])
def test_an_array(dtype):
    pixels = FRAMES.astype(dtype) if dtype != np.int32 else FRAMES.astype(np.int32)
    dataset = read(make(np.zeros_like(FRAMES) if dtype != np.int32 else np.zeros(FRAMES.shape, np.int16), bits_stored=12))
    pydicom.pixels.compress(dataset, DICOMPRESS, pixels, encapsulate_ext=True, encoding_plugin="dicompress")
    assert np.array_equal(read(written(dataset)).pixel_array, FRAMES)
    assert np.array_equal(read(restore_file(written(dataset)).data).pixel_array, FRAMES)


def test_an_array_of_colours():
    original = read(ORIGINALS["RGB, planar"]())
    other = original.pixel_array[::-1]
    original.compress(DICOMPRESS, other)
    assert np.array_equal(read(written(original)).pixel_array, other)


def test_pixels_of_a_lossless_syntax_as_an_array():
    dataset = read(rle(FRAMES))
    dataset.compress(DICOMPRESS, dataset.pixel_array)
    assert np.array_equal(read(written(dataset)).pixel_array, FRAMES)


def test_the_encoder_alone():
    encoder, dataset = get_encoder(DICOMPRESS), read(make(FRAMES))
    assert encoder.is_available and encoder.available_plugins == ("dicompress",)
    streams = list(encoder.iter_encode(dataset))
    assert [encoder.encode(dataset, index=k) for k in range(4)] == streams
    options = as_pixel_options(dataset)
    assert list(encoder.iter_encode(FRAMES, **options)) == streams
    assert list(encoder.iter_encode(FRAMES.tobytes(), **options)) == streams
    assert encoder.encode(FRAMES.byteswap().tobytes(), index=2, byteorder=">", **options) == streams[2]
    assert encoder.encode(read(make(FRAMES[:1]))) == streams[0]
    assert np.array_equal(decode(streams[1]), FRAMES[1])
    for index, message in ((None, "required for multi-frame"), (-1, "greater than or equal"), (4, "no frame 4")):
        with pytest.raises(ValueError, match=message):
            encoder.encode(dataset, index=index)


def test_models_and_threads_are_options():
    small = make(FRAMES[0, :16, :16])
    one, other = read(small), read(small)
    one.compress(DICOMPRESS, threads=1)
    other.compress(DICOMPRESS, threads=2)
    assert one.PixelData == other.PixelData
    with pytest.raises(UnknownModelError, match="nonsense"):
        one = read(small)
        one.compress(DICOMPRESS, model="nonsense")


def test_every_stream_is_decoded_and_compared_before_the_data_set_is_touched(monkeypatch):
    dataset = read(make(FRAMES))
    before = written(dataset)
    monkeypatch.setattr("dicompress.codec.api.decode", lambda data, **_: FRAMES[3])
    with pytest.raises(VerificationError):
        dataset.compress(DICOMPRESS)
    assert written(dataset) == before


REFUSED = {
    "64 bits": (lambda: change(pydicom_file("rtdose.dcm"), BitsAllocated=64), "Bits Allocated .* 64"),
    "1 bit": (lambda: change(pydicom_file("liver_1frame.dcm"), PixelRepresentation=1), "Bits Allocated .* 1 of signed"),
    "no pixels": (lambda: pydicom_file("rtplan.dcm"), "no Pixel Data"),
    "HSV": (lambda: change(ORIGINALS["RGB"](), PhotometricInterpretation="HSV"), "HSV"),
    "cut short": (lambda: change(make(FRAMES), NumberOfFrames=5), "are expected: cut short"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compressed_says_why_and_stays_as_it_was(name):
    make_original, reason = REFUSED[name]
    warnings.simplefilter("ignore")  # pydicom's, of UIDs in files that it comes with
    dataset = read(make_original())
    before = deepcopy(dataset)
    with pytest.raises(DicompressError, match=reason):
        dataset.compress(DICOMPRESS)
    assert dataset == before and dataset.file_meta == before.file_meta


def test_float_pixels_say_so():
    dataset = read(make(FRAMES[0]))
    dataset.FloatPixelData, dataset.BitsAllocated = np.zeros((33, 41), np.float32).tobytes(), 32
    del dataset.PixelData
    with pytest.raises(UnsupportedImageError, match="float pixel data"):
        dataset.compress(DICOMPRESS)


def test_arrays_of_another_image_are_refused():
    dataset = read(make(FRAMES, bits_stored=12))
    for array, message in (
        (FRAMES[:3], "uint16 .3, 33, 41., the elements say uint16 .4, 33, 41."),
        (FRAMES.astype(np.float32) + 0.5, "float32"),
        (FRAMES.astype(np.int32) - 70000, "int32"),
        (FRAMES + np.uint16(4000), "outside the allowable range"),
    ):
        with pytest.raises((UnsupportedImageError, ValueError), match=message):
            dataset.compress(DICOMPRESS, array)
    halved = read(NATIVE["YBR_FULL_422"]())
    with pytest.raises(UnsupportedImageError, match="YBR_FULL_422 two share it"):
        halved.compress(DICOMPRESS, halved.pixel_array)


def test_options_that_are_none():
    dataset = read(make(FRAMES))
    with pytest.raises(ValueError, match="no option near; there is model and threads; .*compress_dataset"):
        dataset.compress(DICOMPRESS, near=2)
    with pytest.raises(ValueError, match="no plug-in 'gdcm'; there is dicompress"):
        dataset.compress(DICOMPRESS, encoding_plugin="gdcm")
    with pytest.raises(ValueError, match="the data set says rows"):
        get_encoder(DICOMPRESS).encode(dataset, index=0, rows=7)


def test_what_is_compressed_already_is_refused():
    ours = read(compress_file(make(FRAMES)).data)
    for dataset in (ours, read(rle(FRAMES))):
        with pytest.raises(ValueError, match="Only uncompressed"):
            dataset.compress(DICOMPRESS)
        with pytest.raises(UnsupportedImageError, match="only native pixels are taken"):
            get_encoder(DICOMPRESS).encode(dataset, index=0)
    ours.PixelData, ours.file_meta.TransferSyntaxUID = FRAMES.tobytes(), ExplicitVRLittleEndian
    with pytest.raises(UnsupportedImageError, match=r"restore record, of other pixels: delete \(7FD9,1001\)"):
        ours.compress(DICOMPRESS)


def test_other_pixels_beside_the_record_of_the_old_ones_are_told():
    dataset = read(compress_file(make(FRAMES)).data)
    dataset.compress(DICOMPRESS, FRAMES[::-1])
    restored = restore_file(written(dataset))
    assert restored.edited and np.array_equal(read(restored.data).pixel_array, FRAMES[::-1])
