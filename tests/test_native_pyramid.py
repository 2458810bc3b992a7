"""`pyramid` in the core gives what it gave in Python: bases, known pixels, inputs and parameters, number for number."""

from pathlib import Path

import numpy as np
import pytest
from conftest import phantom

import dicompress
from dicompress.coder import code_length
from dicompress.errors import StreamError
from dicompress.models import Values
from dicompress.models.pyramid import Pyramid, fit, phases, references
from dicompress.models.pyramid.model import Pyramid as Model
from dicompress.native import pyramid as native
from dicompress.varint import write_varint

WEIGHTS = sorted((Path(dicompress.__file__).parent / "models" / "pyramid" / "weights").glob("*/weights.bin"))


@pytest.fixture(scope="module")
def model():
    return Pyramid()


@pytest.fixture(scope="module")
def core():
    return native.Pyramid(WEIGHTS[0].read_bytes())


def former_jpeg() -> np.ndarray:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.normal(0, 20, (17, 20)), np.ones((8, 8)))[:131, :155]
    return np.rint(blocks + phantom(131, 155) / 16 + rng.normal(0, 1, (131, 155))).astype(np.int32)


def alike(image: np.ndarray, seed: int) -> np.ndarray:
    return image + np.rint(np.random.default_rng(seed).normal(0, 3, image.shape)).astype(np.int32)


def numbers(image: np.ndarray, **more) -> Values:
    return Values(int(image.min()), int(image.max()), **more)


def check(model: Model, core, image: np.ndarray, values: Values, leaned_on=(), level: int = 0, runs: int = 1, header=None):
    """Every tensor of an image, decoded by the core as if by the coder, and by Python."""
    count = model.levels(image.shape)
    assert core.levels(image.shape) == count
    header = header or model.header(image, values, leaned_on)
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
            errors = np.random.default_rng(k).integers(-values.near, values.near + 1, tensor.shape)
            tensor = np.clip(tensor + errors, values.low, values.high).astype(np.int32)
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
    assert fit.has_blocks(image) and native.has_blocks(image)
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
        header = bytearray([*write_varint(scale), 0, *write_varint(2 << 14), 0])
        for _ in range(3):
            for phase in phases.PHASES:
                pairs, own = len(phases.SUPPORTS[phase]), len(phases.REFERENCE_SUPPORTS[phase])
                signs = [(-1) ** k for k in range(pairs - 1)]
                for n in [2 * scale + 1], [2 * (300 if s > 0 else -300) ^ (0 if s > 0 else -1) for s in signs], [own], [2 * 23] * own:
                    for v in n:
                        header += write_varint(v)
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


# --- What the core's encoder writes.


def bits(model: Model, header: bytes, image: np.ndarray, values: Values, leaned_on=()) -> float:
    plan = model.plan(header, image.shape, values, model.levels(image.shape), *([leaned_on] if leaned_on else []))
    tensors = model.analyse(plan, image)
    return 8 * len(header) + sum(code_length(t, model.predict(plan, k, tensors[:k])) for k, t in enumerate(tensors))


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("shape", [(128, 128), (311, 270), (30, 90), (1, 9)])
def test_headers_are_as_good(model, core, shape, count):
    image = phantom(*shape, noise=20).astype(np.int32)
    values, leaned_on = numbers(image), [alike(image, k) for k in range(count)]
    header = core.header(image, values, leaned_on)
    assert header == core.header(image, values, leaned_on, threads=2)
    expected = bits(model, model.header(image, values, leaned_on), image, values, leaned_on)
    assert bits(model, header, image, values, leaned_on) == pytest.approx(expected, rel=2e-3)
    if min(shape) > 1:
        check(model, core, image, values, leaned_on, header=header)


def test_headers_of_real_images_are_as_good(model, core, ct_pixels, mr_pixels):
    for image in (ct_pixels.astype(np.int32), mr_pixels.astype(np.int32), former_jpeg()):
        values = numbers(image)
        header, expected = core.header(image, values), model.header(image, values)
        assert bits(model, header, image, values) == pytest.approx(bits(model, expected, image, values), rel=1e-3)


def test_headers_with_errors_allowed(model, core):
    image = phantom(200, 180).astype(np.int32)
    values = numbers(image, near=4, exact=((200, 210),))
    header, expected = (m.header(image, values) for m in (core, model))
    found, theirs = ([f.scale for f in model.plan(h, image.shape, values, 4).headers[0].filters.values()] for h in (header, expected))
    assert np.allclose(found, theirs, rtol=0.1)


def test_estimates(model, core):
    image = phantom(200, 333, noise=30).astype(np.int32)
    values, one, other = numbers(image), alike(image, 1), alike(image, 2) * 3 + 100
    unlike = phantom(200, 333, 9, 30).astype(np.int32)
    choices = [[], [one], [one, other], [unlike], [other, one]]
    found, expected = core.estimate(image, values, choices), model.estimate(image, values, choices)
    assert found == core.estimate(image, values, choices, threads=2)
    assert np.allclose(np.array(found) - found[0], np.array(expected) - expected[0], atol=0.003 * image.size)


