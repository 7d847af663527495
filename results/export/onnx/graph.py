"""A small builder of ONNX graphs: names, weights and nodes in, a checked model out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
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
# Up to so many records an operator that computes all steps is faster than a loop of our own.
FEW = 16

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


@dataclass(frozen=True)
class Embedded:
    """Vectors not looked up yet, of int32 `ids` [batch, length] in a `table` [words, width]."""

    ids: str
    table: Weights


@dataclass(frozen=True)
class Scaled:
    """A tensor `x * scale + shift`, not computed yet; each is [width], the last axis of `x`."""

    x: str
    scale: Weights
    shift: Weights


@dataclass(frozen=True)
class Planes:
    """A tensor [batch, steps, width] that is still [batch, width, 1, steps], as images are."""

    x: str


@dataclass(frozen=True)
class States:
    """What a recurrent layer gives at all steps, not computed yet."""

    all: "Callable[[Graph], str]"  # computes it, [batch, steps, width]
    greatest: "Callable[[Graph], str]"  # computes the greatest over the steps, [batch, width]


Pending = Embedded | Scaled | Planes | States


class Graph:
    """An ONNX graph from ids to probabilities that grows node by node.

    A tensor may stay pending: a layer that can make it part of its own weights never computes it.
    """

    def __init__(self, parent: "Graph | None" = None) -> None:
        self._parent = parent
        self._nodes: list[Any] = []
        self._computed: dict[str, str] = {}
        self._weights: list[Any] = [] if parent is None else parent._weights
        self._pending: dict[str, Pending] = {} if parent is None else parent._pending
        self.numbers: Iterator[int] = count() if parent is None else parent.numbers
        self._few: str | None = None if parent is None else parent.few

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
        ready = [self.ready(name) for name in inputs]
        number = next(self.numbers)
        names = [f"{operator.lower()}_{number}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, ready, names, **attributes))
        return names

    def delay(self, tensor: Pending) -> str:
        """Name a tensor that is computed only if a node takes it."""
        name = f"pending_{next(self.numbers)}"
        self._pending[name] = tensor
        return name

    def pending(self, name: str) -> Pending | None:
        """Return what a tensor is made of if it is pending."""
        tensor = self._pending.get(name)
        return None if isinstance(tensor, States) and name in self._computed else tensor

    def share(self, name: str) -> None:
        """Compute recurrent states now, since several layers will take the tensor."""
        tensor = self.pending(name)
        if isinstance(tensor, Scaled):
            self.share(tensor.x)
        elif isinstance(tensor, States):
            self.ready(name)

    @property
    def few(self) -> str:
        """Name the tensor that says whether the batch has at most `FEW` records."""
        if self._few is None:
            batch = self.add("Shape", IDS, start=0, end=1)
            small = self.add("LessOrEqual", batch, self.weight([FEW]))
            self._few = self.add("Squeeze", small)
        return self._few

    def choose(
        self,
        condition: str,
        yes: "Callable[[Graph], str]",
        no: "Callable[[Graph], str]",
        shape: Sequence[int | str],
    ) -> str:
        """Add both of two ways to compute a float tensor, of which a run takes one."""
        branches = {}
        for name, emit in (("then_branch", yes), ("else_branch", no)):
            graph = Graph(self)
            branches[name] = graph.body(name, [], [(graph.ready(emit(graph)), shape)])
        return self.add("If", condition, **branches)

    def body(
        self, name: str, inputs: Sequence[Any], outputs: Sequence[tuple[str, Sequence[int | str]]]
    ) -> onnx.GraphProto:
        """Close the graph as a part of its parent, with float outputs of these shapes."""
        made = [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape) for x, shape in outputs]
        return helper.make_graph(self._nodes, name, inputs, made)

    def model(self, output: str) -> onnx.ModelProto:
        """Close the graph at the tensor that holds the probabilities, float32 [batch, 1].

        The checked model takes int32 `ids` [batch, length] and gives `probability` [batch, 1].
        """
        nodes = [*self._nodes, helper.make_node("Identity", [self.ready(output)], [PROBABILITY])]
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

    def ready(self, name: str) -> str:
        """Compute a tensor if it is pending, once in each graph, and return its new name."""
        tensor = self._pending.get(name)
        if tensor is None:
            return name
        graph: Graph | None = self
        while graph is not None:
            if name in graph._computed:
                return graph._computed[name]
            graph = graph._parent
        if isinstance(tensor, Embedded):
            found = self.add("Gather", self.weight(tensor.table), tensor.ids, axis=0)
        elif isinstance(tensor, Planes):
            found = self.add("Transpose", tensor.x, perm=[0, 2, 3, 1])
            found = self.add("Squeeze", found, self.weight([1]))
        elif isinstance(tensor, States):
            found = tensor.all(self)
        else:
            scaled = self.add("Mul", tensor.x, self.weight(tensor.scale))
            found = self.add("Add", scaled, self.weight(tensor.shift))
        self._computed[name] = found
        return found
