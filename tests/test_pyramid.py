"""The pyramid's own: its levels are the image's, whatever its size; filters, JPEG blocks and padding."""

import numpy as np
import pytest
from conftest import phantom
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import StreamError
from dicompress.codec.container import read_stream
from dicompress.models import Values
from dicompress.models.pyramid import Pyramid
from dicompress.models.pyramid.fit import DEFAULT, ONE, combined, estimate_bits, fit_level, has_blocks, normal_equations, predict
from dicompress.models.pyramid.phases import PHASES, USED, ZERO, Level, LevelHeader, Reference, join, log2_32, split
from dicompress.models.pyramid.references import MOST_GAIN, MOST_OFFSET, Blend, fit_blend, read_blend, write_blend
from dicompress.varint import Reader


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


@pytest.mark.parametrize("size", [1, 511, 512, 1700])
def test_normal_equations(size):
    rng = np.random.default_rng(0)
    rows, weight, wanted = rng.normal(0, 1, (5, size)), rng.random(size), rng.normal(0, 1, size)
    products, targets = normal_equations(rows, weight, wanted)
    assert np.allclose(products, rows * weight @ rows.T) and np.allclose(targets, rows * weight @ wanted)
    assert np.allclose(combined(targets, rows), targets @ rows)


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


def slices(count: int, noise: float = 3.0) -> list[np.ndarray]:
    """The same noise, hardly changed from one to the next: int32."""
    rng = np.random.default_rng(0)
    still = phantom(128, 160, noise=30).astype(np.float64)
    return [np.rint(still + rng.normal(0, noise, still.shape)).astype(np.int32) for _ in range(count)]


def test_filters_take_from_a_reference_what_is_new():
    image, reference = slices(2)
    planes, low, high = split(image), int(image.min()), int(image.max())
    alone, leant = (dict(zip(PHASES, fit_level(image, low, high, r))) for r in (None, reference))
    level, leaned_on = Level(planes[0], low, high), Reference(reference, leant, low, high)
    for phase in PHASES:
        assert leant[phase].scale < 0.4 * alone[phase].scale and leant[phase].of_reference[0] > 40
        errors = [np.abs(planes[phase] * 256 - predict(level, phase, f[phase], r)).mean() for f, r in ((alone, None), (leant, leaned_on))]
        assert errors[1] < 0.4 * errors[0]
        level.put(phase, planes[phase])
    unlike = phantom(128, 160, 7, noise=30).astype(np.int32)
    alone, leant, misled = estimate_bits(image, low, high, [None, reference, unlike])
    assert leant < alone - image.size and abs(misled / alone - 1) < 0.02


def test_a_reference_like_the_image_leaves_nothing():
    image = slices(1)[0]
    low, high = int(image.min()), int(image.max())
    filters = dict(zip(PHASES, fit_level(image, low, high, image)))
    planes, level, leaned_on = split(image), Level(image[::2, ::2], low, high), Reference(image, filters, low, high)
    header = LevelHeader(filters, 0, 300, False)
    for phase in PHASES:
        base, _, inputs = level.describe(phase, header, (0, 0), leaned_on, True)
        assert np.abs(base - planes[phase] * 256).max() <= 4 and inputs.shape[-1] == 32
        assert np.all(inputs[..., USED[phase] + 6 : USED[phase] + 8] == ZERO), "the known pixels agree"
        level.put(phase, planes[phase])


def test_inputs_for_a_reference_are_zero_without_one():
    image = slices(1)[0]
    header = LevelHeader(dict(zip(PHASES, fit_level(image, 0, 2000))), 0, 300, False)
    with_inputs, without = Level(image[::2, ::2], 0, 2000), Level(image[::2, ::2], 0, 2000)
    for phase in PHASES:
        base, known, inputs = with_inputs.describe(phase, header, references=True)
        expected = without.describe(phase, header)
        assert np.array_equal(base, expected[0]) and np.array_equal(known, expected[1])
        assert np.array_equal(inputs[..., : USED[phase]], expected[2][..., : USED[phase]])
        assert np.all(inputs[..., USED[phase] :] == ZERO)
        for level in (with_inputs, without):
            level.put(phase, split(image)[phase])


def test_gains_make_values_comparable():
    image, reference = slices(2)
    assert fit_blend(image, [reference], Values(0, 2000)) == Blend((1 << 14,), 0)
    found = fit_blend(image, [reference * 3 + 500], Values(0, 2000))
    assert found.gains[0] == pytest.approx((1 << 14) / 3, rel=0.02)
    assert np.abs(found.of([reference * 3 + 500], Values(0, 2000)) - reference).mean() < 2


def test_two_references_are_averaged():
    image, one, other = slices(3)
    blend = fit_blend(image, [one, other], Values(0, 2000))
    assert sum(blend.gains) == 1 << 14 and all(6000 < g < 10000 for g in blend.gains)
    blended = blend.of([one, other], Values(0, 2000))
    assert np.std(blended - image) < 0.92 * np.std(one - image)


def test_blends_that_cannot_be():
    for blend in (Blend((-5, 1 << 14), -77), Blend((MOST_GAIN,), MOST_OFFSET)):
        assert read_blend(Reader(write_blend(blend)), len(blend.gains)) == blend
    for wrong in (Blend((MOST_GAIN + 1,), 0), Blend((0,), -MOST_OFFSET - 1)):
        with pytest.raises(StreamError):
            read_blend(Reader(write_blend(wrong)), 1)
    white, black = (Blend((MOST_GAIN, MOST_GAIN), sign * MOST_OFFSET) for sign in (1, -1))
    planes = [np.full((2, 2), 65535, np.int32)] * 2
    assert white.of(planes, Values(-5, 9)).max() == 9 and black.of(planes, Values(-5, 9)).min() >= -5


@pytest.mark.parametrize("value", [0, -32768, 65535])
def test_extreme_references_and_coefficients(value):
    """No sum leaves its type, whatever a stream claims; native code would not notice."""
    reference = np.full((40, 36), value, np.int32)
    reference[::2, 1::3] = 65535
    filters = {p: type(fit_level(reference, 0, 9)[0])(DEFAULT[p] * 32, 64, np.full(11 - 2 * (p == 1), 23, np.int32)) for p in PHASES}
    leaned_on = Reference(reference, filters, -32768, 65535)
    wide = {p: leaned_on.deviations[p].astype(np.int64) for p in PHASES}
    for phase in PHASES:
        assert np.abs(wide[phase]).max() <= 1 << 22
        assert np.abs(leaned_on.adds(phase, filters[phase].of_reference)).max() <= 1 << 24


def leaning(data: bytes) -> list[tuple[int, ...]]:
    return [head.references for head in read_stream(data).heads]


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


def test_headers_with_references_that_cannot_be():
    model, (image, reference) = Pyramid(), slices(2)
    values = Values(int(image.min()), int(image.max()))
    header = model.header(image, values, [reference])
    assert model.plan(header, image.shape, values, 4, [reference]).headers[0].filters[1].of_reference.any()
    gain = write_blend(Blend((1 << 14,), 0))
    assert gain in header[2:]
    too_much = header.replace(gain, write_blend(Blend((MOST_GAIN + 1,), 0)), 1)
    for wrong in (b"", header[:-1], header + b"\0", too_much, model.header(image, values)):
        with pytest.raises(StreamError):
            model.plan(wrong, image.shape, values, 4, [reference])
    for references in ([], [reference] * 3):
        with pytest.raises(StreamError):
            model.plan(header, image.shape, values, 4, references)
