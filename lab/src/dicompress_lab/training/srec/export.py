"""The network of `srec` to the files of the installable model."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto

from ...models.srec.levels import ORDER, PLANES
from ...models.srec.model import network_name
from ..export import constants, convolution, mixture_parameters, residual_blocks, write
from ..graph import Graph
from .network import Predictor, SRec


def export(network: SRec, folder: Path, card: dict) -> dict:
    """Write the model's files into `folder`; returns each network's largest possible sum and its bound."""
    network = network.float().eval()
    graphs = [_graph(network, level, k) for level, k in ORDER]
    priors = {"prior": constants(network.prior), "remainder_priors": [constants(p) for p in network.remainder_priors]}
    return write(folder, graphs, network.config.to_dict() | priors, card)


def _graph(network: SRec, level: int, k: int) -> Graph:
    """Planes (and the context) -> integer parameters of pixel k as float32 (and the next context)."""
    predictor: Predictor = network.predictors[level - 1][k]
    features = network.config.features
    g = Graph(network_name(level, k))
    x = convolution(g, predictor.head, g.input("planes", TensorProto.UINT8, PLANES[k]))
    if (level, k) != ORDER[0]:
        x = g.add(x, g.input("context", TensorProto.UINT8, features))
    x = g.add(x, convolution(g, predictor.tail, residual_blocks(g, predictor.blocks, x)))
    dilated = g.node("Concat", *(convolution(g, conv, x) for conv in predictor.dilated), axis=1)
    mixture_parameters(g, predictor.parameters_out, dilated, 1)
    if predictor.context_out is not None:
        context = convolution(g, predictor.context_out, x)
        g.output(g.shuffle(context) if predictor.shuffles else context, "next_context", TensorProto.UINT8, features)
    return g
