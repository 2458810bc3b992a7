"""Training and export of a tiny `srec`; skipped where torch is not installed."""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from helpers.images import phantom  # noqa: E402
from helpers.training import shake, write_images  # noqa: E402

import dicompress  # noqa: E402
from dicompress import StreamError, coder  # noqa: E402
from dicompress.models import Values  # noqa: E402
from dicompress_lab.models.reference.normalise import measure_scale  # noqa: E402
from dicompress_lab.models.srec import SReC as Model  # noqa: E402
from dicompress_lab.models.srec.levels import LEVELS, PLANES  # noqa: E402
from dicompress_lab.runtime.float32 import to_float32  # noqa: E402
from dicompress_lab.training import by_name, export_checkpoint, train  # noqa: E402
from dicompress_lab.training.data import TrainingImage, load, patches  # noqa: E402
from dicompress_lab.training.graph import BoundError  # noqa: E402
from dicompress_lab.training.layers import Conv  # noqa: E402
from dicompress_lab.training.reference.data import sample as reference_sample  # noqa: E402
from dicompress_lab.training.srec.data import CoarsestBatch, LevelBatch, patch_tensors, sample  # noqa: E402
from dicompress_lab.training.srec.export import export  # noqa: E402
from dicompress_lab.training.srec.network import Config, SRec  # noqa: E402
from dicompress_lab.training.srec.recipe import SRecSchedule as Schedule  # noqa: E402

pytestmark = pytest.mark.slow

TINY = Config(features=8, blocks=1, components=3)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    return train("srec", images, tmp_path_factory.mktemp("run"), TINY, Schedule(steps=60, batch=1), threads=1)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return export_checkpoint(trained, folder), folder


@pytest.fixture(scope="module")
def model(exported):
    return Model(exported[1], threads=1)


def batch_of(pixels):
    """One whole image as a batch of training."""
    image = TrainingImage(pixels.astype(np.int32), measure_scale(pixels), int(pixels.max()))
    tensors = patch_tensors(image.pixels, image)
    fields = [[torch.from_numpy(np.asarray(t, np.float32))[None] for t in part] for part in tensors]
    return [CoarsestBatch(*fields[0]), *(LevelBatch(*part) for part in fields[1:])]


def predictions(model, pixels):
    """Every tensor of an image whose values start at 0, and its mixture."""
    image, high = pixels.astype(np.int32), int(pixels.max())
    plan = model.plan(model.header(image, Values(0, high)), image.shape, Values(0, high), 0)
    tensors = model.analyse(plan, image)
    assert [t.shape for t in tensors] == plan.shapes and all(t.dtype == np.int32 for t in tensors)
    assert np.array_equal(model.synthesise(plan, tensors), image)
    return [(t, model.predict(plan, k, tensors[:k])) for k, t in enumerate(tensors)]


def test_training_learns_and_logs(trained):
    rows = list(csv.DictReader(open(trained.parent / "log.csv")))
    parts = by_name("srec").parts
    assert [int(r["step"]) for r in rows] == [50, 60] and rows[-1]["exact"] == "1"
    assert float(rows[-1]["bits"]) < float(rows[0]["bits"])
    assert float(rows[-1]["bits"]) == pytest.approx(sum(float(rows[-1][p]) for p in parts), abs=1e-3)
    assert float(rows[-1]["validation"]) > 0
    state = torch.load(trained, weights_only=True)
    assert state["model"] == "srec" and Config.from_dict(state["config"]) == TINY


def test_activations_start_inside_their_range(images):
    """At its ends no gradient passes; a network that starts there does not learn."""
    torch.manual_seed(0)
    network, outside = SRec(), []
    for module in network.modules():
        if isinstance(module, Conv):
            module.register_forward_hook(lambda _, x, y: outside.append(float((y.abs() > 3.9).float().mean())))
    with torch.no_grad():
        network(sample(load(images), np.random.default_rng(0), 2, 64))
    assert len(outside) > 100 and max(outside) < 0.01


def test_patches_are_those_of_reference(images):
    data = load(images)
    rng, other = np.random.default_rng(5), np.random.default_rng(5)
    for _ in range(2):
        expected = reference_sample(data, rng, 3, 64)
        found = [pixels * 256 / image.scale for pixels, image in patches(data, other, 3, 64)]
        assert np.array_equal(expected.x.numpy()[:, 0], np.array(found, np.float32))
    top, *levels = sample(data, other, 2, 64)
    assert top.residual.shape == (2, 1, 8, 8)
    assert [tuple(level.planes.shape) for level in levels] == [(2, PLANES[-1], n, n) for n in (8, 16, 32)]


