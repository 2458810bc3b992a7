"""`pyramid` in the core: bases, known pixels, inputs and parameters as numpy finds them after docs/format.md; fits; headers."""

from pathlib import Path

import numpy as np
import pytest
from helpers import pyramid as oracle
from helpers.images import phantom
from helpers.streams import varint

from dicompress.coder import code_length
from dicompress.errors import StreamError
from dicompress.models import Values
from dicompress.native import pyramid as native

WEIGHTS = Path(__file__).parents[1] / "src" / "dicompress" / "models" / "pyramid" / "weights" / "582788391d79f2fd" / "weights.bin"


@pytest.fixture(scope="module")
def model():
    return oracle.Pyramid(WEIGHTS.read_bytes())


@pytest.fixture(scope="module")
def core():
    return native.Pyramid(WEIGHTS.read_bytes())


def former_jpeg() -> np.ndarray:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.normal(0, 20, (17, 20)), np.ones((8, 8)))[:131, :155]
    return np.rint(blocks + phantom(131, 155) / 16 + rng.normal(0, 1, (131, 155))).astype(np.int32)


def alike(image: np.ndarray, seed: int) -> np.ndarray:
    return image + np.rint(np.random.default_rng(seed).normal(0, 3, image.shape)).astype(np.int32)


def numbers(image: np.ndarray, **more) -> Values:
    return Values(int(image.min()), int(image.max()), **more)


def check(model: oracle.Pyramid, core, image: np.ndarray, values: Values, leaned_on=(), level: int = 0, runs: int = 1, header=None):
    """Every tensor of an image, decoded by the core as if by the coder, and by the oracle."""
    count = core.levels(image.shape)
    header = header or core.header(image, values, leaned_on)
    reduced = [np.ascontiguousarray(r[:: 1 << level, :: 1 << level]) for r in leaned_on]
    plan = model.plan(header, image.shape, values, count, *([reduced, level] if reduced else []))
    tensors = model.analyse(plan, image)
    tile = native.Tile(core, header, image.shape, values, count, reduced, level, 2)
    ready = native.Tile(core, header, image.shape, values, count, reduced, level)
    ready.analyse(image)
    assert [t[:3] for t in tile.tensors] == plan.shapes and [t[3] for t in tile.tensors] == plan.levels
    known = []
    for k, at in enumerate(plan.levels):
        if at < level:
            break
        expected = model.predict(plan, k, known)
        parameters, base, around, spec = tile.predict(k, runs)
        other = ready.predict(k)[0]
        assert (spec.components, spec.low, spec.high) == (expected.components, expected.low, expected.high)
        rows, columns = plan.shapes[k][1:]
        assert parameters.shape[1:] == (rows, columns)
        if rows * columns:
            assert np.array_equal(parameters, expected.parameters[:, :rows, :columns])
            assert base is None if expected.base is None else np.array_equal(base, expected.base[:rows, :columns])
            assert around is None if k == 0 else np.array_equal(around[:4], expected.known[:, :rows, :columns])
            assert np.array_equal(other, parameters) or values.near
            assert np.array_equal(ready.symbols, tensors[k][0])
        tensor = tensors[k]
        if values.near and k:
            tensor = np.clip(
                tensor + np.random.default_rng(k).integers(-values.near, values.near + 1, tensor.shape), values.low, values.high
            )
            tensor = tensor.astype(np.int32)
        known.append(tensor)
        tile.put(np.ascontiguousarray(tensor[0]))
        if k % 3 == 0:
            picture = model.synthesise(plan, known)
            assert np.array_equal(tile.synthesise(at, picture.shape), picture)


SHAPES = [(1, 1), (1, 40), (37, 1), (2, 35), (17, 16), (33, 50), (67, 131), (128, 96)]


@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_all_shapes(model, core, shape):
    image = phantom(*shape).astype(np.int32)
    image[0, 0] = 5000
    check(model, core, image, Values(0, 5000), runs=1 + (shape[0] > 60))


@pytest.mark.parametrize("runs", [1, 3])
def test_noise_of_all_values(model, core, runs):
    image = np.random.default_rng(0).integers(-32768, 32768, (70, 81), np.int32)
    check(model, core, image, Values(-32768, 32767), runs=runs)


