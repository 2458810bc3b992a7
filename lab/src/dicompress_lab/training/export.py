"""A checkpoint to the files of an installable model: integer ONNX networks, model.json and the model card."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto
from torch import nn

from . import quantise
from .graph import ACTIVATION_EXPONENT, BOUND, ZERO, Graph
from .layers import Conv, DilatedResidualBlock, ParameterConv, Prior
from .recipe import Recipe, by_name


def export_checkpoint(path: Path, folder: Path) -> dict:
    """Export a checkpoint; the card keeps the record of its training. Returns each network's largest sum and bound."""
    recipe, network, record = read_checkpoint(path)
    card = {"model": recipe.name, "config": network.config.to_dict(), "training": record}
    return recipe.export(network, folder, card)


def read_checkpoint(path: Path, model: str = "reference") -> tuple[Recipe, nn.Module, dict]:
    """Recipe, network and record of training of a checkpoint of `train`; model: what one that names none is of."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    recipe = by_name(state.get("model", model))
    network = recipe.network(recipe.Config.from_dict(state["config"]))
    network.load_state_dict(state["network"])
    return recipe, network, state.get("record", {})


def write(folder: Path, graphs: list[Graph], config: dict, card: dict) -> dict:
    """Write a model's files; returns what its card says of the proof."""
    folder.mkdir(parents=True, exist_ok=True)
    for graph in graphs:
        (folder / f"{graph.name}.onnx").write_bytes(graph.serialise())
    proof = {g.name: {"largest_sum": g.largest_sum, "bound": BOUND} for g in graphs}
    (folder / "model.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "card.json").write_text(json.dumps(card | {"exactness": proof}, indent=1) + "\n")
    return proof


def integers(conv: Conv) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer weight and bias of a Conv, and the exponents of its output channels."""
    exponents = quantise.weight_exponents(conv.weight, conv.WEIGHT_MAX).numpy()
    step = np.exp2(exponents.astype(np.float64))
    weight = np.rint(conv.weight.detach().double().numpy() / step[:, None, None, None])
    bias = np.rint(conv.bias.detach().double().numpy() / (step * 2.0**conv.INPUT_EXPONENT))
    return weight.clip(-conv.WEIGHT_MAX, conv.WEIGHT_MAX).astype(np.int64), bias.astype(np.int64), exponents


def constants(prior: Prior) -> list[int]:
    """A prior's parameters as integers, for `coder.constant_parameters`."""
    return np.rint(prior.parameters_out.detach().numpy().reshape(-1) / ParameterConv.STEP).astype(int).tolist()


def geometry(conv: Conv) -> dict:
    p, q = conv.padding
    return {
        "kernel_shape": list(conv.kernel_size), "strides": list(conv.stride), "dilations": list(conv.dilation),
        "pads": [p, q, p, q], "group": conv.groups,
    }  # fmt: skip


def convolution(g: Graph, conv: Conv, x: str, out_exponent: int = ACTIVATION_EXPONENT, out_zero: int = ZERO) -> str:
    return g.convolution(x, *integers(conv), out_exponent, out_zero, **geometry(conv))


def residual_blocks(g: Graph, blocks: Iterable[DilatedResidualBlock], x: str) -> str:
    for block in blocks:
        inner = g.leaky_relu(convolution(g, block.first, x), block.slope)
        x = g.add(x, convolution(g, block.second, inner))
    return x


def mixture_parameters(g: Graph, layer: ParameterConv, x: str, pixels: int) -> None:
    """The output "parameters", integers as float32; pixels: how many a position becomes, 1 or 4."""
    weight, bias = (v.detach().double().numpy() for v in layer.effective())
    weight = np.rint(weight / layer.WEIGHT_STEP).astype(np.int64)[:, :, None, None]
    bias = np.rint(bias / layer.STEP).astype(np.int64)
    q = g.node("DequantizeLinear", x, g.scale(0), g.zero())
    y = g.wide_convolution(q, weight, bias, 128)
    g.output(y if pixels == 1 else g.shuffle(y), "parameters", TensorProto.FLOAT, len(weight) // pixels)
