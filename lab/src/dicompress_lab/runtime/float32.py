"""The same integer network in float32: every 8-bit operator replaced by floating-point ones on the same integers.

The bound that `dicompress export` proves keeps all sums below 2**24, where float32 is exact, so the results agree bit
for bit. This is what a GPU or another runtime would execute; here it serves to prove that the format does not hang on
one library's kernels.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def to_float32(model: bytes) -> bytes:
    """Rewrite an integer ONNX network of dicompress; inputs and outputs keep their names and types."""
    source = onnx.load_from_string(model)
    return _Rewriter(source.graph).run(source)


class _Rewriter:
    """Every uint8 tensor u of the source becomes a float tensor u - zero_point of the same name."""

    def __init__(self, graph):
        self.graph = graph
        self.values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.nodes, self.constants = [], []

    def constant(self, value) -> str:
        name = f"f{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes) -> str:
        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def saturate(self, x: str, zero: int, output: str) -> None:
        """Round half to even and clip to what 8 bits around the zero point hold."""
        limits = [self.constant(-zero), self.constant(255 - zero)]
        self.node("Clip", [self.node("Round", [x]), *limits], output)

    def run(self, source) -> bytes:
        quantised = {i.name for i in self.graph.input if i.type.tensor_type.elem_type == TensorProto.UINT8}
        for name in quantised:
            self.node("Sub", [self.node("Cast", [name], to=TensorProto.FLOAT), self.constant(128)], name + "_q")
        self.names = {name: name + "_q" for name in quantised}
        for node in self.graph.node:
            inputs = [self.names.get(i, i) for i in node.input]
            getattr(self, "_" + node.op_type)(node, inputs, node.output[0])
        graph = helper.make_graph(
            self.nodes, self.graph.name, self.graph.input, self.graph.output,
            self.constants + [t for t in self.graph.initializer if t.data_type == TensorProto.FLOAT],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return model.SerializeToString()

    def _QLinearConv(self, node, inputs, output):
        x_scale, w, w_scale, y_scale, y_zero, bias = (
            self.values[node.input[i]] for i in (1, 3, 4, 6, 7, 8))  # fmt: skip
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        total = self.node("Conv", [inputs[0], self.constant(w), self.constant(bias)], **attributes)
        factor = self.constant((x_scale * w_scale / y_scale).reshape(-1, 1, 1))
        self.saturate(self.node("Mul", [total, factor]), int(y_zero), output)

    def _QLinearAdd(self, node, inputs, output):
        self.saturate(self.node("Add", [inputs[0], inputs[3]]), 128, output)

    def _QLinearMul(self, node, inputs, output):
        a, b, c = (self.values[node.input[i]] for i in (1, 4, 6))
        product = self.node("Mul", [inputs[0], inputs[3]])
        self.saturate(self.node("Mul", [product, self.constant(a * b / c)]), 128, output)

    def _QLinearLeakyRelu(self, node, inputs, output):
        slope = self.constant(helper.get_attribute_value(node.attribute[0]))
        low = self.node("Round", [self.node("Mul", [inputs[0], slope])])
        self.node("Max", [inputs[0], low], output)

    def _QuantizeLinear(self, node, inputs, output):
        scale = self.constant(self.values[node.input[1]].reshape(-1, 1, 1))
        self.saturate(self.node("Div", [inputs[0], scale]), 128, output)

    def _DequantizeLinear(self, node, inputs, output):
        self.node("Identity", [inputs[0]], output)  # the scale is 1

    def _Cast(self, node, inputs, output):
        index = self.node("Add", [inputs[0], self.constant(128)])
        self.node("Cast", [index], output, to=TensorProto.INT32)

    def _Gather(self, node, inputs, output):
        self.node("Gather", [self.constant(self.values[node.input[0]]), inputs[1]], output)

    def _Conv(self, node, inputs, output):
        self.nodes.append(node)

    def _DepthToSpace(self, node, inputs, output):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.node(node.op_type, inputs, output, **attributes)

    _Transpose = _Concat = _DepthToSpace

    def _Identity(self, node, inputs, output):
        if {o.name: o for o in self.graph.output}[output].type.tensor_type.elem_type == TensorProto.UINT8:
            shifted = self.node("Add", [inputs[0], self.constant(128)])
            self.node("Cast", [shifted], output, to=TensorProto.UINT8)
        else:
            self.node("Identity", inputs, output)