def test_two_values(model, core):
    image = np.random.default_rng(0).integers(0, 2, (40, 40), np.int32)
    check(model, core, image, Values(0, 1))


def test_a_real_image(model, core, ct_pixels):
    image = ct_pixels.astype(np.int32)
    check(model, core, image, numbers(image), runs=2)


def test_a_former_jpeg(model, core):
    image = former_jpeg()
    assert native.has_blocks(image)
    check(model, core, image, numbers(image), runs=2)
    check(model, core, image, numbers(image), [alike(image, 1)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 2])
def test_references(model, core, shape, count):
    image = phantom(*shape, noise=40).astype(np.int32)
    image[0, 0] = 5000
    check(model, core, image, Values(0, 5000), [alike(image, k) * 2 + 7 for k in range(count)], runs=1 + (shape[0] > 60))


@pytest.mark.parametrize("level", [1, 3, 4])
def test_references_at_a_coarser_level(model, core, level):
    image = phantom(131, 90, noise=40).astype(np.int32)
    check(model, core, image, numbers(image), [alike(image, 1), alike(image, 2)], level)


def test_references_unlike_anything(model, core):
    rng = np.random.default_rng(0)
    image = rng.integers(-32768, 32768, (40, 71), np.int32)
    check(model, core, image, Values(-32768, 32767), [rng.integers(-65535, 65536, (40, 71), np.int32)])


def test_extreme_coefficients(model, core):
    """As many as a header may have: no sum leaves its type, and what is far away is at the activations' end."""
    rng = np.random.default_rng(0)
    image, reference = (rng.choice([0, 65535], (66, 70)).astype(np.int32) for _ in range(2))
    for scale in (64, 5000, 1 << 24):
        header = bytearray([*varint(scale), 0, *varint(2 << 14), 0])
        for _ in range(3):
            for phase in oracle.PHASES:
                pairs, own = len(oracle.SUPPORTS[phase]), len(oracle.REFERENCE_SUPPORTS[phase])
                signs = [(-1) ** k for k in range(pairs - 1)]
                for n in [2 * scale + 1], [2 * (300 if s > 0 else -300) ^ (0 if s > 0 else -1) for s in signs], [own], [2 * 23] * own:
                    for v in n:
                        header += varint(v)
        check(model, core, image, Values(0, 65535), [reference], header=bytes(header))


@pytest.mark.parametrize("near", [1, 5])
def test_with_errors_allowed(model, core, near):
    image = phantom(90, 70).astype(np.int32)
    values = numbers(image, near=near, exact=((0, 3), (900, 910)))
    check(model, core, image, values)
    check(model, core, image, values, [alike(image, 1)])


def test_ranks(model, core):
    listed = np.array([-100, 3, 5, 8, 40, 41, 42, 90, 200], np.int32)
    image = np.random.default_rng(0).integers(0, 9, (50, 40), np.int32)
    check(model, core, image, Values(0, 8, listed=listed), [np.random.default_rng(1).integers(-300, 300, (50, 40), np.int32)] * 2)


# --- What the encoder writes.


def bits(model: oracle.Pyramid, header: bytes, image: np.ndarray, values: Values, leaned_on=(), count: int = 3) -> float:
    plan = model.plan(header, image.shape, values, count, leaned_on)
    tensors = model.analyse(plan, image)
    return 8 * len(header) + sum(code_length(t, model.predict(plan, k, tensors[:k])) for k, t in enumerate(tensors))


def unfitted(header: bytes, levels: int) -> bytes:
    """A header with the same deviations, and the mean of the four nearest pixels."""
    found = oracle.Header.read(header, levels, 0)
    scales = [varint(2 * f[p].scale) for f in found.levels for p in oracle.PHASES]
    return varint(found.top_scale) + varint(found.blocks) + b"".join(scales)


