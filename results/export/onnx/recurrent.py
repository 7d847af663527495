"""Keras's recurrent layers as ONNX's LSTM, GRU and RNN operators.

https://onnx.ai/onnx/operators/ orders an LSTM's gates i, o, f, c (Keras: i, f, c, o) and a GRU's
z, r, h (Keras: the same); `linear_before_reset` is Keras's `reset_after`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from results.export.onnx.graph import Graph, Weights, array, require

OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
GATES = {"LSTM": [0, 3, 1, 2], "GRU": [0, 1, 2], "SimpleRNN": [0]}
ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


@dataclass(frozen=True)
class _Direction:
    """One direction's part of an operator.

    Attributes:
        kernel: [gates * units, width].
        recurrent: [gates * units, units].
        bias: The input's and then the state's, [2 * gates * units].
        activations: Of the gates and the state, in the operator's order.
    """

    kernel: Weights
    recurrent: Weights
    bias: Weights
    activations: list[str]


def recurrent(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add an LSTM, GRU or SimpleRNN that reads forwards.

    Its input is [batch, steps, width], its output [batch, steps, units] with `return_sequences`
    and [batch, units] without.
    """
    require(not layer.go_backwards, layer, "its steps backwards")
    return _operator(graph, [layer], inputs[0], "forward")


def bidirectional(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add two recurrent layers that read both ways: the same shapes, with 2 * units."""
    both = [layer.forward_layer, layer.backward_layer]
    alike = layer.merge_mode == "concat" and len({(type(one), one.units) for one in both}) == 1
    require(alike and both[1].go_backwards, layer, "directions that are not one layer twice")
    return _operator(graph, both, inputs[0], "bidirectional")


def _operator(graph: Graph, layers: list[Any], x: str, direction: str) -> str:
    first = layers[0]
    kind = type(first).__name__
    parts = [_direction(layer, kind) for layer in layers]
    operands = [
        graph.weight(np.stack([getattr(part, name) for part in parts]))
        for name in ("kernel", "recurrent", "bias")
    ]
    attributes: dict[str, Any] = {
        "activations": [name for part in parts for name in part.activations],
        "direction": direction,
        "hidden_size": first.units,
    }
    if kind == "GRU":
        attributes["linear_before_reset"] = int(first.reset_after)
    steps_first = graph.add("Transpose", x, perm=[1, 0, 2])
    outputs = 3 if kind == "LSTM" else 2
    every, last, *_ = graph.add_multiple(
        outputs, OPERATORS[kind], steps_first, *operands, **attributes
    )
    width = len(layers) * first.units
    if first.return_sequences:  # [steps, directions, batch, units]
        y = graph.add("Transpose", every, perm=[2, 0, 1, 3])
        return graph.add("Reshape", y, graph.weight([0, 0, width]))
    y = graph.add("Transpose", last, perm=[1, 0, 2])  # from [directions, batch, units]
    return graph.add("Reshape", y, graph.weight([0, width]))


def _direction(layer: Any, kind: str) -> _Direction:
    require(kind in OPERATORS, layer, "no operator of its kind")
    require(not (layer.stateful or layer.return_state), layer, "a state that is kept")
    config = layer.get_config()
    names = [config["activation"]]
    if kind != "SimpleRNN":
        names = [config["recurrent_activation"], config["activation"]]
    if kind == "LSTM":
        names.append(config["activation"])
    require(all(name in ACTIVATIONS for name in names), layer, f"the activations {names}")
    cell = layer.cell
    bias = np.zeros((2, len(GATES[kind]) * layer.units), np.float32)
    if layer.use_bias:
        given = array(cell.bias)  # [2, width] for a GRU that resets after; [width] otherwise
        bias[: given.ndim] = given
    return _Direction(
        kernel=_reordered(array(cell.kernel), kind).T,
        recurrent=_reordered(array(cell.recurrent_kernel), kind).T,
        bias=_reordered(bias, kind).reshape(-1),
        activations=[ACTIVATIONS[name] for name in names],
    )


def _reordered(weights: Weights, kind: str) -> Weights:
    """Put the gates into ONNX's order along the last axis."""
    split = np.split(weights, len(GATES[kind]), axis=-1)
    return np.concatenate([split[gate] for gate in GATES[kind]], axis=-1)