def test_blends(core):
    image = phantom(200, 150, noise=30).astype(np.int32)
    values = Values(0, 5000)
    assert native.fit_blend(image, [alike(image, 1)], values) == ((1 << 14,), 0)
    for leaned_on in ([alike(image, 1) * 3 + 500], [alike(image, 1), alike(image, 2) * 2 - 70]):
        gains, offset = native.fit_blend(image, leaned_on, values)
        expected = references.fit_blend(image, leaned_on, values)
        assert np.allclose(gains, expected.gains, atol=40) and abs(offset - expected.offset) < 2 << 14
        found = native.blend(leaned_on, gains, offset, values)
        assert np.array_equal(found, references.Blend(gains, offset).of(leaned_on, values))


def test_blocks_are_noticed():
    image = former_jpeg()
    for part in (image, image[:, :100], image[3:, 5:], image[:30, :30], phantom(256, 256), np.tile(image, (4, 4))):
        assert native.has_blocks(np.ascontiguousarray(part, np.int32)) == fit.has_blocks(part)


@pytest.mark.parametrize("origin", [(0, 0), (3, 2)])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_training_is_given(origin, number):
    image = former_jpeg()
    high, reference = int(image.max()), alike(image, 3)
    for leaned_on, takes in ((None, False), (None, True), (reference, True), (reference, False)):
        fitted = native.fit_level(image, leaned_on)
        filters = {}
        for p, f in zip(phases.PHASES, fitted):
            own, of_reference = f.coefficients[: len(phases.SUPPORTS[p])], f.of_reference[: len(phases.REFERENCE_SUPPORTS[p])]
            filters[p] = phases.Filter(np.array(own, np.int32), f.scale, np.array(of_reference, np.int32))
        header = phases.LevelHeader(filters, number, 777, True)
        level = phases.Level(image[::2, ::2], 0, high)
        its = None if leaned_on is None else phases.Reference(leaned_on, filters, 0, high)
        found = native.describe(image, 0, high, fitted, number, 777, True, origin, leaned_on, takes)
        for phase, (base, known, inputs) in zip(phases.PHASES, found):
            expected = level.describe(phase, header, origin, its, takes)
            assert inputs.shape[-1] == native.channels(phase, takes) == phases.channels(phase, takes)
            assert native.used(phase) == phases.USED[phase]
            assert all(np.array_equal(a, b) for a, b in zip((base, known, inputs), expected))
            level.put(phase, phases.split(image)[phase])


def test_phases_of_few_pixels_keep_the_mean_of_four_neighbours(ct_pixels):
    image = ct_pixels.astype(np.int32)
    assert all(f.coefficients[:3] == [128, 128, 0] for f in native.fit_level(image, fewest=1 << 60))
    assert any(f.coefficients[2] for f in native.fit_level(image))


def test_activations_of_scales():
    """32 * log2, rounded down, of every scale about which truncated squares could be in doubt."""
    for n in range(6 * 32, 24 * 32 + 1):
        for scale in (int(2 ** (n / 32)) + d for d in (-1, 0, 1, 2)):
            scale = min(max(scale, phases.SCALES[0]), phases.SCALES[1])
            filters = [native.Filter([128, 128], scale)] * 3
            inputs = native.describe(np.zeros((1, 1), np.int32), 0, 1, filters, 0, 64, False)[0][2]
            own = phases.log2_32(scale)
            assert inputs[0, 0, 17] == own // 4 - 100 + 128 and inputs[0, 0, 19] == max(phases.log2_32(64) - own, -128) + 128


# --- Headers that cannot be.


def test_hostile_headers(model, core, ct_pixels):
    image = ct_pixels.astype(np.int32)
    values, leaned_on = numbers(image), [alike(image, 1)]
    for references_ in ([], leaned_on):
        good = core.header(image, values, references_)
        rng = np.random.default_rng(0)
        tries = [b"", good[:-1], good + b"\0", b"\x01" + good[1:], b"\xff" * 9 + good, b"\xff" * 20]
        for _ in range(300):
            bad = bytearray(good)
            for _ in range(rng.integers(1, 4)):
                bad[rng.integers(len(bad))] = rng.integers(256)
            tries.append(bytes(bad))
        for header in tries:
            expected = error_of(model.plan, header, image.shape, values, 3, *([references_] if references_ else []))
            found = error_of(native.Tile, core, header, image.shape, values, 3, references_)
            assert (found is None) == (expected is None)
            if found and "byte" not in found + expected:
                assert found == expected


def error_of(make, *arguments) -> str | None:
    try:
        make(*arguments)
    except StreamError as error:
        return str(error)
    return None


def test_too_many_references(core):
    image = phantom(40, 40).astype(np.int32)
    values = numbers(image)
    header = core.header(image, values, [image])
    with pytest.raises(StreamError, match="leans on 2 planes at most, not on 3"):
        native.Tile(core, header, image.shape, values, 2, [image] * 3)
    with pytest.raises(StreamError):
        native.Tile(core, header, image.shape, values, 2)


def test_installed_models():
    found = native.Pyramid.all_installed()
    assert sorted(h.hex() for h in found) == [w.parent.name for w in WEIGHTS]
    for model_hash in found:
        model = native.Pyramid.installed(model_hash)
        assert (model.name, model.hash, model.most_references) == ("pyramid", model_hash, 2)
    assert native.Pyramid.installed(bytes(8)) is None
    with pytest.raises(StreamError):
        native.Pyramid(b"no weights")
