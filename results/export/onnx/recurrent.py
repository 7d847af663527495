"""Keras's recurrent layers, for few records as ONNX's operators, for many as a loop over the steps.

ONNX Runtime's LSTM, GRU and RNN compute one record in the shortest time, but most of it goes into
gates that they take one number at a time. A Scan computes the gates of all records at once, and
reads what an id adds to them from a table: a batch takes half as long.

https://onnx.ai/onnx/operators/ orders an LSTM's gates i, o, f, c (Keras: i, f, c, o) and a GRU's
z, r, h (Keras: the same); `linear_before_reset` is Keras's `reset_after`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from onnx import TensorProto, helper

from results.export.onnx.graph import IDS, Embedded, Graph, Scaled, States, Weights, array, require

OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}
GATES = {"LSTM": [0, 3, 1, 2], "GRU": [0, 1, 2], "SimpleRNN": [0]}
# What is computed of the states: those at all steps, at the last, or the greatest of each.
_Which = Literal["all", "last", "greatest"]

ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


@dataclass(frozen=True)
class _Direction:
    """One direction's weights, the gates in ONNX's order."""

    kind: str
    units: int
    kernel: Weights  # [width, gates * units]
    recurrent: Weights  # [units, gates * units]
    bias: Weights  # the input's and the state's, [2, gates * units]
    activations: list[str]  # of the gates and the state, in the operator's order
    reset_after: bool  # whether a GRU's reset gate acts on what the recurrent kernel gave


def recurrent(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add an LSTM, GRU or SimpleRNN that reads forwards.

    Its input is [batch, steps, width], its output [batch, steps, units] with `return_sequences`
    and [batch, units] without.
    """
    require(not layer.go_backwards, layer, "its steps backwards")
    return _layer(graph, [layer], inputs[0])


def bidirectional(graph: Graph, layer: Any, inputs: list[str]) -> str:
    """Add two recurrent layers that read both ways: the same shapes, with 2 * units."""
    both = [layer.forward_layer, layer.backward_layer]
    alike = layer.merge_mode == "concat" and len({(type(one), one.units) for one in both}) == 1
    require(alike and both[1].go_backwards, layer, "directions that are not one layer twice")
    return _layer(graph, both, inputs[0])


def _layer(graph: Graph, layers: list[Any], x: str) -> str:
    parts = [_direction(layer) for layer in layers]
    pending = graph.pending(x)
    if isinstance(pending, Scaled):
        parts = [_of_unscaled(part, pending) for part in parts]
        x = pending.x
    if not isinstance(graph.pending(x), Embedded):
        x = graph.ready(x)  # Here, since each of the branches would compute it.
    if not layers[0].return_sequences:
        return _compute(graph, parts, x, "last")
    return graph.delay(
        States(
            all=lambda taker: taker.add(
                "Transpose", _compute(taker, parts, x, "all"), perm=[1, 0, 2]
            ),
            greatest=lambda taker: _compute(taker, parts, x, "greatest"),
        )
    )


def _compute(graph: Graph, parts: list[_Direction], x: str, which: _Which) -> str:
    """Add both ways to compute states: [steps, batch, width] for all, [batch, width] else."""
    width = sum(part.units for part in parts)
    return graph.choose(
        graph.few,
        lambda inner: _operator(inner, parts, x, which),
        lambda inner: _loop(inner, parts, x, which),
        ["steps", "batch", width] if which == "all" else ["batch", width],
    )


