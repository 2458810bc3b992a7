"""Multiply-adds of an exported model's networks, from their ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

# Positions a pixel of the image at which the networks of a decoder run (those with a number at a half, a quarter, an eighth
# of the resolution), and those that only an encoder has.
DECODER = {f"predict{s}{pixel}": 4.0**-s for s in (1, 2, 3) for pixel in ("", "_1", "_2", "_3")}
DECODER |= {f"predict_{phase}": 1 / 3 for phase in "dhv"}
ENCODER = {"extract": 1.0}


def multiply_adds(path: Path, positions: float) -> float:
    """Of one network, for `positions` elements in each channel of its inputs."""
    graph = onnx.load(path).graph
    shapes = {t.name: t.dims for t in graph.initializer}
    at = {value.name: positions for value in graph.input}
    total = 0.0
    for node in graph.node:
        place = max((at[name] for name in node.input if name in at), default=0.0)
        attributes = {a.name: a for a in node.attribute}
        if node.op_type in ("Conv", "QLinearConv"):
            weight = shapes[node.input[3 if node.op_type == "QLinearConv" else 1]]
            if "strides" in attributes:
                place /= np.prod(attributes["strides"].ints)
            total += place * np.prod(weight)
        elif node.op_type == "DepthToSpace":
            place *= attributes["blocksize"].i ** 2
        at.update(dict.fromkeys(node.output, place))
    return total


def weights(folder: Path) -> int:
    """Of the convolutions of all networks in `folder`."""
    networks = [onnx.load(path).graph for path in folder.glob("*.onnx")]
    return sum(int(np.prod(t.dims)) for g in networks for t in g.initializer if len(t.dims) == 4)


def a_pixel(folder: Path) -> tuple[float, float]:
    """(encoder's and decoder's, decoder's) multiply-adds a pixel of the model in `folder`."""
    found = {path.stem: path for path in folder.glob("*.onnx")}
    decoder = sum(multiply_adds(path, DECODER[name]) for name, path in found.items() if name in DECODER)
    return decoder + sum(multiply_adds(path, ENCODER[name]) for name, path in found.items() if name in ENCODER), decoder
