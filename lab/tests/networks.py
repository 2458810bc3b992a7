"""Random integer networks, as graphs that onnxruntime runs and as the core does. Importing it needs onnx."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from dicompress.native import network as native
from dicompress_lab.runtime import Network as Onnx
from dicompress_lab.training.graph import Graph
from dicompress_lab.training.weights import network_bytes

KERNELS = native.kernels()
# inputs, features, narrow, components, dilations of blocks, adds features, gives features, attention, slope
NETWORKS = {
    "D": (32, 32, 32, 3, (1,), False, True, True, 0.25),
    "H": (32, 32, 32, 3, (), True, True, True, 0.25),
    "V": (28, 32, 32, 3, (), True, False, True, 0.25),
    "D of former JPEGs": (20, 48, 32, 3, (1, 2), False, True, True, 0.25),
    "H of former JPEGs": (24, 48, 32, 3, (1,), True, True, True, 0.25),
    "small": (4, 4, 4, 1, (2,), False, False, False, 0.0),
    "odd": (12, 20, 36, 5, (1, 3), True, True, True, 0.5),
    "large": (64, 64, 64, 16, (4,), True, True, True, 0.75),
    "40": (8, 16, 40, 2, (1,), False, True, True, 0.25),
}


class Made:
    """A network of random integers. weight: the largest; exponents: of channels' scales, lowest and highest."""

    def __init__(self, rng, sizes, weight=63, exponents=(-9, -6), wide=500):
        self.rng, self.weight, self.exponents = rng, weight, exponents
        inputs, features, narrow, components, dilations, adds, gives, attends, slope = sizes
        self.inputs, self.features_in = inputs, features * adds
        g = self.g = Graph("made")
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
        weights = rng.integers(-wide, wide + 1, (3 * components, narrow, 1, 1))
        g.output(g.wide_convolution(q, weights, rng.integers(-9000, 9001, 3 * components), 128), "parameters",
                 TensorProto.FLOAT, 3 * components)  # fmt: skip
        if gives:
            g.output(x, "next_features", TensorProto.UINT8, features, True)
        self.onnx = g.serialise()
        self.data = network_bytes(self.onnx)
        self.native = native.Network(self.data)

    def convolution(self, x, out, channels, dilation=1, size=3, group=1, out_exponent=-5, **of_result):
        weights = self.rng.integers(-self.weight, self.weight + 1, (out, channels, size, size))
        exponents = self.rng.integers(self.exponents[0], self.exponents[1] + 1, out) + 5 + out_exponent
        pad = size // 2 * dilation
        return self.g.convolution(
            x, weights, self.rng.integers(-999, 1000, out), exponents, out_exponent, kernel_shape=[size, size], strides=[1, 1],
            dilations=[dilation, dilation], pads=[pad] * 4, group=group, **of_result,
        )  # fmt: skip

    def activations(self, shape):
        """x and features: around zero, with some of any value."""
        def some(channels):
            near, any_ = self.rng.integers(100, 157, (*shape, channels)), self.rng.integers(0, 256, (*shape, channels))
            return np.where(self.rng.random((*shape, channels)) < 0.8, near, any_).astype(np.uint8)
        return some(self.inputs), some(self.features_in) if self.features_in else None

    def expected(self, x, features):
        inputs = {"x": x[None]} | ({} if features is None else {"features": features[None]})
        parameters, *after = Onnx(self.onnx, 1)(**inputs)
        return parameters[0], after[0][0] if after else None

    def check(self, x, features, kernels=KERNELS):
        parameters, after = self.expected(x, features)
        for kernel in kernels:
            found, next_features, _ = self.native.run(x, features, kernel=kernel)
            assert np.array_equal(found, parameters), kernel
            assert (next_features is None) == (after is None)
            assert after is None or np.array_equal(next_features, after), kernel
        return parameters, after
