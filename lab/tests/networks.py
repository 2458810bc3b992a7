"""Random integer networks as graphs, which onnxruntime runs and the core does."""

from __future__ import annotations

from helpers import networks
from onnx import TensorProto

from dicompress_lab.runtime import Network as Onnx
from dicompress_lab.training.graph import Graph
from dicompress_lab.training.weights import network_bytes


class Made(networks.Made):
    """A network whose file is made from its graph, and that computes what onnxruntime does."""

    def make(self, sizes) -> bytes:
        inputs, features, narrow, components, dilations, adds, gives, attends, slope = sizes
        g = self.graph = Graph("made")
        x = self.convolution(g.input("x", TensorProto.UINT8, inputs, True), features, inputs)
        if adds:
            x = g.add(x, g.input("features", TensorProto.UINT8, features, True))
        x = g.leaky_relu(x, slope)
        for d in dilations:
            inner = g.leaky_relu(self.convolution(x, features, features, d), slope)
            x = g.add(x, self.convolution(inner, features, features, d))
        y = g.leaky_relu(self.convolution(x, narrow, features, size=1), slope)
        if attends:
            y = g.gate(y, self.convolution(y, narrow, narrow, size=1, out_exponent=-8, out_zero=0))
        q = g.node("DequantizeLinear", self.convolution(y, narrow, 1, group=narrow), g.scale(0), g.zero())
        weights = self.rng.integers(-self.wide, self.wide + 1, (3 * components, narrow, 1, 1))
        g.output(g.wide_convolution(q, weights, self.rng.integers(-9000, 9001, 3 * components), 128), "parameters",
                 TensorProto.FLOAT, 3 * components)  # fmt: skip
        if gives:
            g.output(x, "next_features", TensorProto.UINT8, features, True)
        self.onnx = g.serialise()
        return network_bytes(self.onnx)

    def convolution(self, x, out, channels, dilation=1, size=3, group=1, out_exponent=-5, **of_result):
        weights, bias, shift = self.layer(out, size, channels)
        pad = size // 2 * dilation
        return self.graph.convolution(
            x, weights.transpose(0, 3, 1, 2), bias, 5 + out_exponent - shift, out_exponent, kernel_shape=[size, size],
            strides=[1, 1], dilations=[dilation, dilation], pads=[pad] * 4, group=group, **of_result,
        )  # fmt: skip

    def expected(self, x, features):
        inputs = {"x": x[None]} | ({} if features is None else {"features": features[None]})
        parameters, *after = Onnx(self.onnx, 1)(**inputs)
        return parameters[0], after[0][0] if after else None
