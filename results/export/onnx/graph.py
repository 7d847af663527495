"""A small builder of ONNX graphs: names, weights and nodes in, a checked model out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

# The oldest operator set with LayerNormalization; runtimes from 2022 on know it.
OPSET = 17
IR_VERSION = 8

IDS = "ids"
PROBABILITY = "probability"

Weights = npt.NDArray[np.float32]


class Unsupported(Exception):
    """A layer, or one of its settings, that cannot be translated."""


def require(holds: bool, layer: Any, what: str) -> None:
    """Refuse a layer, and say what it has that cannot be translated, unless a condition holds."""
    if not holds:
        raise Unsupported(f"the layer {layer.name} ({type(layer).__name__}) has {what}")


def array(variable: Any) -> Weights:
    """Return a Keras variable's value."""
    return np.asarray(variable, dtype=np.float32)


class Graph:
    """An ONNX graph from ids to probabilities that grows node by node."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def weight(self, values: npt.ArrayLike) -> str:
        """Add a constant, and return its name.

        Floats are kept as float32, and integers as int64 unless they are numpy's int32.
        """
        array = np.asarray(values)
        if array.dtype != np.int32:
            array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node for an operator, and return its output's name."""
        (output,) = self.add_multiple(1, operator, *inputs, **attributes)
        return output

    def add_multiple(
        self, outputs: int, operator: str, *inputs: str, **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs, and return their names."""
        number = len(self._nodes)
        names = [f"{operator.lower()}_{number}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def model(self, output: str) -> onnx.ModelProto:
        """Close the graph at the tensor that holds the probabilities, float32 [batch, 1].

        The checked model takes int32 `ids` [batch, length] and gives `probability` [batch, 1].
        """
        nodes = [*self._nodes, helper.make_node("Identity", [output], [PROBABILITY])]
        ids = helper.make_tensor_value_info(IDS, TensorProto.INT32, ["batch", "length"])
        probability = helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch", 1])
        graph = helper.make_graph(nodes, "model", [ids], [probability], self._weights)
        made = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="model3-search",
        )
        onnx.checker.check_model(made, full_check=True)
        return made
