"""Models and commands: our own need no search; those of other distributions are found by their entry points."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from helpers.models import Halves
from pydicom.data import get_testdata_file
from typer.testing import CliRunner

import dicompress
from dicompress import DicompressError, UnknownModelError
from dicompress.cli import plugged
from dicompress.cli.app import app
from dicompress.dicom import compress_file, restore_file
from dicompress.models import by_hash, by_name, for_archives, name_of, names, registry
from dicompress.native.pyramid import Pyramid

CT = Path(get_testdata_file("CT_small.dcm"))


class Point:
    """An entry point."""

    def __init__(self, name, thing):
        self.name, self.load = name, lambda: thing


class Family:
    """All that there is of Halves. loads: the hash of what `load` gives."""

    current, for_archives = Halves.hash, False

    def __init__(self, loads=Halves.hash, for_archives=False):
        self.loads, self.for_archives = loads, for_archives

    def has(self, model_hash):
        return model_hash == self.current

    def load(self, model_hash, threads):
        model = Halves()
        model.hash, model.threads = self.loads, threads
        return model


@pytest.fixture
def others(monkeypatch):
    """A function that makes entry points of {group: {name: thing}} all that there are."""
    cached = (registry._others, registry._family, registry._loaded, registry.name_of, plugged._entry_points)

    def forget():
        for function in cached:
            function.cache_clear()

    def put(groups):
        found = {group: [Point(*item) for item in things.items()] for group, things in groups.items()}
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found.get(group, []))
        forget()

    yield put
    forget()


def test_pyramid_is_found_without_a_search(monkeypatch, others, ct_pixels):
    others({})
    monkeypatch.setattr(importlib.metadata, "entry_points", None)
    for model in ("pyramid", by_name("pyramid")):
        data = dicompress.encode(ct_pixels, model=model)
        assert np.array_equal(dicompress.decode(data), ct_pixels)
    assert dicompress.inspect(data).model == name_of(Pyramid.current()) == "pyramid"
    assert by_name("pyramid").hash == by_hash(Pyramid.current()).hash == Pyramid.current()
    assert restore_file(compress_file(CT.read_bytes()).data).data == CT.read_bytes()
    assert CliRunner().invoke(app, ["compress", str(CT), "-o", "-"]).exit_code == 0


def test_models_of_other_distributions_write_and_read_streams(others, ct_pixels):
    others({"dicompress.models": {"halves": Family(for_archives=True), "pyramid": None}})
    assert names() == for_archives() == ["pyramid", "halves"]
    data = dicompress.encode(ct_pixels, model="halves", threads=1)
    assert data == dicompress.encode(ct_pixels, model=Halves()) and dicompress.inspect(data).model == "halves"
    assert np.array_equal(dicompress.decode(data), ct_pixels)
    assert by_name("halves", 3).threads == by_hash(Halves.hash, 3).threads == 3 and by_name("halves", 3) is by_name("halves", 3)
    assert restore_file(compress_file(CT.read_bytes(), "halves").data).data == CT.read_bytes()


def test_a_stream_whose_model_is_not_there_says_what_to_install(others, ct_pixels):
    others({})
    data = dicompress.encode(ct_pixels, model=Halves())
    assert dicompress.inspect(data).model is None
    with pytest.raises(
        UnknownModelError, match=rf"model {Halves.hash.hex()}, which is not installed: .*dicompress-lab \(pip install ./lab"
    ):
        dicompress.decode(data)
    with pytest.raises(UnknownModelError, match=r"no model is called 'halves'; there is pyramid; dicompress-lab .* has more"):
        by_name("halves")


def test_models_for_comparison_write_no_archives(others, tmp_path):
    others({"dicompress.models": {"halves": Family()}})
    assert for_archives() == ["pyramid"]
    result = CliRunner().invoke(app, ["compress", str(CT), "-o", str(tmp_path / "x"), "--model", "halves"])
    assert isinstance(result.exception, DicompressError) and not (tmp_path / "x").exists()
    assert "halves is there for comparisons: a later version may not decode its files; there is pyramid" in str(result.exception)


def test_weights_that_are_not_what_their_hash_says_are_an_error(others):
    others({"dicompress.models": {"halves": Family(loads=b"another!")}})
    with pytest.raises(UnknownModelError, match="not those that were installed"):
        by_name("halves")


def greet(name: str) -> None:
    """Say hello."""
    print(f"hello, {name}")


def test_commands_of_other_distributions_are_listed_and_run(others):
    others({"dicompress.commands": {"greet": greet, "info": greet}})
    told = CliRunner().invoke(app, ["--help"]).output
    assert told.index("compress") < told.index("greet") and "Say hello." in told and told.count(" info ") == 1
    assert CliRunner().invoke(app, ["greet", "you"]).output == "hello, you\n"
    assert "greet [OPTIONS]" in CliRunner().invoke(app, ["greet", "--help"]).output
    assert "No such command" in CliRunner().invoke(app, ["great"]).output


@pytest.mark.parametrize("command", ["bench", "train", "export"])
def test_commands_of_the_lab_say_what_to_install(others, command):
    others({})
    result = CliRunner().invoke(app, [command, "studies"])
    assert result.exit_code == 2
    assert result.output == f"dicompress: {command} needs dicompress-lab (pip install ./lab, in a checkout of dicompress)\n"


def test_our_own_commands_are_found_without_a_search(others, monkeypatch):
    others({})
    monkeypatch.setattr(importlib.metadata, "entry_points", None)
    assert CliRunner().invoke(app, ["compress", "--help"]).exit_code == 0