def _operator(graph: Graph, parts: list[_Direction], x: str, which: _Which) -> str:
    """Add one operator for all steps and directions."""
    first = parts[0]
    operands = [
        np.stack([part.kernel.T for part in parts]),
        np.stack([part.recurrent.T for part in parts]),
        np.stack([part.bias.reshape(-1) for part in parts]),
    ]
    attributes: dict[str, Any] = {
        "activations": [name for part in parts for name in part.activations],
        "direction": "forward" if len(parts) == 1 else "bidirectional",
        "hidden_size": first.units,
    }
    if first.kind == "GRU":
        attributes["linear_before_reset"] = int(first.reset_after)
    steps_first = graph.add("Transpose", x, perm=[1, 0, 2])
    every, last, *_ = graph.add_multiple(
        3 if first.kind == "LSTM" else 2,
        OPERATORS[first.kind],
        steps_first,
        *map(graph.weight, operands),
        **attributes,
    )
    width = len(parts) * first.units
    if which == "all":  # [steps, directions, batch, units]
        y = graph.add("Transpose", every, perm=[0, 2, 1, 3])
        return graph.add("Reshape", y, graph.weight([0, 0, width]))
    if which == "greatest":
        last = graph.add("ReduceMax", every, axes=[0], keepdims=0)
    y = graph.add("Transpose", last, perm=[1, 0, 2])  # from [directions, batch, units]
    return graph.add("Reshape", y, graph.weight([0, width]))


def _loop(graph: Graph, parts: list[_Direction], x: str, which: _Which) -> str:
    """Add a loop over the steps for each direction."""
    pending = graph.pending(x)
    embedded = pending if isinstance(pending, Embedded) else None
    if embedded:
        steps = graph.add("Transpose", embedded.ids, perm=[1, 0])
    else:
        steps = graph.add("Transpose", x, perm=[1, 0, 2])
    batch = graph.add("Shape", IDS, start=0, end=1)
    shape = graph.add("Concat", batch, graph.weight([parts[0].units]), axis=0)
    zeros = graph.add("ConstantOfShape", shape)
    found = []
    for backward, part in enumerate(parts):
        states = [zeros] * (2 if part.kind == "LSTM" else 1)
        if which == "greatest":
            lowest = helper.make_tensor("lowest", TensorProto.FLOAT, [1], [-np.inf])
            states.append(graph.add("ConstantOfShape", shape, value=lowest))
        body = _body(graph, part, embedded, which)
        made = graph.add_multiple(
            len(states) + (which == "all"),
            "Scan",
            *states,
            steps,
            body=body,
            num_scan_inputs=1,
            scan_input_directions=[backward],
            **({"scan_output_directions": [backward]} if which == "all" else {}),
        )
        found.append(made[0] if which == "last" else made[-1])
    return found[0] if len(found) == 1 else graph.add("Concat", *found, axis=-1)


def _body(graph: Graph, part: _Direction, embedded: Embedded | None, which: _Which) -> Any:
    """Make one step: the states and a step's input in, the states and perhaps the output out.

    The greatest of a state that has been is a state too, the last one.
    """
    inner = Graph(graph)
    units = part.units
    names = [f"{name}_{next(inner.numbers)}" for name in ("state", "cell")]
    states = names[: 2 if part.kind == "LSTM" else 1]
    step = f"step_{next(inner.numbers)}"
    shape: list[int | str] = ["batch", units]
    before = [*states, "greatest"] if which == "greatest" else states
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in before]
    if embedded:
        inputs.append(helper.make_tensor_value_info(step, TensorProto.INT32, ["batch"]))
    else:
        width = len(part.kernel)
        inputs.append(helper.make_tensor_value_info(step, TensorProto.FLOAT, ["batch", width]))
    made = _STEPS[part.kind](_Step(inner, part, embedded, step), *states)
    if which == "all":
        made.append(inner.add("Identity", made[0]))
    if which == "greatest":
        made.append(inner.add("Max", "greatest", made[0]))
    return inner.body("step", inputs, [(name, shape) for name in made])


