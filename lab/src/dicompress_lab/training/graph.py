"""Write the integer network as ONNX graphs, and prove the bound that makes them exact everywhere.

Activations are uint8 q + 128 standing for q / 32; weights are int8 in [-63, 63] times a power of two per output channel.
For every convolution sum |w| * max|a| + |bias| < 2**24 must hold: then each partial sum is an integer
that float32 holds, and integer and floating-point execution agree bit for bit.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dicompress.errors import DicompressError

BOUND = 1 << 24
ACTIVATION_EXPONENT = -5  # activations are q * 2**-5
ZERO = 128
CONTRIB = "com.microsoft"


class BoundError(DicompressError):
    """A convolution's accumulator could leave the integers that float32 holds."""


class Graph:
    """An ONNX graph under construction; methods add a node and return the name of its output."""

    def __init__(self, name: str):
        self.name, self.nodes, self.constants, self.inputs, self.outputs = name, [], {}, [], []
        self.largest_sum = 0

    def input(self, name: str, dtype: int, channels: int, channels_last: bool = False) -> str:
        """channels_last: (1, rows, columns, channels), which 8-bit convolutions take without copying."""
        self.inputs.append(self._value(name, dtype, channels, channels_last))
        return self.node("Transpose", name, perm=[0, 3, 1, 2]) if channels_last else name

    def output(self, value: str, name: str, dtype: int, channels: int, channels_last: bool = False) -> None:
        value = self.node("Transpose", value, perm=[0, 2, 3, 1]) if channels_last else value
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._value(name, dtype, channels, channels_last))

    @staticmethod
    def _value(name: str, dtype: int, channels: int, channels_last: bool):
        place = [f"{name}_rows", f"{name}_columns"]
        return helper.make_tensor_value_info(name, dtype, [1, *place, channels] if channels_last else [1, channels, *place])

    def constant(self, value: np.ndarray) -> str:
        key = f"c_{value.dtype}_{value.shape}_{hash(value.tobytes()) & 0xFFFFFFFFFFFF:x}"
        if key not in self.constants:
            self.constants[key] = f"c{len(self.constants)}", np.asarray(value, order="C")
        return self.constants[key][0]

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], domain=domain, **attributes))
        return out

    def scale(self, exponent) -> str:
        return self.constant(np.exp2(np.asarray(exponent, np.float64)).astype(np.float32))

    def zero(self, value: int = ZERO, dtype=np.uint8) -> str:
        return self.constant(np.array(value, dtype))

    def check(self, weight: np.ndarray, bias: np.ndarray, largest_input: int) -> None:
        total = int((np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(1) * largest_input + np.abs(bias)).max())
        if total >= BOUND:
            raise BoundError(f"{self.name}: an accumulator can reach {total}, the bound is {BOUND}")
        self.largest_sum = max(self.largest_sum, total)

    def convolution(self, x: str, weight, bias, exponents, out_exponent=ACTIVATION_EXPONENT, out_zero=ZERO, **geometry) -> str:
        """int8 weights (out, in, k, k) times 2**exponents (out,) on an activation; int bias in units of the sum."""
        self.check(weight, bias, 128)
        return self.node(
            "QLinearConv", x, self.scale(ACTIVATION_EXPONENT), self.zero(),
            self.constant(weight.astype(np.int8)), self.scale(exponents), self.zero_weights(len(weight)),
            self.scale(out_exponent), self.zero(out_zero), self.constant(bias.astype(np.int32)), **geometry,
        )  # fmt: skip

    def zero_weights(self, channels: int) -> str:
        return self.constant(np.zeros(channels, np.int8))

    def wide_convolution(self, x: str, weight, bias, largest_input: int, **geometry) -> str:
        """Integers too wide for 8 bits, held by float32; the sum stays an exact integer."""
        self.check(weight, bias, largest_input)
        w, b = (self.constant(v.astype(np.float32)) for v in (weight, bias))
        return self.node("Conv", x, w, b, **geometry)

    def add(self, a: str, b: str) -> str:
        s, z = self.scale(ACTIVATION_EXPONENT), self.zero()
        return self.node("QLinearAdd", a, s, z, b, s, z, s, z, domain=CONTRIB)

    def gate(self, x: str, gate: str) -> str:
        """x * gate / 256, rounded half to even; the gate is uint8."""
        s, z = self.scale(ACTIVATION_EXPONENT), self.zero()
        return self.node("QLinearMul", x, s, z, gate, self.scale(-8), self.zero(0), s, z, domain=CONTRIB)

    def leaky_relu(self, x: str, slope: float) -> str:
        s, z = self.scale(ACTIVATION_EXPONENT), self.zero()
        return self.node("QLinearLeakyRelu", x, s, z, s, z, domain=CONTRIB, alpha=slope)

    def table(self, x: str, values: np.ndarray) -> str:
        """values[x] for a uint8 tensor and 256 uint8 values."""
        return self.node("Gather", self.constant(values.astype(np.uint8)), self.node("Cast", x, to=TensorProto.INT32))

    def shuffle(self, x: str) -> str:
        return self.node("DepthToSpace", x, blocksize=2, mode="CRD")

    def serialise(self) -> bytes:
        initialisers = [numpy_helper.from_array(value, name) for name, value in self.constants.values()]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, initialisers)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="dicompress", ir_version=8)
        onnx.checker.check_model(model)
        return model.SerializeToString(deterministic=True)