def test_an_exported_model_compresses_without_loss(exported, model, ct_pixels, mr_pixels):
    proof, folder = exported
    assert set(proof) == {f"predict{level}_{pixel}" for level in (1, 2, 3) for pixel in (1, 2, 3)}
    assert all(0 < p["largest_sum"] < p["bound"] == 1 << 24 for p in proof.values())
    card = json.loads((folder / "card.json").read_text())
    assert card["model"] == "srec" and card["training"]["step"] == 60 and card["exactness"] == proof
    for image in (ct_pixels, mr_pixels, phantom(75, 90, 9), phantom(1, 1030)):
        data = dicompress.encode(image, model=model)
        assert dicompress.inspect(data).levels == 0
        assert np.array_equal(dicompress.decode(data, model=model), image)
    with pytest.raises(dicompress.UnknownModelError):
        dicompress.decode(data)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (2, 3), (17, 33), (64, 64)])
def test_all_types_and_odd_sizes(model, dtype, shape):
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(0)
    noise = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    extremes = rng.choice([limits.min, limits.min + 1, limits.max], shape).astype(dtype)
    for image in (noise, extremes, np.full(shape, limits.min, dtype), rng.normal(limits.max / 2, 3, shape).astype(dtype)):
        restored = dicompress.decode(dicompress.encode(image, model=model), model=model)
        assert restored.dtype == image.dtype and np.array_equal(restored, image)


def test_the_network_that_is_trained_is_the_one_that_is_exported(tmp_path):
    """On the planes of the model and of a batch of training, which are the same."""
    torch.manual_seed(1)
    network = SRec(TINY).eval()
    shake(network, 1.8)
    export(network, tmp_path, {})
    pixels = phantom(72, 104, noise=9.0)
    pixels -= pixels.min()
    batch, saturated = batch_of(pixels), 0.0
    for model in (Model(tmp_path), Model(tmp_path, convert=to_float32)):
        (_, top), *found = predictions(model, pixels)
        constants = network.prior(True).detach().numpy()[0] * 4096
        assert np.array_equal(top.parameters, np.broadcast_to(constants, top.parameters.shape))
        context = None
        for done, level in enumerate(batch[1:]):
            (_, remainder), *mixtures = found[4 * done : 4 * done + 4]
            constants = network.remainder_priors[LEVELS - 1 - done](True).detach().numpy()[0] * 4096
            assert np.array_equal(remainder.parameters, np.broadcast_to(constants, remainder.parameters.shape))
            for k, (symbols, mixture) in enumerate(mixtures):
                predictor = network.predictors[LEVELS - 1 - done][k]
                with torch.no_grad():
                    parameters, context = predictor(level.planes[:, : PLANES[k]], context, True)
                assert np.array_equal(parameters.numpy()[0] * 4096, mixture.parameters)
                distance = (symbols[0] * 256 - mixture.base) / mixture.scale
                assert np.allclose(level.x[0, k].numpy(), distance, rtol=1e-6)
                if context is not None:
                    saturated = max(saturated, float(((context == -4) | (context == 127 / 32)).float().mean()))
    assert saturated > 0.02


def test_training_counts_the_bits_that_are_coded(trained, model):
    """The pixels' and remainders' bits of an image; the coarsest means are counted without their first line and column."""
    network = by_name("srec").network(TINY)
    network.load_state_dict(torch.load(trained, weights_only=True)["network"])
    pixels = phantom(128, 160, 3)
    pixels -= pixels.min()
    with torch.no_grad():
        *levels, remainders, _ = (float(b) for b in network(batch_of(pixels), True))
    _, *found = [coder.code_length(t, m) for t, m in predictions(model, pixels)]
    assert sum(found[::4]) == pytest.approx(remainders, rel=0.01)
    for level, expected in zip(range(LEVELS), reversed(levels)):
        assert sum(found[4 * level + 1 : 4 * level + 4]) == pytest.approx(expected, rel=0.01)
    data = dicompress.encode(pixels, model=model)
    assert 8 * len(data) < 1.02 * (sum(levels) + remainders) + 8000


def test_a_network_that_could_overflow_is_not_exported(tmp_path):
    network = SRec(TINY)
    with torch.no_grad():
        network.predictors[1][2].parameters_out.weight[:] = 1000.0
    with pytest.raises(BoundError, match="predict2_3"):
        export(network, tmp_path, {})


def test_headers_that_cannot_be(model):
    assert model.plan(b"\x80\x02", (9, 17), Values(0, 255), 0).shapes[:5] == [(1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 2, 2), (1, 1, 3)]
    for wrong in (b"", b"\x3f", b"\x80\x02\0", b"\xff" * 9):
        with pytest.raises(StreamError):
            model.plan(wrong, (9, 17), Values(0, 255), 0)