@dataclass(frozen=True)
class _Step:
    """What a step of one direction adds to a loop's body."""

    graph: Graph  # the body
    part: _Direction
    embedded: Embedded | None  # where vectors come from, if ids are read
    x: str  # the step's ids [batch], or vectors [batch, width]

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.graph.add(operator, *inputs, **attributes)

    def gates(self, first: int, last: int) -> slice:
        return slice(first * self.part.units, last * self.part.units)

    def of_input(self, first: int, last: int, bias: Weights) -> str:
        """Add what the input gives to some gates, [batch, gates * units]."""
        kernel = self.part.kernel[:, self.gates(first, last)]
        if self.embedded:  # one row for each id
            table = self.graph.weight(self.embedded.table @ kernel + bias)
            return self.add("Gather", table, self.x, axis=0)
        return self.add("Gemm", self.x, self.graph.weight(kernel), self.graph.weight(bias))

    def of_both(self, state: str, first: int, last: int) -> str:
        """Add what input and state give to some gates, [batch, gates * units]."""
        gates = self.gates(first, last)
        given = self.of_input(first, last, self.part.bias[:, gates].sum(axis=0))
        kernel = self.graph.weight(self.part.recurrent[:, gates])
        return self.add("Add", self.add("MatMul", state, kernel), given)

    def split(self, gates: str, count: int) -> list[str]:
        sizes = self.graph.weight([self.part.units] * count)
        return self.graph.add_multiple(count, "Split", gates, sizes, axis=1)


def _rnn_step(step: _Step, state: str) -> list[str]:
    return [step.add(step.part.activations[0], step.of_both(state, 0, 1))]


def _gru_step(step: _Step, state: str) -> list[str]:
    part, gate, activation = step.part, *step.part.activations
    update, reset = step.split(step.add(gate, step.of_both(state, 0, 2)), 2)
    last = step.gates(2, 3)
    kernel, bias = step.graph.weight(part.recurrent[:, last]), part.bias[:, last]
    if part.reset_after:
        given = step.of_input(2, 3, bias[0])
        own = step.add("Gemm", state, kernel, step.graph.weight(bias[1]))
        own = step.add("Mul", reset, own)
    else:
        given = step.of_input(2, 3, bias.sum(axis=0))
        own = step.add("MatMul", step.add("Mul", reset, state), kernel)
    new = step.add(activation, step.add("Add", own, given))
    kept = step.add("Mul", update, step.add("Sub", state, new))
    return [step.add("Add", new, kept)]


def _lstm_step(step: _Step, state: str, cell: str) -> list[str]:
    gate, activation, of_cell = step.part.activations
    add, output, forget = step.split(step.add(gate, step.of_both(state, 0, 3)), 3)
    new = step.add(activation, step.of_both(state, 3, 4))
    cell = step.add("Add", step.add("Mul", forget, cell), step.add("Mul", add, new))
    return [step.add("Mul", output, step.add(of_cell, cell)), cell]


_STEPS: dict[str, Callable[..., list[str]]] = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "SimpleRNN": _rnn_step,
}


def _direction(layer: Any) -> _Direction:
    kind = type(layer).__name__
    require(kind in OPERATORS, layer, "no operator of its kind")
    require(not (layer.stateful or layer.return_state), layer, "a state that is kept")
    config = layer.get_config()
    names = [config["activation"]]
    if kind != "SimpleRNN":
        names = [config["recurrent_activation"], config["activation"]]
    if kind == "LSTM":
        names.append(config["activation"])
    known = all(isinstance(name, str) and name in ACTIVATIONS for name in names)
    require(known, layer, f"the activations {names}")
    cell = layer.cell
    bias = np.zeros((2, len(GATES[kind]) * layer.units), np.float32)
    if layer.use_bias:
        given = array(cell.bias)  # [2, width] for a GRU that resets after; [width] otherwise
        bias[: given.ndim] = given
    return _Direction(
        kind=kind,
        units=layer.units,
        kernel=_reordered(array(cell.kernel), kind),
        recurrent=_reordered(array(cell.recurrent_kernel), kind),
        bias=_reordered(bias, kind),
        activations=[ACTIVATIONS[name] for name in names],
        reset_after=getattr(layer, "reset_after", False),
    )


def _reordered(weights: Weights, kind: str) -> Weights:
    """Put the gates into ONNX's order along the last axis."""
    split = np.split(weights, len(GATES[kind]), axis=-1)
    return np.concatenate([split[gate] for gate in GATES[kind]], axis=-1)


def _of_unscaled(part: _Direction, scaled: Scaled) -> _Direction:
    """Make a scale and a shift of the inputs part of the weights."""
    bias = part.bias.copy()
    bias[0] += scaled.shift @ part.kernel
    return replace(part, kernel=scaled.scale[:, None] * part.kernel, bias=bias)
