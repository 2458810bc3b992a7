"""A checkpoint to the files of an installable model: integer ONNX networks, the prior, and the model card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto

from . import quantise
from .graph import ACTIVATION_EXPONENT, ZERO, Graph
from .network import (
    SLOPE,
    Conv,
    FeatureExtractor,
    ImageConv,
    ParameterConv,
    Predictor,
    Prior,
    Reference,
    ScalarQuantiser,
    Trunk,
)
from .train import config_of

SIGMOID = np.clip(np.rint(256 / (1 + np.exp(-(np.arange(256) - ZERO) / 32))), 0, 255).astype(np.uint8)


def export(network: Reference, folder: Path, card: dict) -> dict:
    """Write the model's files into `folder`; returns what the card says of the proof."""
    network = network.float().eval()
    folder.mkdir(parents=True, exist_ok=True)
    graphs = [_extractor_graph(network), *(_predictor_graph(network, s) for s in range(network.config.scales, 0, -1))]
    for graph in graphs:
        (folder / f"{graph.name}.onnx").write_bytes(graph.serialise())
    proof = {g.name: {"largest_sum": g.largest_sum, "bound": 1 << 24} for g in graphs}
    priors = {"prior": network.prior, "thumbnail_prior": network.thumbnail_prior}
    config = network.config.to_dict() | {name: _prior(prior) for name, prior in priors.items()}
    (folder / "model.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "card.json").write_text(json.dumps(card | {"exactness": proof}, indent=1) + "\n")
    return proof


def _prior(prior: Prior) -> list[int]:
    return np.rint(prior.parameters_out.detach().numpy().reshape(-1) / ParameterConv.STEP).astype(int).tolist()


def _integers(conv: Conv, weight_max: int = quantise.WEIGHT_MAX, input_exponent: int = ACTIVATION_EXPONENT):
    """Integer weight and bias of a Conv, and the exponents of its output channels."""
    exponents = quantise.weight_exponents(conv.weight, weight_max).numpy()
    step = np.exp2(exponents.astype(np.float64))
    weight = np.rint(conv.weight.detach().double().numpy() / step[:, None, None, None])
    bias = np.rint(conv.bias.detach().double().numpy() / (step * 2.0**input_exponent))
    return weight.clip(-weight_max, weight_max).astype(np.int64), bias.astype(np.int64), exponents


def _geometry(conv: Conv) -> dict:
    p, q = conv.padding
    return {
        "kernel_shape": list(conv.kernel_size), "strides": list(conv.stride), "dilations": list(conv.dilation),
        "pads": [p, q, p, q], "group": conv.groups,
    }  # fmt: skip


def convolution(g: Graph, conv: Conv, x: str, out_exponent: int = ACTIVATION_EXPONENT, out_zero: int = ZERO) -> str:
    return g.convolution(x, *_integers(conv), out_exponent, out_zero, **_geometry(conv))


def residual_blocks(g: Graph, blocks, x: str) -> str:
    for block in blocks:
        inner = g.leaky_relu(convolution(g, block.first, x), SLOPE)
        x = g.add(x, convolution(g, block.second, inner))
    return x


def _trunk(g: Graph, trunk: Trunk, x: str) -> str:
    y = residual_blocks(g, trunk.blocks, x)
    return g.add(x, convolution(g, trunk.tail, y))


def _extractor_graph(network: Reference) -> Graph:
    """pixels (1, 1, rows, columns), 12-bit integers as float32 -> z1 ... zS in eighths of a level, uint8 around 128."""
    g = Graph("extract")
    x = g.input("pixels", TensorProto.FLOAT, 1)
    for s, extractor in enumerate(network.extractors, 1):
        x = _trunk(g, extractor.trunk, _head(g, extractor, x))
        z = convolution(g, extractor.quantiser.project, x, int(np.log2(ScalarQuantiser.STEP)))
        g.output(z, f"z{s}", TensorProto.UINT8, network.config.channels)
    return g


def _head(g: Graph, extractor: FeatureExtractor, x: str) -> str:
    head = extractor.head
    if not isinstance(head, ImageConv):
        return convolution(g, head, x)
    weight, bias, exponents = _integers(head, head.WEIGHT_MAX, head.INPUT_EXPONENT)
    total = g.wide_convolution(x, weight, bias, 2048, **_geometry(head))
    scale = g.scale(ACTIVATION_EXPONENT - head.INPUT_EXPONENT - exponents)
    zeros = g.constant(np.full(len(exponents), ZERO, np.uint8))
    return g.node("QuantizeLinear", total, scale, zeros, axis=1)


def _predictor_graph(network: Reference, scale: int) -> Graph:
    """z(s) as an activation (and the context of D(s+1)) -> integer parameters as float32 (and context for D(s-1))."""
    predictor: Predictor = network.predictors[scale - 1]
    features = network.config.features
    g = Graph(f"predict{scale}")
    x = convolution(g, predictor.head, g.input("z", TensorProto.UINT8, network.config.channels))
    if scale < network.config.scales:
        x = g.add(x, g.input("context", TensorProto.UINT8, features))
    x = _trunk(g, predictor.trunk, x)
    x = convolution(g, predictor.depthwise1, x)
    x = g.leaky_relu(convolution(g, predictor.pointwise1, x), SLOPE)
    x = g.gate(x, g.table(convolution(g, predictor.attention.gate, x), SIGMOID))
    x = convolution(g, predictor.depthwise2, x)

    weight, bias = (v.detach().double().numpy() for v in predictor.parameters_out.effective())
    weight = np.rint(weight / ParameterConv.WEIGHT_STEP).astype(np.int64)[:, :, None, None]
    bias = np.rint(bias / ParameterConv.STEP).astype(np.int64)
    q = g.node("DequantizeLinear", x, g.scale(0), g.zero())
    g.output(g.shuffle(g.wide_convolution(q, weight, bias, 128)), "parameters", TensorProto.FLOAT, len(weight) // 4)
    if predictor.context_out is not None:
        g.output(g.shuffle(convolution(g, predictor.context_out, x)), "finer_context", TensorProto.UINT8, features)
    return g


def load_checkpoint(path: Path) -> tuple[Reference, dict]:
    """The network and the record of its training from a checkpoint of `train`."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = Reference(config_of(state))
    network.load_state_dict(state["network"])
    return network, state["record"]


def export_checkpoint(path: Path, folder: Path) -> dict:
    """Export a checkpoint; the card keeps the record of its training. Returns each network's largest sum and bound."""
    network, record = load_checkpoint(path)
    return export(network, folder, {"model": "reference", "config": network.config.to_dict(), "training": record})
