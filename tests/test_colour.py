"""Colour: samples as planes that tell of each other, in streams and in DICOM files."""

import numpy as np
import pydicom
import pytest
from helpers.files import make, pydicom_file
from helpers.images import phantom
from helpers.models import Halves
from helpers.streams import Stream, digest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

import dicompress
import dicompress.pydicom
from dicompress import Allowance, UnsupportedImageError, compress_dataset, decompress_dataset
from dicompress.codec import encode_with_result
from dicompress.dicom import compress_file, describe, restore_file


def encode(image: np.ndarray, near: int = 0) -> bytes:
    """By the model, also where JPEG XL would take less."""
    return dicompress.encode(image, colour=True, near=near, model="pyramid")


def picture(rows=61, columns=47, dtype=np.uint8, seed=0) -> np.ndarray:
    """(rows, columns, 3) that go together, with noise of their own."""
    grey = phantom(rows, columns, seed).astype(np.int64) << (4 if np.dtype(dtype).itemsize == 2 else 0)
    grey = grey if np.dtype(dtype).itemsize == 2 else grey >> 4
    noise = np.random.default_rng(seed).integers(-1, 2, (rows, columns, 3))
    limits = np.iinfo(dtype)
    return np.clip(np.stack([grey, grey // 2 + 30, 200 - grey // 3], -1) + noise, limits.min, limits.max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_colour_comes_back(dtype):
    image = picture(dtype=dtype)
    data = encode(image)
    assert np.array_equal(dicompress.decode(data), image)
    info = dicompress.inspect(data)
    assert (info.samples, info.frames, info.rows, info.columns) == (3, 1, 61, 47) and len(info.checksums) == 3
    assert info.ratio_allocated == pytest.approx(image.nbytes / len(data))


def test_frames_levels_and_numbers_of_samples():
    image = np.stack([picture(140, 90), picture(140, 90, seed=1)])
    data = encode(image)
    assert np.array_equal(dicompress.decode(data, frame=1), image[1])
    info = dicompress.inspect(data)
    for k, count in enumerate(info.level_bytes):
        assert np.array_equal(dicompress.decode(data[:count], level=k), image[:, :: 1 << k, :: 1 << k])
    four = np.concatenate([image[0], image[1][..., :1]], -1)
    for samples in (2, 4):
        assert np.array_equal(dicompress.decode(encode(four[..., :samples])), four[..., :samples])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([np.uint8, np.int8, np.uint16, np.int16]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=2, max_dims=2, max_side=12).map(lambda s: (*s, 3)))
))  # fmt: skip
def test_any_colours_come_back(image):
    assert np.array_equal(dicompress.decode(encode(image)), image)


def test_what_samples_share_is_coded_once():
    grey = phantom(200, 200).astype(np.int32) >> 2
    one = len(dicompress.encode((grey >> 2).astype(np.uint8), model="pyramid"))
    same = np.repeat((grey >> 2).astype(np.uint8)[..., None], 3, 2)
    assert len(encode(same)) < one + 60
    grey = phantom(200, 200, noise=60.0).astype(np.int32) >> 4
    image = np.stack([grey, 3 * grey // 4, 255 - grey], -1).clip(0, 255).astype(np.uint8)
    apart = sum(len(dicompress.encode(np.ascontiguousarray(image[..., k]))) for k in range(3))
    assert len(encode(image)) < 0.5 * apart


def coefficients(*samples: np.ndarray) -> tuple[int, ...]:
    """In 1/64, of the last sample."""
    stream = Stream.read(dicompress.encode(np.stack(samples, -1).astype(np.int16), colour=True, model=Halves()))
    return stream.heads[-1].coefficients


def test_coefficients_find_how_planes_depend():
    first, noise = phantom(90, 90).astype(np.int32), phantom(90, 90, 1).astype(np.int32)
    assert coefficients(first, 3 * first // 4) == (48,)
    assert coefficients(first, noise, first - noise) == (64, -64)
    assert coefficients(np.zeros_like(first), noise) == (0,)


def test_what_is_coded_of_a_sample_stays_within_65536_values():
    wild = np.random.default_rng(0).integers(0, 65536, (40, 40)).astype(np.uint16)
    for image in (np.stack([wild, 65535 - wild], -1), np.stack([wild, wild[::-1]], -1)):
        _, head = Stream.read(encode(image)).heads
        assert head.coefficients in ((-64,), (0,)) and head.high - head.low <= 65535 and -65535 <= head.low
        said = image[..., 0].astype(int) * head.coefficients[0] + 32 >> 6 if head.coefficients[0] else 0
        coded = image[..., 1] - said
        assert (coded.min(), coded.max()) == (head.low, head.high) and head.digest == digest(image[..., 1])


@pytest.mark.parametrize("near", [1, 6])
def test_the_bound_holds_for_every_sample(near):
    image = picture(120, 80)
    data = encode(image, near=near)
    decoded = dicompress.decode(data)
    assert np.abs(decoded.astype(int) - image).max() == near
    for k in range(3):
        assert image[..., k].min() <= decoded[..., k].min() and decoded[..., k].max() <= image[..., k].max()
    assert len(data) < len(encode(image))


@pytest.mark.parametrize("constant", [0, 1, 2])
def test_samples_of_one_value_beside_others(constant):
    """Of an RGB image with an empty channel, and with an error."""
    image = picture(60, 50)
    image[..., constant] = 9
    for near in (0, 3):
        data, decoded = encode_with_result(image, colour=True, near=near)
        assert np.array_equal(dicompress.decode(data), decoded) and (decoded[..., constant] == 9).all()
        assert np.abs(decoded.astype(int) - image).max() == near


def test_the_callers_array_is_left_alone():
    image = picture()
    image.setflags(write=False)
    encode(image)
    encode(image, near=2)


def test_arrays_that_are_no_colour_images():
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4, 5), np.uint8)):
        with pytest.raises(UnsupportedImageError, match="samples"):
            dicompress.encode(wrong, colour=True)


