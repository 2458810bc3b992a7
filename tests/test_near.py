"""Near-lossless streams: the bound, and what stays exact."""

import numpy as np
import pytest
from helpers.images import phantom
from helpers.models import Halves
from helpers.near import SIGNED, errors
from helpers.streams import Head, Stream, with_crc
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import StreamError, UnsupportedImageError
from dicompress.codec import check_bound, encode_with_result, near_for_psnr
from dicompress.errors import VerificationError
from dicompress.native.coder import write_table

IMAGES = {
    "uint16": phantom(70, 90),
    "int16": SIGNED,
    "uint8": (phantom(41, 33) >> 4).astype(np.uint8),
    "int8": ((phantom(41, 33) >> 4) - 60).astype(np.int8),
    "one row": phantom(1, 200),
    "frames": np.stack([phantom(20, 30, s) for s in range(3)]),
    "one value": np.full((9, 9), 77, np.uint8),
    "whole range": np.random.default_rng(0).integers(-32768, 32768, (40, 40)).astype(np.int16),
    "checkers": np.indices((40, 40)).sum(0).astype(np.uint8) % 2 * 255,
}


@pytest.mark.parametrize("near", [1, 4, 255])
@pytest.mark.parametrize("name", IMAGES)
def test_the_bound_holds_and_values_stay_in_the_range(name, near):
    image = IMAGES[name]
    data = dicompress.encode(image, near=near)
    decoded = dicompress.decode(data)
    again, said = encode_with_result(image, near=near)
    assert again == data and np.array_equal(said, decoded)
    assert decoded.dtype == image.dtype and decoded.shape == image.shape
    assert errors(image, decoded).max() <= near
    assert decoded.min() >= image.min() and decoded.max() <= image.max()
    assert dicompress.inspect(data).near == near and data[4] == 4
    assert len(data) <= len(dicompress.encode(image, model="pyramid")) + 4


def test_a_larger_error_takes_fewer_bytes_and_none_is_the_lossless_stream():
    sizes = [len(dicompress.encode(SIGNED, near=near)) for near in (0, 1, 2, 5, 20)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 0.3 * sizes[0]
    assert dicompress.encode(SIGNED, near=0) == dicompress.encode(SIGNED)
    for near in (-1, 256):
        with pytest.raises(ValueError, match="0 to 255"):
            dicompress.encode(SIGNED, near=near)


def test_threads_change_nothing_and_every_level_keeps_the_bound():
    image = phantom(300, 280)
    data = dicompress.encode(image, near=5, threads=1)
    assert data == dicompress.encode(image, near=5, threads=3)
    info = dicompress.inspect(data)
    for k, count in enumerate(info.level_bytes):
        early = dicompress.decode(data[:count], level=k)
        assert errors(image[:: 1 << k, :: 1 << k], early).max() <= 5


def test_saturated_ends_and_wanted_values_stay_exact_and_no_other_pixel_takes_them():
    image = phantom(120, 120)
    image[:30] = 0
    image[90:, 60:] = 4095
    image[40:44, 40:44] = 700
    data = dicompress.encode(image, near=20, exact=[(700, 700)])
    decoded = dicompress.decode(data)
    for value in (0, 700, 4095):
        assert np.array_equal(image == value, decoded == value)
    assert errors(image, decoded).max() == 20


def kept(image: np.ndarray, exact=(), near=1) -> tuple[tuple[int, int], ...]:
    """The runs of values that a stream keeps."""
    (head,) = Stream.read(dicompress.encode(image, near=near, exact=exact, model=Halves())).heads
    return head.exact


def test_an_end_that_noise_touches_is_not_kept():
    noise = np.abs(np.random.default_rng(1).normal(0, 2, (60, 60))).astype(np.uint8)
    assert kept(noise) == ()
    noise[:20] = 0
    assert kept(noise) == ((0, 0),)


def test_exact_runs_are_joined_cut_to_the_range_and_limited():
    image = np.arange(100, dtype=np.uint8).reshape(10, 10) + 50
    assert kept(image, [(60, 70), (0, 55), (71, 75), (65, 68), (148, 255), (200, 210)]) == (
        (50, 55), (60, 75), (148, 149),
    )  # fmt: skip
    with pytest.raises(UnsupportedImageError, match="34 runs of values are to stay exact; 16 are possible"):
        kept(image, [(v, v) for v in range(50, 150, 3)])


class Told(Exception):
    """What a model is told of an image's values."""


class Telling(Halves):
    def plan(self, header, shape, values, levels):
        raise Told(values)


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 300), min_size=2, max_size=60), st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=4),
)  # fmt: skip
def test_errors_of_ranks_are_errors_of_values(values, near, gaps):
    """Runs may begin where the last one ends: an encoder joins them, a reader takes them."""
    values = np.array(sorted(values), np.int32)
    low, high = int(values[0]), int(values[-1])
    exact, last = [], low
    for gap, length in gaps:
        if last + gap + length <= high:
            exact.append((last + gap, last + gap + length))
            last += gap + length
    head = Head(bytes(8), low, high, exact=tuple(exact), table=write_table(values), header=b"halves")
    stream = Stream(np.dtype("uint16"), 16, b"halves!!", None, 1, 2, 1, near, [head], [[b"--"], [b"--"]])
    with pytest.raises(Told) as told:
        dicompress.decode(stream.write(), model=Telling())
    (found,) = told.value.args
    assert np.array_equal(found.listed, values) and (found.low, found.high) == (0, values.size - 1)
    stays = np.array([any(first <= v <= end for first, end in exact) for v in values])
    assert {r for first, end in found.exact for r in range(first, end + 1)} == set(np.flatnonzero(stays))
    run = np.cumsum(stays)
    pairs = [(i, j) for i in range(values.size) for j in range(i) if run[i] == run[j] and not stays[i] and not stays[j]]
    assert all(values[i] - values[j] <= near for i, j in pairs if i - j <= found.near)
    assert found.near == near or any(values[i] - values[j] > near for i, j in pairs if i - j == found.near + 1)


