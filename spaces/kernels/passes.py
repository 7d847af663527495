"""A recurrent layer as its kernels see it, and one run of its kernels over a chunk of rows.

Row r is at work from step `starts[r]` on, and rows are ordered by their start, so that at step t
the first `counts[t]` rows are. N is the sum of the counts; the block of row r at step t is
`offsets[t] + r`. `states` and `cells` [N + rows, H] hold what was there before each step and, in
their last blocks, after the last. `spaces.kernels.compiled` describes the other arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from spaces.kernels import compiled
from spaces.kernels.resources import Array, ArrayPool

# Values of the gates' gradient between two products: half a MiB, which a core's second cache holds.
_CACHED = 2**17


@dataclass(frozen=True)
class CellKernels:
    """A kind of recurrent layer: its number of gates, G, and its kernels."""

    gates: int
    forward: Callable[..., None]
    backward: Callable[..., None]


CELLS = {
    "SimpleRNN": CellKernels(1, compiled.rnn_forward, compiled.rnn_backward),
    "GRU": CellKernels(3, compiled.gru_forward, compiled.gru_backward),
    "LSTM": CellKernels(4, compiled.lstm_forward, compiled.lstm_backward),
}


@dataclass(frozen=True)
class LayerSpec:
    """What a layer computes."""

    kind: str  # "SimpleRNN", "GRU" or "LSTM"
    units: int  # units, H
    relu: bool  # whether the activation is relu; else tanh
    sequences: bool  # whether the state after every step is returned
    reverse: bool  # whether the inputs are read from their end

    @property
    def cell(self) -> CellKernels:
        """Its kernels."""
        return CELLS[self.kind]


@dataclass(frozen=True)
class Weights:
    """A layer's weights."""

    inputs: Array  # input kernel [E, G * H]
    bias: Array  # [G * H]
    recurrent: Array  # recurrent kernel [H, G * H]
    recurrent_bias: Array  # [G * H]
    embeddings: Array  # if ids are read, the vector of each, [num_words, E]; else [0, E]

    @cached_property
    def table(self) -> Array:
        """What each id adds to the gates, [num_words, G * H]."""
        return np.asarray(self.embeddings @ self.inputs + self.bias, np.float32)

    def by_gate(self, gates: int) -> Array:
        """Return the recurrent kernel as `gates` matrices, [gates, H, width]."""
        return np.ascontiguousarray(np.stack(np.split(self.recurrent, gates, axis=1)))


@dataclass
class Gradients:
    """Gradients of `Weights`, summed over passes; those of the embeddings are the inputs'."""

    inputs: Array
    bias: Array
    recurrent: Array
    recurrent_bias: Array
    table: Array

    @classmethod
    def zeros(cls, weights: Weights) -> "Gradients":
        """Return gradients of zero."""
        return cls(*(np.zeros_like(getattr(weights, name)) for name in cls.__annotations__))

    def of_weights(self, weights: Weights) -> tuple[Array, Array, Array, Array]:
        """Return the gradients in the weights' order, the table's share included."""
        inputs = self.inputs + weights.embeddings.T @ self.table
        return inputs, self.bias + self.table.sum(axis=0), self.recurrent, self.recurrent_bias

    def add(self, other: "Gradients") -> None:
        """Add another chunk's."""
        for name in self.__annotations__:
            getattr(self, name)[...] += getattr(other, name)