def test_filters_fit_the_image(model, core):
    """Where a signal is smooth, a filter predicts it far better than four neighbours."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft2(rng.normal(0, 1, (256, 256)))
    spectrum[np.abs(np.fft.fftfreq(256))[:, None] + np.fft.rfftfreq(256) > 0.25] = 0
    image = np.rint(2000 + 200 * np.fft.irfft2(spectrum)).astype(np.int32)
    parts = oracle.split(image)
    planes = oracle.Planes(parts[0])
    for phase, found in zip(oracle.PHASES, native.fit_level(image)):
        coefficients = found.coefficients[: len(oracle.SUPPORTS[phase])]
        assert sum(coefficients) == 256 and not any(found.coefficients[len(coefficients) :])
        plain = [128, 128] + [0] * (len(coefficients) - 2)
        errors = [np.abs(parts[phase] * 256 - planes.interpolate(phase, c)).mean() for c in (coefficients, plain)]
        assert errors[0] < (0.7 if phase == 1 else 0.5) * errors[1]
        planes.put(phase, parts[phase])


def test_fitted_headers_save_bits(model, core, ct_pixels):
    image = ct_pixels.astype(np.int32)
    values, count = numbers(image), core.levels(image.shape)
    header = core.header(image, values)
    assert header == core.header(image, values, threads=2)
    assert bits(model, header, image, values, count=count) < 0.995 * bits(model, unfitted(header, count), image, values, count=count)


def test_filters_take_from_a_reference_what_is_new(model, core):
    image = phantom(128, 160, noise=30).astype(np.int32)
    values, reference = numbers(image), alike(image, 1)
    alone, leant = native.fit_level(image), native.fit_level(image, reference)
    for phase in oracle.PHASES:
        assert leant[phase - 1].scale < 0.4 * alone[phase - 1].scale and leant[phase - 1].of_reference[0] > 40
    headers = [core.header(image, values, r) for r in ([], [reference], [reference, alike(image, 2)])]
    found = [bits(model, h, image, values, r, 4) for h, r in zip(headers, ([], [reference], [reference, alike(image, 2)]))]
    assert found[1] < 0.75 * found[0] and found[2] < found[1]
    unlike = phantom(128, 160, 7, noise=30).astype(np.int32)
    alone, leant, misled = core.estimate(image, values, [[], [reference], [unlike]])
    assert leant < alone - image.size and abs(misled / alone - 1) < 0.02
    assert core.estimate(image, values, [[], [reference]], threads=2) == [alone, leant]


def test_headers_with_errors_allowed(core):
    """Filters are fitted on pixels as they may be decoded."""
    image = phantom(200, 180).astype(np.int32)
    exact, bounded = (oracle.Header.read(core.header(image, numbers(image, near=n)), 4, 0) for n in (0, 4))
    assert all(bounded.levels[0][p].scale > 1.1 * exact.levels[0][p].scale for p in oracle.PHASES)


def test_gains_make_values_comparable(core):
    image, values = phantom(200, 150, noise=30).astype(np.int32), Values(0, 5000)
    reference = alike(image, 1)
    assert native.fit_blend(image, [reference], values) == ((1 << 14,), 0)
    gains, offset = native.fit_blend(image, [reference * 3 + 500], values)
    assert gains[0] == pytest.approx((1 << 14) / 3, rel=0.02)
    found = native.blend([reference * 3 + 500], gains, offset, values)
    assert np.abs(found - reference).mean() < 2
    assert np.array_equal(found, np.clip((gains[0] * (reference.astype(np.int64) * 3 + 500) + offset + (1 << 13)) >> 14, 0, 5000))


def test_two_references_are_averaged():
    image, values = phantom(128, 160, noise=30).astype(np.int32), Values(0, 2000)
    one, other = alike(image, 1), alike(image, 2)
    gains, offset = native.fit_blend(image, [one, other], values)
    assert sum(gains) == 1 << 14 and all(6000 < g < 10000 for g in gains)
    assert np.std(native.blend([one, other], gains, offset, values) - image) < 0.8 * np.std(one - image)


def test_blocks_are_noticed():
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.normal(0, 20, (32, 32)), np.ones((8, 8))) + phantom(256, 256) / 16 + rng.normal(0, 1, (256, 256))
    for part, noticed in (
        (blocks, True), (blocks[:, :200], True), (blocks[3:, 5:], False), (phantom(256, 256), False), (blocks[:30, :30], False),
    ):  # fmt: skip
        assert native.has_blocks(np.ascontiguousarray(np.rint(part), np.int32)) == noticed


@pytest.mark.parametrize("origin", [(0, 0), (3, 2)])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_training_is_given(origin, number):
    image = former_jpeg()
    high, reference = int(image.max()), alike(image, 3)
    for leaned_on, takes in ((None, False), (None, True), (reference, True), (reference, False)):
        fitted = native.fit_level(image, leaned_on)
        filters = {
            p: oracle.Filter(f.coefficients[: len(oracle.SUPPORTS[p])], f.scale, f.of_reference[: len(oracle.REFERENCE_SUPPORTS[p])])
            for p, f in zip(oracle.PHASES, fitted)
        }
        its = None if leaned_on is None else oracle.Reference(leaned_on, filters)
        level = oracle.Level(oracle.Planes(image[::2, ::2]), filters, number, 777, True, 0, high, its)
        found = native.describe(image, 0, high, fitted, number, 777, True, origin, leaned_on, takes)
        for phase, (base, known, inputs) in zip(oracle.PHASES, found):
            expected = level.describe(phase, takes, origin)
            assert inputs.shape[-1] == native.channels(phase, takes) == oracle.channels(phase, takes)
            assert native.used(phase) == oracle.USED[phase]
            assert all(np.array_equal(a, b) for a, b in zip((base, known, inputs), expected))
            level.planes.put(phase, oracle.split(image)[phase])


def test_phases_of_few_pixels_keep_the_mean_of_four_neighbours(ct_pixels):
    image = ct_pixels.astype(np.int32)
    assert all(f.coefficients[:3] == [128, 128, 0] for f in native.fit_level(image, fewest=1 << 60))
    assert any(f.coefficients[2] for f in native.fit_level(image))


def test_activations_of_scales():
    """32 * log2, rounded down, of every scale about which truncated squares could be in doubt."""
    for n in range(6 * 32, 24 * 32 + 1):
        for scale in (int(2 ** (n / 32)) + d for d in (-1, 0, 1, 2)):
            scale = min(max(scale, 64), 1 << 24)
            filters = [native.Filter([128, 128], scale)] * 3
            inputs = native.describe(np.zeros((1, 1), np.int32), 0, 1, filters, 0, 64, False)[0][2]
            own = oracle.log2_32(scale)
            assert inputs[0, 0, 17] == own // 4 - 100 + 128 and inputs[0, 0, 19] == max(oracle.log2_32(64) - own, -128) + 128


# --- Headers that cannot be.


@pytest.mark.parametrize("count", [0, 1])
def test_hostile_headers(core, ct_pixels, count):
    """Whatever a header claims, it is an error of ours or one that the bounds of a filter allow."""
    image = ct_pixels.astype(np.int32)
    values, leaned_on = numbers(image), [alike(image, 1)] * count
    good, rng, refused = core.header(image, values, leaned_on), np.random.default_rng(0), 0
    native.Tile(core, good, image.shape, values, 3, leaned_on)
    for header in (b"", good[:-1], good + b"\0", b"\x01" + good[1:], b"\xff" * 9 + good, b"\xff" * 20):
        with pytest.raises(StreamError):
            native.Tile(core, header, image.shape, values, 3, leaned_on)
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            bad[rng.integers(len(bad))] = rng.integers(256)
        try:
            native.Tile(core, bytes(bad), image.shape, values, 3, leaned_on)
        except StreamError:
            refused += 1
            continue
        found = oracle.Header.read(bytes(bad), 3, count)
        for filter_ in (f[p] for f in found.levels for p in oracle.PHASES):
            assert 64 <= filter_.scale <= 1 << 24 and sum(map(abs, filter_.coefficients)) <= 1 << 13
            assert not count or sum(map(abs, filter_.of_reference)) <= 1 << 8
        gains, offset = found.blend
        assert all(abs(g) <= 1 << 18 for g in gains) and abs(offset) <= 1 << 38
    assert 50 < refused


def test_too_many_references(core):
    image = phantom(40, 40).astype(np.int32)
    values = numbers(image)
    header = core.header(image, values, [image])
    with pytest.raises(StreamError, match="leans on 2 planes at most, not on 3"):
        native.Tile(core, header, image.shape, values, 2, [image] * 3)
    with pytest.raises(StreamError):
        native.Tile(core, header, image.shape, values, 2)


def test_installed_models():
    (found,) = native.Pyramid.all_installed()
    model = native.Pyramid.installed(found)
    assert found.hex() == WEIGHTS.parent.name and (model.name, model.hash, model.most_references) == ("pyramid", found, 2)
    assert native.Pyramid.installed(bytes(8)) is None
    with pytest.raises(StreamError):
        native.Pyramid(b"no weights")
