"""The network of `pyramid` to the files of the installable model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from onnx import TensorProto

from ...errors import DicompressError
from ...models.pyramid.model import FORMER_JPEG, NAMES
from ...models.pyramid.phases import channels
from ..export import convolution, mixture_parameters, read_checkpoint, residual_blocks, write
from ..graph import Graph
from ..layers import SLOPE
from .network import Config, Phase, Pyramid


def export(network: Pyramid, folder: Path, card: dict) -> dict:
    """Write the model's files into `folder`; returns each network's largest possible sum and its bound."""
    if network.config.mixture != "gaussian":
        raise DicompressError(f"the coder has no tables for a {network.config.mixture} mixture; it cannot be exported")
    if isinstance(network.config.attention, str):
        raise DicompressError(f"{network.config.attention} has no integer form; only pixel attention can be exported")
    network = network.float().eval()
    last = len(NAMES)
    graphs = [_graph(network.phases[p - 1], p, network.config, p < last) for p in NAMES]
    return write(folder, graphs, network.config.to_dict(), card)


def add_former_jpegs(folder: Path, other: Path) -> None:
    """Give the model in `folder` the networks of another one, which takes no references, for images that were a JPEG once."""
    config = json.loads((folder / "model.json").read_text())
    if json.loads((other / "model.json").read_text()).get("references"):
        raise DicompressError(f"the networks in {other} take references; those for former JPEGs cannot")
    for name in NAMES.values():
        shutil.copyfile(other / f"predict_{name}.onnx", folder / f"predict_{name}{FORMER_JPEG}.onnx")
    (folder / "model.json").write_text(json.dumps(config | {"former_jpegs": True}, indent=1) + "\n")


def _graph(phase: Phase, number: int, config: Config, has_next: bool) -> Graph:
    """Inputs (and the features of the phase before) -> integer parameters as float32 (and features); channels last."""
    g = Graph(f"predict_{NAMES[number]}")
    x = convolution(g, phase.head, g.input("x", TensorProto.UINT8, channels(number, config.references), True))
    if number > 1:
        x = g.add(x, g.input("features", TensorProto.UINT8, config.features, True))
    x = residual_blocks(g, phase.blocks, g.leaky_relu(x, SLOPE))
    y = g.leaky_relu(convolution(g, phase.pointwise, x), SLOPE)
    if phase.attention is not None:
        y = g.gate(y, convolution(g, phase.attention.gate, y, out_exponent=-8, out_zero=0))
    mixture_parameters(g, phase.parameters_out, convolution(g, phase.depthwise, y), 1)
    if has_next:
        g.output(x, "next_features", TensorProto.UINT8, config.features, True)
    return g


def load_checkpoint(path: Path) -> tuple[Pyramid, dict]:
    """The network and the record of its training, also of a checkpoint that does not name its model."""
    _, network, record = read_checkpoint(path, "pyramid")
    return network, record