@pytest.mark.parametrize("near, largest", [(1, 0), (7, 0), (15, 15), (16, 16)])
def test_sparse_values_are_coded_as_ranks_where_that_is_shorter(near, largest):
    image = phantom(80, 80) * 16
    data = dicompress.encode(image, near=near)
    assert errors(image, dicompress.decode(data)).max() == largest


def test_the_gap_between_padding_and_the_rest_costs_nothing():
    image = phantom(80, 80) + np.uint16(3000)
    image[:20], image[20] = 3000, phantom(80, 80)[20] + 3000
    far = np.where(image == 3000, 0, image)
    data, close = dicompress.encode(far, near=3), dicompress.encode(image, near=3)
    assert len(data) < len(close) + 40
    decoded = dicompress.decode(data)
    assert np.array_equal(far == 0, decoded == 0) and errors(far, decoded).max() == 3


def test_the_bound_is_checked():
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    check_bound(image, image + 2, 2, [])
    with pytest.raises(VerificationError, match="off by 3"):
        check_bound(image, image + 3, 2, [])
    for exact in ([(11, 11)], [(13, 13)]):  # what was 11 is not; what was not 13 is
        with pytest.raises(VerificationError, match="exactly"):
            check_bound(image, image + 2, 2, exact)


def test_headers_that_cannot_be_are_errors():
    data = dicompress.encode(SIGNED, near=3)
    start = data.index(b"\x01\x03", 4 + 3 + 8 + 1 + 1)  # after frames, rows and columns
    crc = next(n for n in range(20, 60) if data[n : n + 4] == with_crc(data[:n])[-4:])
    for samples_near in (b"\x01\x80\x02", b"\0\x03", b"\x05\x03"):
        with pytest.raises(StreamError, match="not possible"):
            dicompress.decode(with_crc(data[:start] + samples_near + data[start + 2 : crc]) + data[crc + 4 :])


@pytest.mark.parametrize("psnr", [40, 55])
def test_the_largest_error_that_keeps_the_psnr(psnr):
    peak = int(SIGNED.max()) - int(SIGNED.min())
    near = near_for_psnr(SIGNED, psnr)
    reached = [
        10 * np.log10(peak**2 / np.mean(errors(SIGNED, dicompress.decode(dicompress.encode(SIGNED, near=n))) ** 2.0))
        for n in (near, near + 1)
    ]
    assert near > 0 and reached[0] >= psnr > reached[1]
    assert near_for_psnr(SIGNED, 200) == 0 and near_for_psnr(SIGNED, 1) == 255