class Pass:
    """A chunk of rows that goes through a layer."""

    def __init__(
        self,
        spec: LayerSpec,
        weights: Weights,
        x: Array,
        ids: Any,
        masks: Array,
        starts: Any,
        pool: ArrayPool,
    ) -> None:
        """Acquire arrays, until `release`; x is [rows, steps, 0] if ids are read."""
        self.spec, self.weights, self.x, self.ids = spec, weights, x, ids
        self.masks, self.starts, self.pool = masks, starts, pool
        self.rows = rows = len(x)
        self.steps = steps = x.shape[1]
        width, units = spec.cell.gates * spec.units, spec.units
        self.counts = np.searchsorted(starts, np.arange(steps), side="right")
        self.offsets: npt.NDArray[np.int64] = np.concatenate(([0], np.cumsum(self.counts)))
        blocks = int(self.offsets[-1])
        lstm = spec.kind == "LSTM"
        self.inputs = pool.acquire(blocks, x.shape[2])
        self.gates = pool.acquire(blocks if spec.kind != "SimpleRNN" else 0, width)
        self.inner = pool.acquire(blocks if spec.kind == "GRU" else 0, units)
        self.states = pool.acquire(blocks + rows, units)
        self.cells = pool.acquire(blocks + rows if lstm else 0, units)
        self.out = pool.acquire(rows if spec.sequences else 0, steps, units)
        self.recurrent = weights.by_gate(len(masks) or 1)

    def release(self) -> None:
        """Release the arrays; nothing of the pass may be used afterwards."""
        self.pool.release(self.inputs, self.gates, self.inner, self.states, self.cells, self.out)

    def begin(self, state: Array | float, cell: Array | float) -> None:
        """Set the state of each row before its first step, [rows, H]."""
        blocks = self.offsets[self.starts] + np.arange(self.rows)
        self.states[blocks] = state
        if len(self.cells):
            self.cells[blocks] = cell

    def forward(self, first: int = 0, last: int | None = None) -> None:
        """Run some steps, by default all of them."""
        weights, spec = self.weights, self.spec
        spec.cell.forward(
            self.x, self.ids, weights.inputs, weights.table, weights.bias, self.recurrent,
            weights.recurrent_bias, self.masks, spec.relu, spec.reverse,
            max(first, int(self.starts[0])), self.steps if last is None else last,
            self.counts, self.offsets, self.inputs, self.gates, self.inner, self.states,
            self.cells, self.out,
        )  # fmt: skip

    @property
    def final(self) -> Array:
        """The state after the last step, [rows, H]."""
        return self.states[-self.rows :]

    def backward(
        self, dout: Array, dcells: Array, dh: Array, dc: Array, dx: Array, gradients: Gradients
    ) -> None:
        """Go back through all steps, and add the weights' gradients; `gates` is overwritten."""
        together = max(_CACHED // (self.rows * self.weights.inputs.shape[1]), 1)
        dgates = self.acquire_dgates(together)
        for last in range(self.steps, int(self.starts[0]), -together):
            first = max(last - together, 0)
            self.retrace(dout, dcells, dh, dc, dgates, dx, gradients.table, first, last)
            self.weigh(dgates, gradients, first, last)
        self.pool.release(dgates)

    def acquire_dgates(self, steps: int) -> Array:
        """Acquire room for the gradient of the gates of so many steps, [rows * steps, G * H]."""
        return self.pool.acquire(self.rows * steps, self.weights.inputs.shape[1])

    def retrace(
        self, dout: Array, dcells: Array, dh: Array, dc: Array, dgates: Array, dx: Array,
        dtable: Array, first: int = 0, last: int | None = None,
    ) -> None:  # fmt: skip
        """Go back through some steps, by default all, and leave the weights' gradients for `weigh`.

        Args:
            dout: Gradient of the state after each step, [rows, steps, H], or [0, steps, H].
            dcells: The same of the cell state.
            dh: Gradient of the last state [rows, H]; becomes that of the first.
            dc: The same of the cell state.
            dgates: Filled with the gradient of these steps' gates, [N, G * H].
            dx: Filled with the inputs' gradient [rows, steps, E].
            dtable: If ids are read, their gradient is added here, [num_words, G * H].
            first: The first of the steps.
            last: The step after them.
        """
        self.spec.cell.backward(
            self.ids, self._inputs_t, self._recurrent_t, self.masks, self.spec.relu,
            self.spec.reverse, first, self.steps if last is None else last, self.counts,
            self.offsets, self.gates, self.inner, self.states, self.cells, dout, dcells, dh, dc,
            dgates, dx, dtable,
        )  # fmt: skip

    def weigh(
        self, dgates: Array, gradients: Gradients, first: int = 0, last: int | None = None
    ) -> None:
        """Add the gradients of the weights that are products over some steps, by default all."""
        begin, end = self.offsets[first], self.offsets[self.steps if last is None else last]
        dgates = dgates[: end - begin]
        of_inputs = self.gates[begin:end] if self.spec.kind == "GRU" else dgates
        if self.x.shape[2]:
            gradients.inputs += self.inputs[begin:end].T @ of_inputs
            gradients.bias += of_inputs.sum(axis=0)
        part = np.empty_like(gradients.recurrent)
        states, rows_of = self.states[begin:end], self.rows_of[begin:end]
        compiled.weigh_recurrent(states, dgates, self.masks, rows_of, part)
        gradients.recurrent += part
        if self.spec.kind == "GRU":
            gradients.recurrent_bias += dgates.sum(axis=0)

    @cached_property
    def _inputs_t(self) -> Array:
        return np.ascontiguousarray(self.weights.inputs.T)

    @cached_property
    def _recurrent_t(self) -> Array:
        return np.ascontiguousarray(self.recurrent.transpose(0, 2, 1))

    @cached_property
    def rows_of(self) -> npt.NDArray[np.int64]:
        """The row of each block, [N]."""
        first = np.repeat(self.offsets[:-1], self.counts)
        return np.arange(len(first), dtype=np.int64) - first
