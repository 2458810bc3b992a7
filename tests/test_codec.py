"""encode, decode and inspect: every kind of array comes back, and damage is always noticed."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.images import phantom
from helpers.models import Halves
from helpers.streams import Stream, joined, stream_parts
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import (
    DicompressError,
    LimitError,
    StreamError,
    UnknownModelError,
    UnsupportedImageError,
    VerificationError,
)
from dicompress.native.codec import sparse_values
from dicompress.varint import write_varint


def assert_round_trip(image):
    restored = dicompress.decode(dicompress.encode(image))
    assert restored.dtype == image.dtype and np.array_equal(restored, image)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (2, 3), (37, 53), (64, 64)])
def test_all_types_and_odd_sizes(dtype, shape):
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(0)
    assert_round_trip(rng.integers(limits.min, limits.max, shape, dtype, endpoint=True))
    assert_round_trip((rng.normal(limits.max / 2, 3, shape)).astype(dtype))


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([1, 16, 257]))
def test_noise_of_any_size_and_spacing(rows, columns, seed, step):
    values = np.random.default_rng(seed).integers(0, 250, (rows, columns)) * step
    assert_round_trip(values.astype(np.uint16))


@pytest.mark.parametrize("value", [-32768, -1, 0, 32767])
def test_single_valued_images_take_a_few_bytes(value):
    image = np.full((512, 512), value, np.int16)
    data = dicompress.encode(image)
    assert len(data) < 100 and np.array_equal(dicompress.decode(data), image)


def test_real_images(ct_pixels, mr_pixels):
    assert_round_trip(ct_pixels)
    assert_round_trip(mr_pixels)


def test_big_endian_and_strided_arrays_come_back_as_values(ct_pixels):
    assert np.array_equal(dicompress.decode(dicompress.encode(ct_pixels.astype(">i2"))), ct_pixels)
    assert np.array_equal(dicompress.decode(dicompress.encode(ct_pixels[::2, ::-1])), ct_pixels[::2, ::-1])


def test_images_larger_than_a_tile():
    image = phantom(1100, 1041)
    assert_round_trip(image)


def test_frames_are_coded_alone():
    frames = np.stack([phantom(40, 48, seed) for seed in range(3)])
    data = dicompress.encode(frames)
    assert np.array_equal(dicompress.decode(data), frames)
    for number in range(3):
        assert np.array_equal(dicompress.decode(data, frame=number), frames[number])
    assert dicompress.decode(dicompress.encode(frames[:1])).shape == (1, 40, 48)
    with pytest.raises(IndexError):
        dicompress.decode(data, frame=3)


def test_sparse_histograms_are_packed():
    dense = phantom(128, 128, noise=2.0)
    spread = (dense.astype(np.uint32) * 15).astype(np.uint16)
    assert sparse_values(spread[None, ..., None]) == np.unique(spread).tolist()
    assert sparse_values(phantom(128, 128)[None, ..., None]) is None
    assert len(dicompress.encode(spread)) < 1.1 * len(dicompress.encode(dense))


def test_damaged_tables_are_refused():
    stream = Stream.read(dicompress.encode((phantom(64, 64) * 16).astype(np.uint16)))
    (head,) = stream.heads
    for wrong in (b"\0", head.table[:-4], head.table + bytes(9), head.table[::-1]):
        with pytest.raises(StreamError):
            dicompress.decode(replace(stream, heads=[replace(head, table=wrong)]).write())


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.float16), np.zeros((4, 4), np.int64), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8),
     np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), bool)],
)  # fmt: skip
def test_other_arrays_are_refused(image):
    with pytest.raises(UnsupportedImageError):
        dicompress.encode(image)


def test_inspect_agrees_with_the_array(ct_pixels):
    data = dicompress.encode(ct_pixels, bits_stored=12)
    info = dicompress.inspect(data)
    assert (info.rows, info.columns, info.frames) == (128, 128, 1)
    assert (info.bits_allocated, info.bits_stored, info.signed) == (16, 12, True)
    assert info.model == "pyramid" and info.coded_bytes == len(data)
    assert info.bits_per_pixel == 8 * len(data) / ct_pixels.size
    assert info.ratio_allocated == pytest.approx(16 / info.bits_per_pixel)
    assert info.ratio_stored == pytest.approx(12 / info.bits_per_pixel)
    assert len(info.checksums) == 1


def test_unknown_model_names_are_told_with_what_there_is():
    with pytest.raises(UnknownModelError, match="there is pyramid"):
        dicompress.encode(np.zeros((2, 2), np.uint8), model="pyramid-of-giza")


class Forgetful(Halves):
    """Predicts otherwise from the second image on that it is given: the one that is decoded."""

    def predict(self, plan, k, tensors):
        mixture = super().predict(plan, k, tensors)
        if len(self.plans) > 1:
            mixture.parameters[1] += 40 * 4096
        return mixture


class Untrue(Halves):
    """Makes every pixel larger by one, in encoding, too, so that no digest tells."""

    def synthesise(self, plan, tensors):
        return np.minimum(super().synthesise(plan, tensors) + 1, plan.values.high)


def test_encoding_verifies_by_decoding():
    image = phantom(40, 30)
    with pytest.raises(StreamError):
        dicompress.encode(image, model=Forgetful())
    with pytest.raises(StreamError, match="checksum"):
        dicompress.encode(image, model=Untrue())
    with pytest.raises(VerificationError, match="off by 4, more than 3"):
        dicompress.encode(image, model=Untrue(), near=3)
    right = dicompress.encode(image, model=Halves())
    for model in (Forgetful(), Untrue()):
        assert dicompress.encode(image, model=model, verify=False) == right, "nothing else was wrong"


@pytest.fixture(scope="module")
def small():
    image = phantom(24, 20)
    return image, dicompress.encode(image)


def test_any_flipped_byte_is_an_error(small):
    _, data = small
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x11
        with pytest.raises(DicompressError):
            dicompress.decode(bytes(damaged))


def test_a_flipped_byte_with_a_repaired_crc_is_an_error_or_the_right_image(small):
    image, data = small
    errors = 0
    parts = stream_parts(data)
    places = [(i, position) for i, part in enumerate(parts) for position in range(0 if i else 16, len(part))]
    for i, position in places:
        damaged = bytearray(parts[i])
        damaged[position] ^= 1 << (position + 3) % 8
        try:
            assert np.array_equal(dicompress.decode(joined([*parts[:i], bytes(damaged), *parts[i + 1 :]])), image)
        except DicompressError:
            errors += 1
    assert errors > 0.95 * len(places)


def test_any_cut_is_an_error(small):
    _, data = small
    for length in range(len(data)):
        with pytest.raises(DicompressError):
            dicompress.decode(data[:length])


def test_bytes_behind_the_stream_are_an_error_but_for_dicom_padding(small):
    image, data = small
    assert np.array_equal(dicompress.decode(data + b"\0"), image)
    for wrong in (b"\1", b"\0\0"):
        with pytest.raises(StreamError):
            dicompress.decode(data + wrong)


def test_unknown_version_model_hash_and_coder(small):
    header, *rest = stream_parts(small[1])
    for version in (0, 1, 2, 3, 5, 9):
        with pytest.raises(UnknownModelError, match=f"version {version} is unknown; this dicompress reads version 4"):
            dicompress.decode(joined([header[:4] + bytes([version]) + header[5:], *rest]))
    with pytest.raises(UnknownModelError, match="revision 2 of the coder; this dicompress has revision 1"):
        dicompress.decode(joined([header[:15] + b"\2" + header[16:], *rest]))
    with pytest.raises(UnknownModelError, match="ffffffffffffffff"):
        dicompress.decode(joined([header[:7] + b"\xff" * 8 + header[15:], *rest]))


def test_sixty_thousand_squared_pixels_in_a_few_bytes_are_refused_before_memory_is_asked_for(small):
    start = small[1][:16]
    levels = dicompress.inspect(small[1]).levels
    for rows, columns, error in [(60000, 60000, LimitError), (20000, 20000, StreamError)]:
        for head in (b"", b"\0" * 11 + b"\1" * 10, b"\0" * 9 + b"\x80\x80\x08" + b"\1\0\0"):
            heads = write_varint(len(head)) + head
            numbers = (0, rows, columns, 1, 0, levels, len(heads), *[3] * (levels + 1))
            header = start + b"".join(map(write_varint, numbers))
            with pytest.raises(error):
                dicompress.decode(joined([header, heads, *[b"\0\0\0"] * (levels + 1)]))


def test_claims_of_frames_and_lengths_are_refused_before_memory_is_asked_for(small):
    header, heads, *sections = stream_parts(small[1])
    huge = 1 << 61
    for numbers in (
        (huge, 1, 1, 1, 0, 0, len(heads), len(sections[0])),
        (1 << 31, 1, 1, 1, 0, 0, len(heads), len(sections[0])),
        (0, 24, 20, huge, 0, 0, len(heads), len(sections[0])),
        (0, 24, 20, 1, huge, 0, len(heads), len(sections[0])),
        (0, 24, 20, 1, 0, 7, len(heads), *map(len, sections), *[0] * 7),
        (0, 24, 20, 1, 0, huge, len(heads), *map(len, sections)),
        (0, 24, 20, 1, 0, 0, huge, len(sections[0])),
        (0, 24, 20, 1, 0, 0, len(heads), huge),
        (0, 24, 20, 1, 0, 0, 0, len(heads) + len(sections[0])),
    ):
        lie = header[:16] + b"".join(map(write_varint, numbers))
        with pytest.raises((StreamError, LimitError)):
            dicompress.decode(joined([lie, heads, *sections]))
    for lie in (write_varint(huge) + heads[1:], write_varint(3) + heads[1:], heads + heads, heads[:9]):
        lying = header[:16] + b"".join(map(write_varint, (0, 24, 20, 1, 0, 0, len(lie), len(sections[0]))))
        with pytest.raises(StreamError):
            dicompress.decode(joined([lying, lie, *sections]))


@pytest.mark.parametrize("data", [b"", b"DCMP", b"hello, world", b"\0" * 100])
def test_what_is_no_stream(data):
    with pytest.raises(StreamError):
        dicompress.decode(data)
    with pytest.raises(StreamError):
        dicompress.inspect(data)
