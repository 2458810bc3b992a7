"""Training and export on a tiny network; skipped where torch is not installed."""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import phantom  # noqa: E402
from test_dicom import make  # noqa: E402

import dicompress  # noqa: E402
from dicompress.coder import MixtureTensor  # noqa: E402
from dicompress.models.reference import Reference as Model  # noqa: E402
from dicompress.training import Config, Schedule, export_checkpoint, train  # noqa: E402
from dicompress.training.export import export  # noqa: E402
from dicompress.training.graph import BoundError  # noqa: E402
from dicompress.training.network import DEAD_ZONE, Reference, mixture_bits, to_levels  # noqa: E402

TINY = Config(features=8, dilations=(1, 2))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(3):
        path = folder / f"series{number}" / "0001.dcm"
        path.parent.mkdir()
        path.write_bytes(make(phantom(160, 150, number)))
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return train(images, out, TINY, Schedule(steps=60, batch=2, anneal=10))


def test_training_learns_and_logs(trained):
    rows = list(csv.DictReader(open(trained.parent / "log.csv")))
    assert [int(r["step"]) for r in rows] == [50, 60] and rows[-1]["exact"] == "1"
    assert float(rows[-1]["bits"]) < float(rows[0]["bits"])
    assert float(rows[-1]["validation"]) > 0
    assert (trained.parent / "log.png").stat().st_size > 1000


def test_training_resumes_where_it_stopped(images, tmp_path):
    path = train(images, tmp_path, TINY, Schedule(steps=2, batch=1))
    again = train(images, tmp_path, Config(features=16), Schedule(steps=4, batch=1))
    state = torch.load(again, weights_only=True)
    assert again == path and state["step"] == 4 and state["config"]["features"] == 8
    assert state["record"]["seconds"] > 0


def test_an_exported_model_compresses_without_loss(trained, tmp_path):
    proof = export_checkpoint(trained, tmp_path)
    assert set(proof) == {"extract", "predict1", "predict2", "predict3"}
    assert all(0 < p["largest_sum"] < p["bound"] == 1 << 24 for p in proof.values())
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["training"]["step"] == 60 and card["exactness"] == proof
    model = Model(tmp_path)
    image = phantom(75, 90, 9)
    data = dicompress.encode(image, model=model)
    assert np.array_equal(dicompress.decode(data, model=model), image)
    with pytest.raises(dicompress.UnknownModelError):
        dicompress.decode(data)


def test_the_network_that_is_trained_is_the_one_that_is_exported(tmp_path):
    torch.manual_seed(1)
    network = Reference(TINY).eval()
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
        network.predictors[0].parameters_out.weight[:] = 1000.0
    with pytest.raises(BoundError, match="predict1"):
        export(network, tmp_path, {})


def test_the_loss_is_a_probability():
    """Over all values of the range the probabilities add up to one: the ends are open."""
    parameters = torch.tensor([0.3, -0.2, 3.0, -4.0, 1.0, 2.5]).view(1, 6, 1, 1)
    values = torch.arange(-20.0, 21.0)
    bits = torch.stack([
        mixture_bits(v.view(1, 1, 1, 1), parameters, *(torch.tensor(t).view(1, 1, 1, 1) for t in (-20.0, 20.0, 1.0)))
        for v in values
    ])  # fmt: skip
    assert torch.exp2(-bits).sum().item() == pytest.approx(1.0, abs=1e-4)
