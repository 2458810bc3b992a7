"""Exported networks: the core computes what onnxruntime does, and those of a model become one file."""

import json

import numpy as np
import pytest
from helpers.networks import NETWORKS
from networks import Made
from onnx import TensorProto

from dicompress.errors import DicompressError
from dicompress.native import network as native
from dicompress_lab.training.graph import Graph
from dicompress_lab.training.weights import join, network_bytes, pyramid_weights, split

SHAPES = [(1, 1), (1, 2), (1, 40), (3, 5), (9, 1), (2, 129), (17, 33), (24, 64)]
SMALL = (8, 4, 4, 1, (1,), True, True, True, 0.25)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kernel_computes_what_onnxruntime_does(name):
    made = Made(np.random.default_rng(len(name)), NETWORKS[name])
    for shape in SHAPES:
        parameters, after = made.check(*made.activations(shape))
    assert len(np.unique(parameters)) > 100
    assert after is None or len(np.unique(after)) > 100  # the layers in between have not saturated all


@pytest.mark.parametrize("name", ["D", "odd"])
@pytest.mark.parametrize("of", [{"exponents": (-4, -1)}, {"weight": 2, "exponents": (-2, -1)}], ids=["saturated", "halves"])
def test_they_saturate_and_round_alike(name, of):
    made = Made(np.random.default_rng(1), NETWORKS[name], **of)
    for value in (0, 127, 128, 255):
        x, features = made.activations((5, 21))
        x[:] = value
        made.check(x, features)


def folder_of_networks(tmp_path):
    rng, sizes = np.random.default_rng(9), [SMALL[:5] + flags + SMALL[7:] for flags in ((False, True), (True, True), (True, False))]
    (tmp_path / "model.json").write_text(json.dumps({"references": True}))
    made = [Made(rng, of) for of in sizes]
    for name, network in zip("dhv", made):
        (tmp_path / f"predict_{name}.onnx").write_bytes(network.onnx)
    return made


@pytest.mark.parametrize("former_jpegs", [False, True])
def test_the_networks_of_a_model_become_one_file(former_jpegs, tmp_path):
    made, data = folder_of_networks(tmp_path), pyramid_weights(tmp_path)
    references, networks = split(data)
    assert references and len(networks) == 3 and join(references, networks) == data
    if former_jpegs:
        data, made = join(references, 2 * networks), 2 * made
    weights = native.Weights(data)
    assert weights.references and weights.former_jpegs == former_jpegs and len(weights.networks) == len(made)
    for network, m in zip(weights.networks, made):
        x, features = m.activations((5, 8))
        assert np.array_equal(network.run(x, features)[0], m.native.run(x, features)[0])


def test_graphs_of_another_form_are_not_converted():
    g = Graph("other")
    g.output(g.leaky_relu(g.input("x", TensorProto.UINT8, 4, True), 0.25), "y", TensorProto.UINT8, 4, True)
    with pytest.raises(DicompressError, match="QLinearConv was expected"):
        network_bytes(g.serialise())
    with pytest.raises(DicompressError, match="slope of 1.2"):
        Made(np.random.default_rng(0), (*SMALL[:-1], 0.3))
    with pytest.raises(DicompressError, match="raised"):
        Made(np.random.default_rng(0), SMALL, exponents=(1, 1))
