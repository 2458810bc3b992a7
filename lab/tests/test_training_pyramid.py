"""Training and export of a tiny `pyramid`; skipped where torch is not installed."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from helpers.images import phantom  # noqa: E402
from helpers.training import shake, write_images  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

import dicompress  # noqa: E402
from dicompress import DicompressError, StreamError  # noqa: E402
from dicompress.cli.app import app  # noqa: E402
from dicompress.models import Values  # noqa: E402
from dicompress.models.pyramid import Pyramid as Model  # noqa: E402
from dicompress.native import network as native  # noqa: E402
from dicompress.native.codec import Stream  # noqa: E402
from dicompress.native.pyramid import Tile, channels, fit_level, used  # noqa: E402
from dicompress_lab.runtime import Network  # noqa: E402
from dicompress_lab.runtime.float32 import to_float32  # noqa: E402
from dicompress_lab.training import export_checkpoint, train  # noqa: E402
from dicompress_lab.training.data import TrainingImage, load, with_neighbours  # noqa: E402
from dicompress_lab.training.graph import BoundError  # noqa: E402
from dicompress_lab.training.pyramid.attention import ATTENTIONS  # noqa: E402
from dicompress_lab.training.pyramid.data import LevelHeader, Sampler, _stack, level_tensors  # noqa: E402
from dicompress_lab.training.pyramid.export import add_former_jpegs, export, load_checkpoint  # noqa: E402
from dicompress_lab.training.pyramid.network import PHASES, Config, Pyramid  # noqa: E402
from dicompress_lab.training.pyramid.recipe import PyramidSchedule as Schedule  # noqa: E402

pytestmark = pytest.mark.slow

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


def test_an_exported_model_leans_on_neighbours(trained, tmp_path):
    export_checkpoint(trained, tmp_path)
    model, still = Model(tmp_path), phantom(70, 90, noise=60).astype(np.int32)
    rng = np.random.default_rng(0)
    volume = np.stack([still + rng.integers(-3, 4, still.shape) for _ in range(4)]).astype(np.int16)
    for near in (0, 2):
        data = dicompress.encode(volume, model=model, neighbours=True, near=near)
        stream = Stream(data, None, 1 << 30, 1 << 30)
        assert [len(stream.references(n)) for n in range(3)] == [0, 2, 1] and stream.references(3)
        whole = dicompress.decode(data, model=model)
        assert np.abs(whole.astype(int) - volume).max() <= near
        for level in range(stream.levels + 1):
            for frame in (0, 3):
                picture = dicompress.decode(data, level=level, frame=frame, model=model)
                assert np.array_equal(picture, whole[frame, :: 1 << level, :: 1 << level])
    assert len(dicompress.encode(volume, model=model, neighbours=True)) < 0.9 * len(dicompress.encode(volume, model=model))
    image, references = (volume[k].astype(np.int32) for k in (1, 0))
    header = model.header(image, Values(0, 1500), [references])
    Tile(model, header, image.shape, Values(0, 1500), 3, [references])
    for wrong, leaned_on in ((header[:-1], 1), (header + b"\0", 1), (header, 0), (header, 3)):
        with pytest.raises(StreamError):
            Tile(model, wrong, image.shape, Values(0, 1500), 3, [references] * leaned_on)


def test_former_jpegs_have_networks_of_their_own(trained, tmp_path):
    torch.manual_seed(3)
    export(Pyramid(replace(TINY, features=16, references=False)), tmp_path / "other", {})
    export_checkpoint(trained, tmp_path / "model")
    before = Model(tmp_path / "model")
    add_former_jpegs(tmp_path / "model", tmp_path / "other")
    model = Model(tmp_path / "model")
    assert model.hash != before.hash
    rng = np.random.default_rng(0)
    films = np.kron(rng.normal(0, 20, (2, 32, 32)), np.ones((8, 8))) + phantom(256, 256) / 16 + rng.normal(0, 1, (2, 256, 256))
    films = np.rint(films).astype(np.int16)
    films[1] = films[0] + rng.integers(-1, 2, films[0].shape)
    for image, chunks_differ in ((films[0], True), (phantom(80, 80), False)):
        one, other = (dicompress.encode(image, model=m) for m in (before, model))
        assert (one[-200:] != other[-200:]) == chunks_differ
    data = dicompress.encode(films, model=model, neighbours=True)
    assert np.array_equal(dicompress.decode(data, model=model), films) and Stream(data, None, 1 << 30, 1 << 30).references(1)
    export_checkpoint(trained, tmp_path / "plain")
    with pytest.raises(DicompressError, match="take references"):
        add_former_jpegs(tmp_path / "other", tmp_path / "plain")


def test_a_network_without_references_is_where_one_with_them_starts(tmp_path):
    torch.manual_seed(1)
    old, new = Pyramid(replace(TINY, references=False)), Pyramid(TINY)
    new.adopt(old.state_dict())
    image = phantom(64, 64)
    header = LevelHeader(fit_level(image.astype(np.int32)), 0, 300, False)
    bits = []
    for network, references in ((old, False), (new, True)):
        batch = [_stack([item]) for item in level_tensors(image, header, 0, 4095, references=references)]
        with torch.no_grad():
            bits.append([float(b) for b in network(batch)])
    assert bits[0] == pytest.approx(bits[1])


def test_a_training_begins_with_other_weights(trained, images, tmp_path):
    path = train("pyramid", images, tmp_path, TINY, Schedule(steps=1, batch=1, learning_rate=0.0), threads=1, start=trained)
    one, other = (torch.load(p, weights_only=True)["network"] for p in (trained, path))
    assert all(torch.equal(one[name][:, : used(1)], other[name][:, : used(1)]) for name in one if "head.weight" in name)


def test_patches_of_neighbours(images, tmp_path):
    still = phantom(150, 140, noise=50)
    pixels = [np.clip(still.astype(int) + np.random.default_rng(k).integers(-2, 3, still.shape), 0, 4095) for k in range(3)]
    run = {}
    for k, p in enumerate(pixels):
        run[k] = TrainingImage(p.astype(np.int32) - p.min(), 256, int(np.ptp(p)), int(p.min()), run, k)
    data = {"MR": {"a": list(run.values())}}
    assert with_neighbours(data) == data and with_neighbours({"MR": {"b": [TrainingImage(still, 256, 4095)]}}) == {}
    assert np.array_equal(run[0].stored(), pixels[0]) and np.array_equal(run[1].as_coded().listed[run[1].pixels], pixels[1])
    for references in (False, True):
        sampler = Sampler(data, np.random.default_rng(0), references=references)
        batch = [sampler.batch(4) for _ in range(6)]
        for phase, first in zip(PHASES, batch[0]):
            assert first.inputs.shape == (4, channels(phase, references), 64, 64)
        leant = torch.cat([b[0].inputs[:, used(1) :].abs().amax((1, 2, 3)) for b in batch]) if references else None
        assert leant is None or 0 < int((leant == 0).sum()) < 20, "some with, some without"


def test_files_in_a_row_are_neighbours(tmp_path):
    folder = write_images(tmp_path)
    found = [i for series in load(folder).values() for choice in series.values() for i in choice]
    assert all(i.run[i.place] is i for i in found if i.run)


def test_checkpoints_from_before_the_switches_and_names_load(trained, tmp_path):
    state = torch.load(trained, weights_only=True)
    old = replace(TINY, references=False)
    config = {k: v for k, v in state["config"].items() if k not in ("attention", "mixture", "references")}
    torch.save({"config": config, "network": Pyramid(old).state_dict()}, tmp_path / "old.pt")
    network, record = load_checkpoint(tmp_path / "old.pt")
    assert network.config == old and record == {}


def test_pixels_of_flat_areas_cost_nothing():
    image = phantom(64, 64)
    image[:32] = 7
    header = LevelHeader(fit_level(image.astype(np.int32)), 0, 300, False)
    for _, x, low, high, _ in level_tensors(image, header, 0, 4095):
        free = (low == x) & (x == high)
        assert free[1:14, 1:30].all() and not free[18:].all()


@pytest.mark.parametrize("attention", [True, False])
def test_the_network_that_is_trained_is_the_one_that_is_exported(tmp_path, attention):
    torch.manual_seed(1)
    network = Pyramid(replace(TINY, attention=attention)).eval()
    shake(network, 1.5)
    export(network, tmp_path, {})
    core = native.Weights((tmp_path / "weights.bin").read_bytes()).networks
    rng, features, given, saturated = np.random.default_rng(0), None, {}, 0.0
    for phase in PHASES:
        x = rng.integers(0, 256, (1, 33, 40, channels(phase, network.config.references))).astype(np.uint8)
        with torch.no_grad():
            activations = (torch.from_numpy(x).permute(0, 3, 1, 2).float() - 128) / 32
            parameters, features = network.phases[phase - 1](activations, features, True)
        saturated = max(saturated, float(((features == -4) | (features == 127 / 32)).float().mean()))
        onnx = (tmp_path / f"predict_{'dhv'[phase - 1]}.onnx").read_bytes()
        results = [Network(data)(x=x, **given) for data in (onnx, to_float32(onnx))]
        results.append([n if n is None else n[None] for n in core[phase - 1].run(x[0], given["features"][0] if given else None)[:2]])
        for found, *following in results:
            assert np.array_equal(parameters.numpy() * 4096, found)
            for f in following if phase < 3 else []:
                assert np.array_equal(features.permute(0, 2, 3, 1).numpy() * 32 + 128, f)
        given = {"features": results[0][1]} if phase < 3 else {}
    assert saturated > 0.05


def test_a_network_that_could_overflow_is_not_exported(tmp_path):
    network = Pyramid(TINY)
    with torch.no_grad():
        network.phases[1].parameters_out.weight[:] = 1000.0
    with pytest.raises(BoundError, match="predict_h"):
        export(network, tmp_path, {})


@pytest.mark.parametrize("change", [{"mixture": "logistic"}, *({"attention": name} for name in ATTENTIONS)])
def test_what_is_there_to_compare_can_be_trained_and_not_exported(images, tmp_path, change):
    path = train("pyramid", images, tmp_path, replace(TINY, **change), Schedule(steps=2, batch=1, exact_from=0.5), threads=1)
    with pytest.raises(DicompressError, match=next(iter(change.values()))):
        export_checkpoint(path, tmp_path / "model")


@pytest.mark.parametrize("name", ATTENTIONS)
def test_blocks_to_compare_see_the_whole_plane(name):
    torch.manual_seed(0)
    block, x = ATTENTIONS[name](8), torch.rand(2, 8, 24, 24)
    other = x.clone()
    other[:, :, :4] += 1
    here, there = (block(v, True)[:, :, -4:] for v in (x, other))
    assert here.shape == (2, 8, 4, 24) and not torch.equal(here, there)


def test_the_command_line_trains_and_exports(images, tmp_path):
    options = ["--steps", "1", "--batch", "1", "--features", "8"]
    folders = ["--data", str(images), "--data", str(images)]
    run = CliRunner().invoke(app, ["train", "pyramid", *folders, "--out", str(tmp_path), *options])
    assert run.exit_code == 0 and "checkpoint.pt" in run.stdout, run.output
    result = CliRunner().invoke(app, ["export", str(tmp_path / "checkpoint.pt"), "--out", str(tmp_path / "model")])
    assert result.exit_code == 0 and all(name in result.stdout for name in NETWORKS), result.output
