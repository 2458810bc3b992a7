"""Random integer networks, as files that the core reads, and what they compute, in numpy (`core/network/network.hpp`)."""

from __future__ import annotations

import struct

import numpy as np

from dicompress.native import network as native

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


def weights_file(networks: list[bytes], references: bool = True) -> bytes:
    """The bytes of weights.bin: D, H, V; then, if there are any, those for former JPEGs. references: whether the first take them."""
    flags = references | (len(networks) > 3) << 1
    return b"dcmw\x01" + bytes([flags]) + b"".join(struct.pack("<I", len(n)) + n for n in networks)


class Made:
    """A network of random integers. weight: the largest; exponents: of channels' scales, lowest and highest."""

    def __init__(self, rng, sizes, weight=63, exponents=(-9, -6), wide=500):
        self.rng, self.weight, self.exponents, self.wide = rng, weight, exponents, wide
        self.inputs, self.features, _, _, _, self.adds, self.gives, self.attends, self.slope = sizes
        self.features_in = self.features * self.adds
        self.data = self.make(sizes)
        self.native = native.Network(self.data)

    def make(self, sizes) -> bytes:
        inputs, features, narrow, components, dilations, adds, gives, attends, slope = sizes
        self.head = self.layer(features, 3, inputs)
        self.blocks = [(d, self.layer(features, 3, features), self.layer(features, 3, features)) for d in dilations]
        self.to_narrow = self.layer(narrow, 1, features)
        self.attention = self.layer(narrow, 1, narrow)
        self.depthwise = self.layer(narrow, 3, 1)
        self.last = (
            self.rng.integers(-self.wide, self.wide + 1, (3 * components, narrow)),
            self.rng.integers(-9000, 9001, 3 * components),
        )
        quarters = int(4 * slope)
        dimensions = [inputs, features, narrow, components, adds | gives << 1 | attends << 2, quarters, quarters, len(dilations)]
        for d in dilations:
            dimensions += [d, quarters]
        layers = [self.head, *(layer for block in self.blocks for layer in block[1:]), self.to_narrow]
        layers += [self.attention, self.depthwise] if attends else [self.depthwise]
        parts = [w.astype("i1").tobytes() + b.astype("<i4").tobytes() + s.astype("u1").tobytes() for w, b, s in layers]
        return bytes(dimensions) + b"".join(parts) + b"".join(a.astype("<i4").tobytes() for a in self.last)

    def layer(self, out, size, channels):
        """Weights (out, rows, columns, channels), biases, and by how many bits to shift each sum."""
        weights = self.rng.integers(-self.weight, self.weight + 1, (out, size, size, channels))
        return weights, self.rng.integers(-999, 1000, out), -self.rng.integers(self.exponents[0], self.exponents[1] + 1, out)

    def activations(self, shape):
        """x and features: around zero, with some of any value."""

        def some(channels):
            near, any_ = self.rng.integers(100, 157, (*shape, channels)), self.rng.integers(0, 256, (*shape, channels))
            return np.where(self.rng.random((*shape, channels)) < 0.8, near, any_).astype(np.uint8)

        return some(self.inputs), some(self.features_in) if self.features_in else None

    def expected(self, x, features):
        """Parameters (channels, rows, columns), and the features of the next phase or None."""
        q = self.result(self.sums(x - 128.0, self.head), self.head)
        if self.adds:
            q = np.clip(q + (features - 128.0), -128, 127)
        q = self.leaky(q)
        for dilation, first, second in self.blocks:
            inner = self.leaky(self.result(self.sums(q, first, dilation), first))
            q = np.clip(q + self.result(self.sums(inner, second, dilation), second), -128, 127)
        after = (q + 128).astype(np.uint8) if self.gives else None
        q = self.leaky(self.result(self.sums(q, self.to_narrow), self.to_narrow))
        if self.attends:
            gates = self.result(self.sums(q, self.attention), self.attention, 0, 255)
            q = np.clip(np.rint(q * gates / 256), -128, 127)
        q = self.result(self.sums(q, self.depthwise), self.depthwise)
        weights, bias = self.last
        return np.moveaxis(q @ weights.T + bias, -1, 0).astype(np.float32), after

    def sums(self, q, layer, dilation=1):
        """Of float64 (rows, columns, channels), which holds all of them exactly. One weight a channel: of each channel alone."""
        weights, bias, _ = layer
        (rows, columns, channels), size = q.shape, weights.shape[1]
        border = size // 2 * dilation
        padded = np.pad(q, ((border, border), (border, border), (0, 0)))
        found = np.zeros((rows, columns, len(weights))) + bias
        for i, j in np.ndindex(size, size):
            under = padded[i * dilation :, j * dilation :][:rows, :columns]
            alone = weights.shape[3] == 1 < channels
            found += under * weights[:, i, j, 0] if alone else under @ weights[:, i, j].T
        return found

    @staticmethod
    def result(sums, layer, low=-128, high=127):
        return np.clip(np.rint(sums / 2.0 ** layer[2]), low, high)

    def leaky(self, q):
        return np.maximum(q, np.rint(q * self.slope))

    def check(self, x, features, kernels=KERNELS):
        parameters, after = self.expected(x, features)
        for kernel in kernels:
            found, next_features, _ = self.native.run(x, features, kernel=kernel)
            assert np.array_equal(found, parameters), kernel
            assert (next_features is None) == (after is None)
            assert after is None or np.array_equal(next_features, after), kernel
        return parameters, after
