"""pydicom's own functions on compressed files, once `dicompress.pydicom` is imported."""

import io

import numpy as np
import pydicom
import pytest
from helpers.files import make, read, written
from helpers.images import phantom
from helpers.objects import RECORD
from helpers.originals import FRAMES, ORIGINALS
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder, iter_pixels, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

import dicompress.pydicom
from dicompress import Allowance, compress_dataset
from dicompress.dicom import DICOMPRESS, compress_file, decompress_dataset, restore_file

pytestmark = pytest.mark.usefixtures("no_warnings")


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
    monkeypatch.setattr(dicompress.dicom.restore, "decode_frame", lambda s, image, *_: sizes.append(len(s)) or decode(s, image))
    return sizes


@pytest.mark.parametrize("offset_table", [True, False])
@pytest.mark.parametrize("from_file", [True, False])
def test_only_the_frames_that_are_asked_for_are_decoded(offset_table, from_file, decoded_frames):
    compressed = read(compress_file(make(FRAMES)).data)
    streams = list(generate_frames(compressed.PixelData, number_of_frames=4))
    compressed.PixelData = encapsulate(streams, has_bot=offset_table)
    source = io.BytesIO(written(compressed)) if from_file else compressed
    decoded_frames.clear()  # those of the proof
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
    decoded_frames.clear()
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
