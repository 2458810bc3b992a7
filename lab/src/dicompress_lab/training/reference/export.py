"""The network of `reference` to the files of the installable model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto

from ..export import constants, convolution, geometry, integers, mixture_parameters, residual_blocks, write
from ..graph import ACTIVATION_EXPONENT, ZERO, Graph
from ..layers import SLOPE
from .network import (
    AsppUpsampler,
    AttentionUpsampler,
    FeatureExtractor,
    ImageConv,
    Predictor,
    Reference,
    ScalarQuantiser,
    Trunk,
)  # fmt: skip

SIGMOID = np.clip(np.rint(256 / (1 + np.exp(-(np.arange(256) - ZERO) / 32))), 0, 255).astype(np.uint8)


def export(network: Reference, folder: Path, card: dict) -> dict:
    """Write the model's files into `folder`; returns each network's largest possible sum and its bound."""
    network = network.float().eval()
    graphs = [_extractor_graph(network), *(_predictor_graph(network, s) for s in range(network.config.scales, 0, -1))]
    priors = {"prior": network.prior, "thumbnail_prior": network.thumbnail_prior}
    config = network.config.to_dict() | {name: constants(prior) for name, prior in priors.items()}
    return write(folder, graphs, config, card)


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
    weight, bias, exponents = integers(head)
    total = g.wide_convolution(x, weight, bias, 2048, **geometry(head))
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
    finer = UPSAMPLERS[type(predictor.upsampler)](g, predictor.upsampler, _trunk(g, predictor.trunk, x))
    if scale > 1:
        g.output(finer, "finer_context", TensorProto.UINT8, features)
    return g


def _attention_upsampler(g: Graph, up: AttentionUpsampler, x: str) -> str | None:
    x = convolution(g, up.depthwise1, x)
    x = g.leaky_relu(convolution(g, up.pointwise1, x), SLOPE)
    x = g.gate(x, g.table(convolution(g, up.attention.gate, x), SIGMOID))
    x = convolution(g, up.depthwise2, x)
    mixture_parameters(g, up.parameters_out, x, 4)
    return up.context_out and g.shuffle(convolution(g, up.context_out, x))


def _aspp_upsampler(g: Graph, up: AsppUpsampler, x: str) -> str:
    finer = g.shuffle(convolution(g, up.subpixel, x))
    pooled = g.node("Concat", *(convolution(g, conv, finer) for conv in up.pooling), axis=1)
    mixture_parameters(g, up.parameters_out, pooled, 1)
    return finer


UPSAMPLERS = {AttentionUpsampler: _attention_upsampler, AsppUpsampler: _aspp_upsampler}
