"""The models that are compared: found by name and by hash, archives of `reference`, and what l3c and srec refuse."""

import shutil

import numcodecs
import numpy as np
import pytest
from helpers.command import run
from pydicom.data import get_testdata_file

import dicompress
from dicompress import UnknownModelError, UnsupportedImageError
from dicompress.codec import encode_with_result
from dicompress.models import by_hash, by_name, name_of, names, registry
from dicompress.numcodecs import Dicompress
from dicompress_lab.models import families
from dicompress_lab.models.weights import CURRENT, installed

NOISE = np.random.default_rng(0)
WAVES = (1000 + 300 * np.sin(np.arange(70)[:, None] / 9) + 200 * np.cos(np.arange(90) / 7) + NOISE.normal(0, 4, (70, 90))).astype(
    np.uint16
)
IMAGES = {
    "uint16": WAVES,
    "int16": WAVES.astype(np.int16) - 1000,
    "uint8": (WAVES[:41, :33] >> 4).astype(np.uint8),
    "int8": ((WAVES[:41, :33] >> 4) - 60).astype(np.int8),
    "one row": WAVES[:1],
    "frames": np.stack([WAVES[k : k + 20, :30] for k in range(3)]),
    "one value": np.full((9, 9), 77, np.uint8),
    "whole range": NOISE.integers(-32768, 32768, (40, 40)).astype(np.int16),
    "checkers": np.indices((40, 40)).sum(0).astype(np.uint8) % 2 * 255,
}


@pytest.mark.parametrize("near", [0, 1, 4, 255])
@pytest.mark.parametrize("name", IMAGES)
def test_reference_keeps_the_bound_and_the_range(name, near):
    image = IMAGES[name]
    data, said = encode_with_result(image, near=near, model="reference")
    decoded = dicompress.decode(data)
    assert decoded.dtype == image.dtype and np.array_equal(said, decoded)
    assert np.abs(decoded.astype(int) - image).max() <= near
    assert decoded.min() >= image.min() and decoded.max() <= image.max()
    assert dicompress.inspect(data).near == near and data == dicompress.encode(image, near=near, model="reference")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_reference_takes_colour(dtype):
    grey = WAVES.astype(np.int32) >> 4
    image = np.stack([grey, grey // 2 + 30, 100 - grey // 3], -1).astype(dtype)
    data = dicompress.encode(image, colour=True, model="reference")
    assert np.array_equal(dicompress.decode(data), image) and dicompress.inspect(data).samples == 3


def test_srec_bears_no_error():
    with pytest.raises(UnsupportedImageError, match="use another model"):
        dicompress.encode(WAVES, near=1, model="srec")


def test_weights_stay_where_their_hash_says(monkeypatch):
    """A stream names its model by hash; streams are written with the current weights and read with all that are installed."""
    assert names() == ["pyramid", "reference", "l3c", "srec"]
    for name, model_hash in CURRENT.items():
        assert by_name(name).hash.hex() == model_hash and name_of(bytes.fromhex(model_hash)) == name
    data = dicompress.encode(WAVES, model="reference")
    monkeypatch.setitem(CURRENT, "reference", "0" * 16)
    assert np.array_equal(dicompress.decode(data), WAVES)
    with pytest.raises(UnknownModelError, match="0000000000000000"):
        by_hash(bytes(8))


def test_weights_that_are_not_what_their_hash_says_are_an_error(monkeypatch, tmp_path):
    found = tmp_path / CURRENT["reference"]
    shutil.copytree(installed("reference", CURRENT["reference"]), found)
    (found / "model.json").write_text((found / "model.json").read_text() + " ")
    monkeypatch.setattr(families, "installed", lambda name, model_hash: found)
    with pytest.raises(UnknownModelError, match="not those that were installed"):
        registry._loaded.__wrapped__("reference", bytes.fromhex(CURRENT["reference"]), 1)


def test_only_reference_writes_archives(tmp_path):
    source = get_testdata_file("CT_small.dcm")
    command = ("compress", source, "-o", tmp_path / "x", "--model")
    told = run(*command, "srec", check=1).stderr
    assert "srec is there for comparisons: a later version may not decode its files; there is pyramid, reference" in told
    assert not (tmp_path / "x").exists()
    run(*command, "reference")
    assert "reference" in run("info", tmp_path / "x").stdout
    run("decompress", tmp_path / "x", "-o", tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == open(source, "rb").read()


def test_numcodecs_takes_what_is_for_archives():
    codec = numcodecs.get_codec(Dicompress("reference", bits_stored=12).get_config())
    data = codec.encode(WAVES)
    assert dicompress.inspect(data).model == "reference" and np.array_equal(codec.decode(data), WAVES)
    with pytest.raises(UnknownModelError, match="pyramid, reference"):
        Dicompress("srec")
