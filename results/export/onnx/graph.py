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


class Unsupported(Exception):
    """A layer, or one of its settings, that has no translation here."""


def require(holds: bool, layer: Any, what: str) -> None:
    """Refuse a setting that is not translated.

    Args:
        holds: Whether the layer may be translated.
        layer: The Keras layer.
        what: What it has that has no translation.

    Raises:
        Unsupported: If it does not hold.
    """
    if not holds:
        raise Unsupported(f"the layer {layer.name} ({type(layer).__name__}) has {what}")


def array(variable: Any) -> npt.NDArray[np.float32]:
    """Return a Keras variable's value.

    Args:
        variable: The variable.
    """
    return np.asarray(variable, dtype=np.float32)


class Graph:
    """An ONNX graph from ids to probabilities that grows node by node."""

    def __init__(self) -> None:
        """Begin with the input alone."""
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def weight(self, values: npt.ArrayLike) -> str:
        """Add a constant.

        Args:
            values: Floats, kept as float32, or integers, kept as int64; of numpy's int32, as that.

        Returns:
            Its name.
        """
        array = np.asarray(values)
        if array.dtype != np.int32:
            array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node.

        Args:
            kind: The operator.
            inputs: Names of tensors or weights; "" leaves an optional one out.
            outputs: How many outputs the node has.
            attributes: The operator's attributes.

        Returns:
            The output's name; a tuple of names where there are several.
        """
        number = len(self._nodes)
        names = [f"{kind.lower()}_{number}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else tuple(names)

    def model(self, output: str) -> onnx.ModelProto:
        """Close the graph.

        Args:
            output: Which tensor holds the probabilities, float32 [batch, 1].

        Returns:
            The checked model: int32 `ids` [batch, length] in, float32 `probability` [batch, 1] out.
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
