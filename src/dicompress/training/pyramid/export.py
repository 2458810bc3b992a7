"""A checkpoint of the pyramid's network to the files of the installable model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto

from ...models.pyramid.model import NAMES
from ...models.pyramid.phases import CHANNELS
from ..export import convolution, residual_blocks
from ..graph import Graph
from ..network import SLOPE, ParameterConv
from .network import Config, Phase, Pyramid


def export(network: Pyramid, folder: Path, card: dict) -> dict:
    """Write the model's files into `folder`; returns each network's largest possible sum and its bound."""
    network = network.float().eval()
    folder.mkdir(parents=True, exist_ok=True)
    last = len(NAMES)
    graphs = [_graph(network.phases[p - 1], p, network.config, p < last) for p in NAMES]
    for graph in graphs:
        (folder / f"{graph.name}.onnx").write_bytes(graph.serialise())
    proof = {g.name: {"largest_sum": g.largest_sum, "bound": 1 << 24} for g in graphs}
    (folder / "model.json").write_text(json.dumps(network.config.to_dict(), indent=1) + "\n")
    (folder / "card.json").write_text(json.dumps(card | {"exactness": proof}, indent=1) + "\n")
    return proof


def _graph(phase: Phase, number: int, config: Config, has_next: bool) -> Graph:
    """Inputs (and the features of the phase before) -> integer parameters as float32 (and features)."""
    g = Graph(f"predict_{NAMES[number]}")
    x = convolution(g, phase.head, g.input("x", TensorProto.UINT8, CHANNELS[number]))
    if number > 1:
        x = g.add(x, g.input("features", TensorProto.UINT8, config.features))
    x = residual_blocks(g, phase.blocks, g.leaky_relu(x, SLOPE))
    y = g.leaky_relu(convolution(g, phase.pointwise, x), SLOPE)
    y = g.gate(y, convolution(g, phase.attention.gate, y, out_exponent=-8, out_zero=0))
    y = convolution(g, phase.depthwise, y)
    weight, bias = (v.detach().double().numpy() for v in phase.parameters_out.effective())
    weight = np.rint(weight / ParameterConv.WEIGHT_STEP).astype(np.int64)[:, :, None, None]
    bias = np.rint(bias / ParameterConv.STEP).astype(np.int64)
    y = g.node("DequantizeLinear", y, g.scale(0), g.zero())
    g.output(g.wide_convolution(y, weight, bias, 128), "parameters", TensorProto.FLOAT, len(weight))
    if has_next:
        g.output(x, "next_features", TensorProto.UINT8, config.features)
    return g


def load_checkpoint(path: Path) -> tuple[Pyramid, dict]:
    """The network and the record of its training from a checkpoint of `train`."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = Pyramid(config_of(state))
    network.load_state_dict(state["network"])
    return network, state.get("record", {})


def config_of(state: dict) -> Config:
    return Config(**state["config"] | {"dilations": tuple(tuple(d) for d in state["config"]["dilations"])})
