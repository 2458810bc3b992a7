"""Streams of the pyramid: its levels are the image's, whatever its size; padding; volumes."""

import numpy as np
import pytest
from helpers.images import phantom
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress.native.codec import Stream


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_level_is_the_image_at_that_resolution(rows, columns):
    image = phantom(rows, columns)
    data = dicompress.encode(image, threads=1)
    info = dicompress.inspect(data)
    for k in range(info.levels + 1):
        picture = dicompress.decode(data[: info.level_bytes[k]], level=k)
        assert np.array_equal(picture, image[:: 1 << k, :: 1 << k])


def test_coarse_levels_take_few_bytes(ct_pixels):
    info = dicompress.inspect(dicompress.encode(ct_pixels))
    assert info.levels == 3 and info.level_bytes == sorted(info.level_bytes, reverse=True)
    assert info.level_bytes[1] < 0.4 * info.level_bytes[0]


def test_padding_is_almost_free():
    image = phantom(256, 256)
    padded = np.full((256, 768), -2000, np.int16)
    padded[:, 256:512] = image
    assert len(dicompress.encode(padded)) < 1.05 * len(dicompress.encode(image)) + 200


def slices(count: int, noise: float = 3.0) -> list[np.ndarray]:
    """The same noise, hardly changed from one to the next: int32."""
    rng = np.random.default_rng(0)
    still = phantom(128, 160, noise=30).astype(np.float64)
    return [np.rint(still + rng.normal(0, noise, still.shape)).astype(np.int32) for _ in range(count)]


def leaning(data: bytes) -> list[tuple[int, ...]]:
    stream = Stream(data, None, 1 << 40, 1 << 40)
    return [tuple(stream.references(n)) for n in range(stream.frames)]


def test_volumes_take_less_where_slices_have_something_in_common():
    volume = np.stack(slices(5)).astype(np.int16)
    alone, leant = (dicompress.encode(volume, neighbours=n) for n in (False, True))
    assert len(leant) < 0.75 * len(alone) and leaning(leant) == [(), (1, -1), (2,), (1, -1), (2, 4)]
    unlike = np.random.default_rng(0).normal(500, 40, (4, 64, 72)).astype(np.uint16)
    alone, leant = (dicompress.encode(unlike, neighbours=n) for n in (False, True))
    assert leaning(leant) == [()] * 4 and len(leant) == len(alone)


def test_slices_of_other_slopes_are_as_good():
    """As those of PET, whose Rescale Slope differs from slice to slice."""
    volume = np.stack(slices(5))
    factors = np.array([1, 1.7, 0.6, 2.4, 1.3])[:, None, None]
    scaled = np.rint(volume * factors).astype(np.uint16)
    alone, leant = (dicompress.encode(scaled, neighbours=n) for n in (False, True))
    assert len(leant) < 0.75 * len(alone) and all(leaning(leant)[1:])


@pytest.mark.parametrize("near", [1, 5])
def test_volumes_with_errors_lean_on_what_was_decoded(near):
    volume = np.stack(slices(4)).astype(np.int16)
    data = dicompress.encode(volume, neighbours=True, near=near)
    decoded = dicompress.decode(data)
    assert np.abs(decoded.astype(int) - volume).max() == near and all(leaning(data)[1:])
    assert all(np.array_equal(dicompress.decode(data, frame=k), decoded[k]) for k in range(4))
    assert len(data) < len(dicompress.encode(volume, near=near))
