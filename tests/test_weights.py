"""Networks and weights as files: damaged ones are refused."""

from pathlib import Path

import numpy as np
import pytest
from helpers.networks import KERNELS, NETWORKS, Made, weights_file

from dicompress.errors import StreamError
from dicompress.native import network as native

ROOT = Path(__file__).parents[1]
SMALL = (8, 4, 4, 1, (1,), True, True, True, 0.25)
HEAD = 10  # bytes before the layers


def small():
    return Made(np.random.default_rng(6), SMALL).data


def test_a_file_that_is_cut_short_or_goes_on_is_refused():
    data = small()
    for length in range(len(data)):
        with pytest.raises(StreamError, match="the data ends"):
            native.Network(data[:length])
    with pytest.raises(StreamError, match="1 bytes left over"):
        native.Network(data + b"\0")


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 6, "inputs of 6"), (0, 0, "inputs of 0"), (1, 68, "features of 68"), (2, 255, "narrow channels of 255"),
        (3, 0, "components of 0"), (3, 17, "components of 17"), (4, 8, "flags of 8"), (5, 5, "a slope of 5"), (7, 5, "blocks of 5"),
        (8, 0, "a dilation of 0"), (8, 5, "a dilation of 5"), (9, 200, "a slope of 200"),
        (HEAD, 64, "a weight of 64"), (HEAD, 0xC0, "a weight of -64"), (HEAD, 0x80, "a weight of -128"),
        (HEAD + 4 * 72 + 16, 26, "a shift of 26"), (HEAD + 4 * 72 + 3, 0x80, "sums of up to"),
        (HEAD + 4 * 72 + 3, 0x01, "sums of up to"), (-1, 0x80, "sums of up to"), (-13, 0x7F, "sums of up to"),
    ],
)  # fmt: skip
def test_numbers_that_no_network_has_are_refused(position, value, message):
    data = bytearray(small())
    data[position] = value
    with pytest.raises(StreamError, match=message):
        native.Network(bytes(data))


def test_a_damaged_file_is_refused_or_runs():
    rng, data = np.random.default_rng(7), small()
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            damaged[at] = rng.integers(256)
        try:
            network = native.Network(bytes(damaged))
        except StreamError:
            continue
        x = rng.integers(0, 256, (3, 7, network.inputs), dtype=np.uint8)
        features = rng.integers(0, 256, (3, 7, network.features_in), dtype=np.uint8) if network.features_in else None
        results = [network.run(x, features, kernel=k) for k in KERNELS]
        assert all(np.array_equal(r[0], results[0][0]) for r in results)


def test_features_that_are_missing_or_of_another_shape_are_an_error():
    made = Made(np.random.default_rng(8), NETWORKS["H"])
    x, features = made.activations((4, 6))
    for wrong in (None, features[:3], features[..., :16].copy()):
        with pytest.raises(ValueError, match="features"):
            made.native.run(x, wrong)
    with pytest.raises(ValueError, match="channels"):
        made.native.run(x[..., :28].copy(), features)


def three():
    """D, H and V."""
    rng, flags = np.random.default_rng(9), ((False, True), (True, True), (True, False))
    return [Made(rng, SMALL[:5] + of + SMALL[7:]) for of in flags]


@pytest.mark.parametrize("former_jpegs", [False, True])
def test_the_networks_of_a_model_are_one_file(former_jpegs):
    made = three() * (1 + former_jpegs)
    weights = native.Weights(weights_file([m.data for m in made]))
    assert weights.references and weights.former_jpegs == former_jpegs and len(weights.networks) == len(made)
    for network, m in zip(weights.networks, made):
        x, features = m.activations((5, 8))
        assert np.array_equal(network.run(x, features)[0], m.expected(x, features)[0])


def test_the_hash_is_xxh64():
    assert native.hash(b"") == 0xEF46DB3751D8E999.to_bytes(8, "little")
    assert native.hash(b"a") == 0xD24EC4F1A98C6E5B.to_bytes(8, "little")


def test_files_of_weights_that_are_damaged_are_refused():
    d, h, v = (made.data for made in three())
    data = weights_file([d, h, v])
    for length in range(0, len(data), 7):
        with pytest.raises(StreamError):
            native.Weights(data[:length])
    for damaged, message in (
        (b"DCMW" + data[4:], "no file of weights"),
        (data[:4] + b"\2" + data[5:], "no file of weights"),
        (data[:5] + b"\4" + data[6:], "flags"),
        (data + b"\0", "1 bytes left over"),
        (data[:6] + b"\xff\xff\xff\xff" + data[10:], "the data ends"),
    ):
        with pytest.raises(StreamError, match=message):
            native.Weights(damaged)
    for networks in ((d, h, h), (h, h, v), (d, d, v), (d, v, v)):
        with pytest.raises(StreamError, match="do not fit one another"):
            native.Weights(weights_file(networks))


def test_the_library_carries_the_installed_weights():
    folder = ROOT / "src" / "dicompress" / "models" / "pyramid" / "weights"
    files = {path.parent.name: path.read_bytes() for path in folder.glob("*/weights.bin")}
    assert {native.hash(data).hex(): data for data in native.installed_weights()} == files
    for data in files.values():
        assert len(native.Weights(data).networks) in (3, 6)
