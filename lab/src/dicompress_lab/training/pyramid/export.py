"""The network of `pyramid` to the files of the installable model."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto

from dicompress.errors import DicompressError
from dicompress.native.pyramid import channels

from ..export import convolution, mixture_parameters, read_checkpoint, residual_blocks, write
from ..graph import Graph
from ..layers import SLOPE
from ..weights import FILE, NAMES, join, pyramid_weights, split
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
    proof = write(folder, graphs, network.config.to_dict(), card)
    (folder / FILE).write_bytes(pyramid_weights(folder))
    return proof


def add_former_jpegs(folder: Path, other: Path) -> None:
    """Give the model in `folder` the networks of another one for images that were a JPEG once: those that it has for them, or
    its only ones, if they take no references."""
    references, networks = split((folder / FILE).read_bytes())
    others_take_references, others = split((other / FILE).read_bytes())
    if others_take_references and len(others) == len(NAMES):
        raise DicompressError(f"the networks in {other} take references; those for former JPEGs cannot")
    (folder / FILE).write_bytes(join(references, networks[: len(NAMES)] + others[-len(NAMES) :]))


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
