"""SReC's levels in integers: blocks of 2x2 pixels, what is left of their sums, and what the network sees of them."""

import numpy as np
import pytest
from helpers.images import phantom
from hypothesis import given, settings
from hypothesis import strategies as st

from dicompress_lab.models.srec.levels import CODED, CORNERS, PLANES, REMAINDER, ZERO, Level, corner_shape, halve, join


def corners(image):
    return [image[r::2, c::2] for r, c in CORNERS[:CODED]]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([(0, 255), (0, 65535), (-32768, 32767), (5, 6)]))
def test_halve_and_join(rows, columns, limits):
    image = np.random.default_rng(rows * columns).integers(*limits, (rows, columns), np.int32, endpoint=True)
    means, remainder = halve(image)
    assert means.shape == ((rows + 1) // 2, (columns + 1) // 2)
    assert limits[0] <= means.min() and means.max() <= limits[1]
    assert REMAINDER[0] <= remainder.min() and remainder.max() <= REMAINDER[1]
    pixels = corners(image)
    assert [p.shape for p in pixels] == [corner_shape(image.shape, k) for k in range(CODED)]
    assert np.array_equal(join(means, remainder, pixels, image.shape, *limits), image)


def test_means_are_rounded_half_up():
    means, remainder = halve(np.array([[0, 1, -3, -4], [0, 1, -3, -4]]))
    assert means.tolist() == [[1, -3]] and remainder.tolist() == [[-2, -2]]


def test_a_damaged_stream_gives_pixels_within_the_range():
    one = np.ones((1, 1), np.int32)
    image = join(200 * one, one, [0 * one] * 3, (2, 2), 0, 255)
    assert image.max() == 255 and image.dtype == np.int32


def test_a_slope_is_expected_exactly():
    image = np.add.outer(np.arange(40) * 7, np.arange(60) * -13) + 1000
    level = Level(*halve(image), 256, 0, 4095)
    for pixels in corners(image):
        assert not (level.base - pixels * 256)[1:-1, 1:-1].any()
        level.put(pixels)
        assert (level.planes[PLANES[0] :, 1:-1, 1:-1] == ZERO).all()  # no error to be seen


def test_errors_of_pixels_are_seen_and_the_last_pixel_follows():
    image = phantom(40, 60).astype(np.int32)
    level = Level(*halve(image), 256, 0, 4095)
    for k, pixels in enumerate(corners(image)):
        error = pixels * 256 - level.base
        level.put(pixels)
        if k + 1 < CODED:
            assert np.array_equal(np.sign(level.planes[PLANES[k]] - float(ZERO)), np.sign(error))
            middle = np.clip((error + 128) // 256, -ZERO, ZERO - 1) + ZERO
            assert np.array_equal(level.planes[PLANES[k] + 1], middle) and np.ptp(middle) > 20
    assert np.array_equal(level.base, image[1::2, 1::2] * 256)


def test_differences_enter_at_three_resolutions():
    image = np.zeros((4, 4), np.int32)
    image[:, 2:] = 20
    level = Level(*halve(image), 4 * 256, 0, 2000)  # a noise of 4
    right, down, rest = level.planes[:3, :, 0], level.planes[3:6], level.planes[6:11, 0, 0]
    assert (right - ZERO).tolist() == [[80, 80], [5, 5], [0, 0]] and (level.planes[:6, :, 1] == ZERO).all()
    assert (down == ZERO).all()
    assert rest.tolist() == [0, 255, 0, ZERO, ZERO + 160 - 224]  # at the low end, far from the high one; the noise is 2**10


def test_only_what_is_equal_is_at_distance_zero():
    image = np.full((4, 4), 500, np.int32)
    image[0, 2] += 1
    level = Level(*halve(image), 1 << 20, 500, 60000)
    assert level.planes[0, 0, 0] == ZERO + 1 and level.planes[0, 1, 0] == ZERO
    assert level.planes[6].tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize("limits", [(0, 65535), (-32768, 32767)])
@pytest.mark.parametrize("scale", [64, 1 << 25])
def test_extreme_values_stay_within_32_bits(limits, scale):
    image = np.random.default_rng(0).choice(limits, (16, 16))
    level = Level(*halve(image), scale, *limits)
    for pixels in corners(image):
        assert np.abs(level.base).max() < 1 << 31
        level.put(pixels)
    assert np.array_equal(level.base, image[1::2, 1::2] * 256)
