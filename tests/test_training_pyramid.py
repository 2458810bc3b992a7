"""Training and export of a tiny `pyramid`; skipped where torch is not installed."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import phantom  # noqa: E402
from test_training import shake, write_images  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

import dicompress  # noqa: E402
from dicompress import DicompressError  # noqa: E402
from dicompress.cli.app import app  # noqa: E402
from dicompress.models.pyramid import Pyramid as Model  # noqa: E402
from dicompress.models.pyramid.fit import fit_level  # noqa: E402
from dicompress.models.pyramid.phases import PHASES, LevelHeader, channels  # noqa: E402
from dicompress.runtime.float32 import to_float32  # noqa: E402
from dicompress.training import export_checkpoint, train  # noqa: E402
from dicompress.training.graph import BoundError  # noqa: E402
from dicompress.training.pyramid.data import level_tensors  # noqa: E402
from dicompress.training.pyramid.export import export, load_checkpoint  # noqa: E402
from dicompress.training.pyramid.network import Config, Pyramid  # noqa: E402
from dicompress.training.pyramid.recipe import PyramidSchedule as Schedule  # noqa: E402

TINY = Config(features=8, narrow=8, dilations=((1,), (1,), (2,)))
NETWORKS = {"predict_d", "predict_h", "predict_v"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    return train("pyramid", images, tmp_path_factory.mktemp("run"), TINY, Schedule(steps=100, batch=2), threads=1)


def test_training_learns_and_logs(trained):
    rows = list(csv.DictReader(open(trained.parent / "log.csv")))
    assert [int(r["step"]) for r in rows] == [50, 100] and rows[-1]["exact"] == "1"
    assert float(rows[-1]["bits"]) < float(rows[0]["bits"])
    assert float(rows[-1]["bits"]) == pytest.approx(np.mean([float(rows[-1][k]) for k in "DHV"]), abs=1e-3)
    assert float(rows[-1]["validation"]) > 0
    assert (trained.parent / "log.png").stat().st_size > 1000


def test_training_resumes_where_it_stopped(images, tmp_path):
    path = train("pyramid", images, tmp_path, TINY, Schedule(steps=2, batch=1), threads=1)
    again = train("pyramid", images, tmp_path, Config(features=16), Schedule(steps=4, batch=1), threads=1)
    state = torch.load(again, weights_only=True)
    assert again == path and state["step"] == 4 and state["config"]["features"] == 8
    assert state["model"] == "pyramid" and state["record"]["exact_from"] == 0.75


def test_a_seed_gives_the_same_network(images, tmp_path):
    schedule = Schedule(steps=3, batch=2, seed=5)
    paths = [train("pyramid", images, tmp_path / name, TINY, schedule, threads=1) for name in ("a", "b")]
    one, other = (torch.load(p, weights_only=True)["network"] for p in paths)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_exported_model_compresses_without_loss(trained, tmp_path):
    proof = export_checkpoint(trained, tmp_path)
    assert set(proof) == NETWORKS and all(0 < p["largest_sum"] < p["bound"] == 1 << 24 for p in proof.values())
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["model"] == "pyramid" and card["training"]["step"] == 100 and card["exactness"] == proof
    model = Model(tmp_path)
    image = phantom(75, 90, 9)
    data = dicompress.encode(image, model=model)
    assert np.array_equal(dicompress.decode(data, model=model), image)


def test_checkpoints_from_before_the_switches_and_names_load(trained, tmp_path):
    state = torch.load(trained, weights_only=True)
    for field in ("attention", "mixture"):
        del state["config"][field]
    torch.save({k: state[k] for k in ("config", "network")}, tmp_path / "old.pt")
    network, record = load_checkpoint(tmp_path / "old.pt")
    assert network.config == TINY and record == {}


def test_pixels_of_flat_areas_cost_nothing():
    image = phantom(64, 64)
    image[:32] = 7
    header = LevelHeader(dict(zip(PHASES, fit_level(image, 0, 4095))), 0, 300, False)
    for _, x, low, high, _ in level_tensors(image, header, 0, 4095):
        free = (low == x) & (x == high)
        assert free[1:14, 1:30].all() and not free[18:].all()


@pytest.mark.parametrize("attention", [True, False])
def test_the_network_that_is_trained_is_the_one_that_is_exported(tmp_path, attention):
    torch.manual_seed(1)
    network = Pyramid(replace(TINY, attention=attention)).eval()
    shake(network, 1.5)
    export(network, tmp_path, {})
    models = [Model(tmp_path), Model(tmp_path, convert=to_float32)]
    rng, features, given, saturated = np.random.default_rng(0), None, {}, 0.0
    for phase in PHASES:
        x = rng.integers(0, 256, (1, 33, 40, channels(phase, network.config.references))).astype(np.uint8)
        with torch.no_grad():
            activations = (torch.from_numpy(x).permute(0, 3, 1, 2).float() - 128) / 32
            parameters, features = network.phases[phase - 1](activations, features, True)
        saturated = max(saturated, float(((features == -4) | (features == 127 / 32)).float().mean()))
        for model in models:
            found, *following = model._networks[phase](x=x, **given)
            assert np.array_equal(parameters.numpy() * 4096, found)
            assert all(np.array_equal(features.permute(0, 2, 3, 1).numpy() * 32 + 128, f) for f in following)
        assert len(following) == (phase != 3)
        given = {"features": f for f in following}
    assert saturated > 0.05


def test_a_network_that_could_overflow_is_not_exported(tmp_path):
    network = Pyramid(TINY)
    with torch.no_grad():
        network.phases[1].parameters_out.weight[:] = 1000.0
    with pytest.raises(BoundError, match="predict_h"):
        export(network, tmp_path, {})


def test_a_logistic_mixture_can_be_trained_and_not_exported(images, tmp_path):
    path = train("pyramid", images, tmp_path, replace(TINY, mixture="logistic"), Schedule(steps=1, batch=1), threads=1)
    with pytest.raises(DicompressError, match="logistic"):
        export_checkpoint(path, tmp_path / "model")


def test_the_command_line_trains_and_exports(images, tmp_path):
    options = ["--steps", "1", "--batch", "1", "--features", "8"]
    run = CliRunner().invoke(app, ["train", "pyramid", "--data", str(images), "--out", str(tmp_path), *options])
    assert run.exit_code == 0 and "checkpoint.pt" in run.stdout, run.output
    result = CliRunner().invoke(app, ["export", str(tmp_path / "checkpoint.pt"), "--out", str(tmp_path / "model")])
    assert result.exit_code == 0 and all(name in result.stdout for name in NETWORKS), result.output