def colour_file(image, interpretation="RGB", planar=0, syntax=ExplicitVRLittleEndian) -> bytes:
    """A Part 10 file of (rows, columns, 3) or (frames, rows, columns, 3)."""
    dataset = pydicom.dcmread(DicomBytesIO(make(image[..., 0])))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, interpretation, planar
    value = np.ascontiguousarray(np.moveaxis(image, -1, -3) if planar else image).tobytes()
    dataset.PixelData = value + b"\0" * (image.nbytes % 2)
    buffer = DicomBytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("image", [picture(), picture(dtype=np.uint16), np.stack([picture(), picture(seed=1)])])
def test_colour_files_come_back_byte_for_byte(image, interpretation, planar):
    original = colour_file(image, interpretation, planar)
    compressed = compress_file(original)
    assert restore_file(compressed.data).data == original
    info = describe(compressed.data)
    assert info.samples == 3 and info.ratio_allocated == pytest.approx(image.nbytes / info.coded_bytes)
    dataset = decompress_dataset(compress_dataset(pydicom.dcmread(DicomBytesIO(original))))
    assert dataset.PixelData == pydicom.dcmread(DicomBytesIO(original)).PixelData


def test_palette_indices_come_back_and_bear_no_error():
    original = pydicom_file("examples_palette.dcm")
    assert restore_file(compress_file(original).data).data == original
    bounded = compress_file(original, allowance=Allowance(near=1))
    assert restore_file(bounded.data).data == original and "PALETTE COLOR" in bounded.remark


@pytest.mark.parametrize("planar", [0, 1])
def test_near_lossless_colour(planar):
    image = picture(90, 90)
    compressed = compress_file(colour_file(image, planar=planar), allowance=Allowance(near=2))
    after = pydicom.dcmread(DicomBytesIO(restore_file(compressed.data).data))
    assert np.abs(after.pixel_array.astype(int) - image).max() == 2 and after.PlanarConfiguration == planar


@pytest.mark.parametrize("planar", [0, 1])
def test_rle_colour(planar):
    dataset = pydicom.dcmread(DicomBytesIO(colour_file(picture(200, 200))))
    dataset.compress(RLELossless)
    dataset.PlanarConfiguration = planar  # of no meaning for RLE, but for the native form
    buffer = DicomBytesIO()
    dataset.save_as(buffer)
    restored = pydicom.dcmread(DicomBytesIO(restore_file(compress_file(buffer.getvalue()).data).data))
    assert np.array_equal(restored.pixel_array, picture(200, 200))
    assert restored.PlanarConfiguration == dataset.PlanarConfiguration


@pytest.mark.parametrize("name", ["GDCMJ2K_TextGBR.dcm"])
def test_a_transform_that_decoders_undo_is_no_longer_claimed(name):
    original = pydicom.dcmread(DicomBytesIO(pydicom_file(name)))
    assert original.PhotometricInterpretation == "YBR_RCT"
    restored = pydicom.dcmread(DicomBytesIO(restore_file(compress_file(pydicom_file(name)).data).data))
    assert restored.PhotometricInterpretation == "RGB"
    assert np.array_equal(restored.pixel_array, original.pixel_array)
    assert restored.get("Manufacturer") == original.get("Manufacturer")


@pytest.mark.parametrize("name", ["SC_ybr_full_422_uncompressed.dcm", "OBXXXX1A_expb.dcm"])
def test_pairs_that_share_their_colour_and_big_endian_words(name):
    original = pydicom_file(name)
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    before, after = (pydicom.dcmread(DicomBytesIO(data)).pixel_array for data in (original, compressed))
    assert np.array_equal(before, after)


def test_colour_that_is_passed_on():
    with pytest.raises(UnsupportedImageError, match="big-endian words"):
        compress_file(pydicom_file("SC_rgb_small_odd_big_endian.dcm"))


def test_sixteen_bits_big_endian():
    grey = pydicom.dcmread(DicomBytesIO(make(picture(dtype=np.uint16)[..., 0], ExplicitVRBigEndian)))
    grey.SamplesPerPixel, grey.PhotometricInterpretation, grey.PlanarConfiguration = 3, "RGB", 0
    grey.PixelData = picture(dtype=np.uint16).astype(">u2").tobytes()
    buffer = DicomBytesIO()
    grey.save_as(buffer)
    assert restore_file(compress_file(buffer.getvalue()).data).data == buffer.getvalue()
