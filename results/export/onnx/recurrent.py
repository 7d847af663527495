"""Keras's recurrent layers as ONNX's LSTM, GRU and RNN operators.

https://onnx.ai/onnx/operators/ orders an LSTM's gates i, o, f, c (Keras: i, f, c, o) and a GRU's
z, r, h (Keras: the same); `linear_before_reset` is Keras's `reset_after`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from results.export.onnx.graph import Graph, array, require

Weights = npt.NDArray[np.float32]

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
        activations: Of the gates and the state, as the operator lists them.
    """

    kernel: Weights
    recurrent: Weights
    bias: Weights
    activations: list[str]


def recurrent(graph: Graph, layer: Any, x: str) -> str:
    """Add a recurrent layer that reads forwards.

    Args:
        graph: The graph.
        layer: A Keras LSTM, GRU or SimpleRNN.
        x: Its input, [batch, steps, width].

    Returns:
        Its output, [batch, steps, units], or [batch, units] without `return_sequences`.

    Raises:
        Unsupported: If a setting of the layer has no translation.
    """
    require(not layer.go_backwards, layer, "its steps backwards")
    return _operator(graph, [layer], x, "forward")


def bidirectional(graph: Graph, layer: Any, x: str) -> str:
    """Add two recurrent layers that read both ways side by side.

    Args:
        graph: The graph.
        layer: A Keras Bidirectional.
        x: Its input, [batch, steps, width].

    Returns:
        Its output, [batch, steps, 2 * units], or [batch, 2 * units] without `return_sequences`.

    Raises:
        Unsupported: If a setting of the layer has no translation.
    """
    both = [layer.forward_layer, layer.backward_layer]
    alike = layer.merge_mode == "concat" and len({type(one) for one in both}) == 1
    require(alike and both[1].go_backwards, layer, "directions that are not one layer twice")
    require(both[0].units == both[1].units, layer, "directions that are not one layer twice")
    return _operator(graph, both, x, "bidirectional")


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
    every, last, *_ = graph.add(
        OPERATORS[kind],
        steps_first,
        *operands,
        outputs=3 if kind == "LSTM" else 2,
        **attributes,
    )
    width = len(layers) * first.units
    if first.return_sequences:  # [steps, directions, batch, units]
        y = graph.add("Transpose", every, perm=[2, 0, 1, 3])
        return str(graph.add("Reshape", y, graph.weight([0, 0, width])))
    y = graph.add("Transpose", last, perm=[1, 0, 2])  # from [directions, batch, units]
    return str(graph.add("Reshape", y, graph.weight([0, width])))


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
    gates, width = len(GATES[kind]), len(GATES[kind]) * layer.units
    bias = np.zeros((2, width), np.float32)
    if layer.use_bias:
        given = array(cell.bias)  # [2, width] for a GRU that resets after; [width] otherwise
        bias[: given.ndim] = given
    return _Direction(
        kernel=_reordered(array(cell.kernel), kind, gates).T,
        recurrent=_reordered(array(cell.recurrent_kernel), kind, gates).T,
        bias=_reordered(bias, kind, gates).reshape(-1),
        activations=[ACTIVATIONS[name] for name in names],
    )


def _reordered(weights: Weights, kind: str, gates: int) -> Weights:
    """Put the gates into ONNX's order along the last axis."""
    split = np.split(weights, gates, axis=-1)
    return np.concatenate([split[gate] for gate in GATES[kind]], axis=-1)
