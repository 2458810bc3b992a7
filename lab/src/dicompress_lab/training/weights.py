"""Exported networks to the file that the codec runs: weights.bin, written as `core/network/read.cpp` and `weights.cpp` tell."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dicompress import native
from dicompress.errors import DicompressError

NAMES = {1: "d", 2: "h", 3: "v"}  # phase: of its network
MAGIC = b"dcmw\x01"
FILE = "weights.bin"
MOST_SHIFT = 25  # no sum reaches 2**24: what is shifted by more is 0, too
ALL = 4  # quarters: the slope of a leaky ReLU that is none


def pyramid_weights(folder: Path) -> bytes:
    """model.json and its ONNX networks as the bytes of weights.bin, which the codec has read."""
    references = json.loads((folder / "model.json").read_text()).get("references", False)
    return join(references, [network_bytes((folder / f"predict_{name}.onnx").read_bytes()) for name in NAMES.values()])


def join(references: bool, networks: list[bytes]) -> bytes:
    """The bytes of weights.bin: D, H, V; then, if there are any, those for former JPEGs. references: whether the first take them."""
    flags = references | (len(networks) > len(NAMES)) << 1
    data = MAGIC + bytes([flags]) + b"".join(struct.pack("<I", len(n)) + n for n in networks)
    native.network.Weights(data)
    return data


def split(data: bytes) -> tuple[bool, list[bytes]]:
    """Inverse of `join`."""
    networks, place = [], len(MAGIC) + 1
    while place < len(data):
        (size,) = struct.unpack_from("<I", data, place)
        networks.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return bool(data[len(MAGIC)] & 1), networks


def network_bytes(model: bytes) -> bytes:
    """An ONNX network of one phase, of `pyramid.export` or built like it, as the bytes that native.network.Network reads."""
    nodes = _Nodes(onnx.load_from_string(model).graph)
    head, adds = nodes.convolution(), nodes.skip("QLinearAdd")
    slope, blocks, layers = nodes.slope(), [], [head]
    while nodes.kernel() == 3:
        first, inner, second = nodes.convolution(), nodes.slope(), nodes.convolution()
        nodes.take("QLinearAdd")
        blocks.append((nodes.dilation, inner))
        layers += [first, second]
    layers.append(nodes.convolution())
    narrow_slope = nodes.slope()
    layers.append(nodes.convolution())
    attends = nodes.skip("QLinearMul")
    if attends:
        layers.append(nodes.convolution())
    nodes.take("DequantizeLinear")
    last = nodes.take("Conv")
    nodes.finish()
    weight, bias = (nodes.values[name] for name in last.input[1:])
    inputs, features, narrow, components = head[0].shape[3], head[0].shape[0], weight.shape[1], len(weight) // 3
    flags = adds | nodes.gives_features << 1 | attends << 2
    dimensions = bytes([inputs, features, narrow, components, flags, slope, narrow_slope, len(blocks), *sum(blocks, ())])
    wide = weight.astype("<i4").tobytes() + bias.astype("<i4").tobytes()
    return dimensions + b"".join(_layer(*layer) for layer in layers) + wide


def _layer(weight: np.ndarray, bias: np.ndarray, shift: np.ndarray) -> bytes:
    return weight.astype(np.int8).tobytes() + bias.astype("<i4").tobytes() + shift.astype(np.uint8).tobytes()


class _Nodes:
    """The nodes of a graph in order, without those that only move numbers."""

    def __init__(self, graph):
        self.values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.left = [n for n in graph.node if n.op_type not in ("Transpose", "Identity")]
        self.gives_features = len(graph.output) > 1
        self.dilation = 1

    def next_is(self, kind: str) -> bool:
        return bool(self.left) and self.left[0].op_type == kind

    def take(self, kind: str):
        if not self.next_is(kind):
            raise DicompressError(f"{kind} was expected before {[n.op_type for n in self.left]}")
        return self.left.pop(0)

    def skip(self, kind: str) -> bool:
        return self.next_is(kind) and bool(self.take(kind))

    def finish(self) -> None:
        if self.left:
            raise DicompressError(f"{[n.op_type for n in self.left]} are left over")

    def kernel(self) -> int:
        return self.values[self.left[0].input[3]].shape[2] if self.next_is("QLinearConv") else 0

    def slope(self) -> int:
        """Of a leaky ReLU, if one is next, in quarters."""
        if not self.next_is("QLinearLeakyRelu"):
            return ALL
        quarters = ALL * helper.get_attribute_value(self.take("QLinearLeakyRelu").attribute[0])
        if quarters not in range(ALL + 1):
            raise DicompressError(f"a slope of {quarters}/4 cannot be run")
        return int(quarters)

    def convolution(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (out, rows, columns, in), biases, and by how many bits to shift each channel's sum."""
        node = self.take("QLinearConv")
        x_scale, weight, w_scale, y_scale, bias = (self.values[node.input[i]] for i in (1, 3, 4, 6, 8))
        self.dilation = {a.name: helper.get_attribute_value(a) for a in node.attribute}["dilations"][0]
        shift = np.log2(y_scale.astype(np.float64) / x_scale / w_scale)
        if (shift != np.rint(shift)).any() or (shift < 0).any():
            raise DicompressError("a sum is scaled by what is no power of two, or raised")
        return weight.transpose(0, 2, 3, 1), bias, np.minimum(shift, MOST_SHIFT)
