"""The training loop, and training and export of a tiny `reference`; skipped where torch is not installed."""

import csv
import json
from itertools import count, islice

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from helpers.images import phantom  # noqa: E402
from helpers.training import shake, write_images  # noqa: E402

import dicompress  # noqa: E402
from dicompress import DicompressError  # noqa: E402
from dicompress.coder import MixtureTensor  # noqa: E402
from dicompress_lab.models.l3c import L3C  # noqa: E402
from dicompress_lab.models.reference import Reference as Model  # noqa: E402
from dicompress_lab.training import by_name, export_checkpoint, quantise, train  # noqa: E402
from dicompress_lab.training.graph import BoundError  # noqa: E402
from dicompress_lab.training.l3c.recipe import L3CConfig  # noqa: E402
from dicompress_lab.training.layers import mixture_bits  # noqa: E402
from dicompress_lab.training.loop import ahead  # noqa: E402
from dicompress_lab.training.reference.export import export  # noqa: E402
from dicompress_lab.training.reference.network import DEAD_ZONE, Config, Reference, to_levels  # noqa: E402
from dicompress_lab.training.reference.recipe import ReferenceSchedule as Schedule  # noqa: E402

pytestmark = pytest.mark.slow

TINY = Config(features=8, dilations=(1, 2))
TINY_L3C = L3CConfig(features=8, dilations=(1, 1), components=3, latent_components=3)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module", params=["reference", "l3c"])
def trained(request, images, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    config = {"reference": TINY, "l3c": TINY_L3C}[request.param]
    return train(request.param, images, out, config, Schedule(steps=60, batch=2, anneal=10), threads=1)


def test_training_learns_and_logs(trained):
    rows = list(csv.DictReader(open(trained.parent / "log.csv")))
    assert [int(r["step"]) for r in rows] == [50, 60] and rows[-1]["exact"] == "1"
    assert float(rows[-1]["bits"]) < float(rows[0]["bits"])
    assert float(rows[-1]["validation"]) > 0
    assert (trained.parent / "log.png").stat().st_size > 1000


def test_training_resumes_where_it_stopped(images, tmp_path):
    path = train("reference", images, tmp_path, TINY, Schedule(steps=2, batch=1), threads=1)
    again = train("reference", images, tmp_path, Config(features=16), Schedule(steps=4, batch=1), threads=1)
    state = torch.load(again, weights_only=True)
    assert again == path and state["step"] == 4 and state["config"]["features"] == 8
    assert state["model"] == "reference" and state["record"]["seconds"] > 0
    with pytest.raises(DicompressError, match="is a checkpoint of reference, not of pyramid"):
        train("pyramid", images, tmp_path)


def test_unknown_models_and_folders_without_images_are_refused(tmp_path):
    with pytest.raises(DicompressError, match="'paper' can be trained; there is pyramid, reference, l3c, srec"):
        by_name("paper")
    with pytest.raises(DicompressError, match="no grey DICOM image"):
        train("reference", tmp_path, tmp_path / "out")


def test_batches_drawn_ahead_keep_their_order_and_their_errors():
    assert list(islice(ahead(count().__next__), 20)) == list(range(20))
    few = ahead(iter([1, 2]).__next__)
    assert next(few) == 1 and next(few) == 2
    with pytest.raises(RuntimeError):
        next(few)


def test_an_exported_model_compresses_without_loss(trained, tmp_path):
    proof = export_checkpoint(trained, tmp_path)
    assert set(proof) == {"extract", "predict1", "predict2", "predict3"}
    assert all(0 < p["largest_sum"] < p["bound"] == 1 << 24 for p in proof.values())
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["training"]["step"] == 60 and card["exactness"] == proof
    model = {"reference": Model, "l3c": L3C}[card["model"]](tmp_path)
    image = phantom(75, 90, 9)
    data = dicompress.encode(image, model=model)
    assert np.array_equal(dicompress.decode(data, model=model), image)
    with pytest.raises(dicompress.UnknownModelError):
        dicompress.decode(data)


@pytest.mark.parametrize("config", [TINY, TINY_L3C])
def test_the_network_that_is_trained_is_the_one_that_is_exported(config, tmp_path):
    torch.manual_seed(1)
    network = Reference(config).eval()
    shake(network, 1.2)
    export(network, tmp_path, {})
    model = Model(tmp_path)
    pixels = np.clip(np.rint(np.random.default_rng(0).normal(0, 60, (1, 1, 64, 72))), -2048, 2047).astype(np.float32)
    with torch.no_grad():
        features, context = torch.from_numpy(pixels / 8), None
        latents = []
        for extractor in network.extractors:
            features, z = extractor(features, True)
            latents.append(z)
        for z, fine in zip(latents, model._networks["extract"](pixels=pixels)):
            assert np.array_equal(z.numpy() * 8 + 128, fine)
        parameters, given = network.prior(True), {}
        for s in (3, 2, 1):
            z = to_levels(latents[s - 1], parameters, 12, DEAD_ZONE)
            plane = np.broadcast_to(parameters.numpy()[0] * 4096, (45, *z.shape[2:])).astype(np.float32)
            levels = model._to_levels((latents[s - 1].numpy()[0] * 8).astype(np.int32), MixtureTensor(plane, 3, 256, -12, 12))
            assert np.array_equal(z.numpy()[0], levels)
            parameters, context = network.predictors[s - 1](z / 8, context, True)
            found, *finer = model._networks[f"predict{s}"](z=(levels[None] * 4 + 128).astype(np.uint8), **given)
            assert np.array_equal(parameters.numpy() * 4096, found)
            if finer:
                assert np.array_equal(context.numpy() * 32 + 128, finer[0])
                given = {"context": finer[0]}


def test_a_network_that_could_overflow_is_not_exported(tmp_path):
    network = Reference(TINY)
    with torch.no_grad():
        network.predictors[0].upsampler.parameters_out.weight[:] = 1000.0
    with pytest.raises(BoundError, match="predict1"):
        export(network, tmp_path, {})


@pytest.mark.parametrize("exact", [False, True])
def test_activations_outside_their_range_find_back(exact):
    x = torch.tensor([-5.0, -5.0, 0.3, 0.3, 6.0, 6.0], requires_grad=True)
    y = quantise.activation(x, exact)
    value = y.tolist()
    assert value[0] == -4 and value[-1] == 127 / 32 and value[2] == pytest.approx(0.3, abs=1 / 64)
    y.backward(torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]))
    assert x.grad.tolist() == [0, -1, 1, -1, 1, 0]  # a step goes against the gradient


@pytest.mark.parametrize("mixture", ["gaussian", "logistic"])
def test_the_loss_is_a_probability(mixture):
    """Over all values of the range the probabilities add up to one: the ends are open."""
    parameters = torch.tensor([0.3, -0.2, 3.0, -4.0, 1.0, 2.5]).view(1, 6, 1, 1)
    range_and_width = [torch.tensor(t).view(1, 1, 1, 1) for t in (-20.0, 20.0, 1.0)]
    values = torch.arange(-20.0, 21.0).view(-1, 1, 1, 1, 1)
    bits = torch.stack([mixture_bits(v, parameters, *range_and_width, mixture) for v in values])
    assert torch.exp2(-bits).sum().item() == pytest.approx(1.0, abs=1e-4)
