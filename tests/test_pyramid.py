"""The pyramid's own: its levels are the image's, whatever its size; filters, JPEG blocks and padding."""

import numpy as np
import pytest
from conftest import phantom
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import StreamError
from dicompress.models import Values
from dicompress.models.pyramid import Pyramid
from dicompress.models.pyramid.fit import DEFAULT, ONE, fit_level, has_blocks
from dicompress.models.pyramid.phases import PHASES, Level, join, log2_32, split


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


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (6, 6), (7, 9)])
def test_split_and_join(shape):
    image = np.arange(np.prod(shape)).reshape(shape)
    assert np.array_equal(join(split(image), shape), image)


def test_filters_fit_the_image():
    """Where a signal is smooth, a filter predicts it far better than four neighbours."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft2(rng.normal(0, 1, (256, 256)))
    spectrum[np.abs(np.fft.fftfreq(256))[:, None] + np.fft.rfftfreq(256) > 0.25] = 0
    image = np.rint(2000 + 200 * np.fft.irfft2(spectrum)).astype(np.int32)
    planes = split(image)
    level = Level(planes[0], 0, 4095)
    for phase, found in zip(PHASES, fit_level(image, 0, 4095)):
        assert found.coefficients.sum() == ONE // 2
        errors = [np.abs(planes[phase] * 256 - level.interpolate(phase, c)).mean() for c in (found.coefficients, DEFAULT[phase])]
        assert errors[0] < (0.7 if phase == 1 else 0.5) * errors[1]
        level.put(phase, planes[phase])


def test_a_flat_image_is_predicted_exactly():
    level = Level(np.full((20, 20), -7, np.int32), -7, 90)
    for phase in PHASES:
        assert np.all(level.interpolate(phase, DEFAULT[phase]) == -7 * 256)
        level.put(phase, np.full((20, 20), -7, np.int32))


def test_former_jpegs_are_noticed():
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.normal(0, 20, (32, 32)), np.ones((8, 8))) + phantom(256, 256) / 16 + rng.normal(0, 1, (256, 256))
    assert has_blocks(np.rint(blocks)) and has_blocks(np.rint(blocks[:, :200]))
    assert not has_blocks(np.rint(blocks[3:, 5:])) and not has_blocks(phantom(256, 256)) and not has_blocks(blocks[:30, :30])
    image = np.rint(blocks).astype(np.int16)
    assert np.array_equal(dicompress.decode(dicompress.encode(image)), image)


def test_padding_is_almost_free():
    image = phantom(256, 256)
    padded = np.full((256, 768), -2000, np.int16)
    padded[:, 256:512] = image
    assert len(dicompress.encode(padded)) < 1.05 * len(dicompress.encode(image)) + 200


@pytest.mark.parametrize("value", [1, 2, 3, 63, 64, 1 << 24])
def test_log2_32(value):
    assert log2_32(value) == int(np.floor(32 * np.log2(value)))


def test_headers_that_cannot_be(ct_pixels):
    model, image = Pyramid(), ct_pixels.astype(np.int32)
    low, high = int(image.min()), int(image.max())
    values = Values(low, high)
    header = model.header(image, values)
    assert model.plan(header, image.shape, values, 3).shapes[-1] == (1, 64, 64)
    for wrong in (b"", header[:-1], header + b"\0", b"\x01" + header[1:], b"\xff" * 9 + header):
        with pytest.raises(StreamError):
            model.plan(wrong, image.shape, values, 3)
