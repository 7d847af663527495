"""One run of a kernel over a chunk of rows, and the gradients it leaves.

Row r is at work from step `starts[r]` on, and rows are ordered by their start, so that at step t
the first `counts[t]` rows are. N is the sum of the counts; the block of row r at step t is
`offsets[t] + r`. `states` and `cells` [N + rows, H] hold what was there before each step and, in
their last blocks, after the last.
"""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from spaces.kernels.layer import Gradients, Spec, Weights
from spaces.kernels.memory import Array, Memory
from spaces.kernels.steps import weigh_recurrent


class Pass:
    """A chunk of rows that goes through a layer."""

    def __init__(
        self,
        spec: Spec,
        weights: Weights,
        x: Array,
        ids: Any,
        masks: Array,
        starts: Any,
        memory: Memory,
    ) -> None:
        """Make room.

        Args:
            spec: The layer.
            weights: Its weights.
            x: Inputs [rows, steps, E]; where ids are read, [rows, steps, 0].
            ids: Characters [rows, steps], int32; [rows, 0] where x is the input.
            masks: Dropout masks of the state [G, rows, H]; [0, rows, H] for none.
            starts: First step of each row, not falling, int64 [rows].
            memory: Lends what is needed, until `release`.
        """
        self.spec, self.weights, self.x, self.ids = spec, weights, x, ids
        self.masks, self.starts, self.memory = masks, starts, memory
        self.rows = rows = len(x)
        self.steps = steps = x.shape[1]
        width, units = spec.cell.gates * spec.units, spec.units
        self.counts = np.searchsorted(starts, np.arange(steps), side="right")
        self.offsets: npt.NDArray[np.int64] = np.concatenate(([0], np.cumsum(self.counts)))
        blocks = int(self.offsets[-1])
        take, lstm = memory.take, spec.kind == "LSTM"
        self.inputs = take(blocks, x.shape[2])
        self.gates = take(blocks if spec.kind != "SimpleRNN" else 0, width)
        self.inner = take(blocks if spec.kind == "GRU" else 0, units)
        self.states = take(blocks + rows, units)
        self.cells = take(blocks + rows if lstm else 0, units)
        self.out = take(rows if spec.sequences else 0, steps, units)
        self.recurrent = weights.by_gate(len(masks) or 1)

    def release(self) -> None:
        """Give the memory back; nothing of the pass may be used afterwards."""
        self.memory.give_back(
            self.inputs, self.gates, self.inner, self.states, self.cells, self.out
        )

    def begin(self, state: Array | float, cell: Array | float) -> None:
        """Set the state of each row before its first step, [rows, H]."""
        blocks = self.offsets[self.starts] + np.arange(self.rows)
        self.states[blocks] = state
        if len(self.cells):
            self.cells[blocks] = cell

    def forward(self, first: int = 0, last: int | None = None) -> None:
        """Run some steps, all of them unless told otherwise."""
        self.spec.cell.forward(
            self.x,
            self.ids,
            self.weights.inputs,
            self.weights.table,
            self.weights.bias,
            self.recurrent,
            self.weights.recurrent_bias,
            self.masks,
            self.spec.relu,
            self.spec.reverse,
            max(first, int(self.starts[0])),
            self.steps if last is None else last,
            self.counts,
            self.offsets,
            self.inputs,
            self.gates,
            self.inner,
            self.states,
            self.cells,
            self.out,
        )

    @property
    def final(self) -> Array:
        """The state after the last step, [rows, H]."""
        return self.states[-self.rows :]

    def backward(
        self, dout: Array, dcells: Array, dh: Array, dc: Array, dx: Array, gradients: Gradients
    ) -> None:
        """Go back through all steps; `gates` is lost.

        Args:
            dout: Gradient of the state after each step, [rows, steps, H], or [0, steps, H].
            dcells: The same of the cell state.
            dh: Gradient of the last state [rows, H]; becomes that of the first.
            dc: The same of the cell state.
            dx: Filled with the inputs' gradient [rows, steps, E].
            gradients: The weights' are added here.
        """
        dgates = self.of_gates()
        self.retrace(dout, dcells, dh, dc, dgates, dx, gradients.table)
        self.weigh(dgates, gradients)
        self.memory.give_back(dgates)

    def of_gates(self) -> Array:
        """Return room for the gradient of the gates, [N, G * H]; it is to be given back."""
        return self.memory.take(int(self.offsets[-1]), self.weights.inputs.shape[1])

    def retrace(
        self,
        dout: Array,
        dcells: Array,
        dh: Array,
        dc: Array,
        dgates: Array,
        dx: Array,
        dtable: Array,
    ) -> None:
        """Go back as `backward` does, and leave the weights for `weigh`.

        Args:
            dout: As there.
            dcells: As there.
            dh: As there.
            dc: As there.
            dgates: Filled with the gradient of the gates, [N, G * H].
            dx: As there.
            dtable: Where ids are read, their gradient is added here, [num_words, G * H].
        """
        self.spec.cell.backward(
            self.ids,
            self._inputs_t,
            self._recurrent_t,
            self.masks,
            self.spec.relu,
            self.spec.reverse,
            self.counts,
            self.offsets,
            self.gates,
            self.inner,
            self.states,
            self.cells,
            dout,
            dcells,
            dh,
            dc,
            dgates,
            dx,
            dtable,
        )

    def weigh(self, dgates: Array, gradients: Gradients) -> None:
        """Add the gradients of the weights that are products over all steps.

        Args:
            dgates: From `retrace`.
            gradients: The weights' are added here.
        """
        blocks = int(self.offsets[-1])
        of_inputs = self.gates if self.spec.kind == "GRU" else dgates
        if self.x.shape[2]:
            gradients.inputs += self.inputs.T @ of_inputs
            gradients.bias += of_inputs.sum(axis=0)
        part = np.empty_like(gradients.recurrent)
        weigh_recurrent(self.states[:blocks], dgates, self.masks, self.rows_of, part)
        gradients.recurrent += part
        if self.spec.kind == "GRU":
            gradients.recurrent_bias += dgates.sum(axis=0)

    @cached_property
    def _inputs_t(self) -> Array:
        return np.ascontiguousarray(self.weights.inputs.T)

    @cached_property
    def _recurrent_t(self) -> Array:
        return np.ascontiguousarray(self.recurrent.transpose(0, 2, 1))

    @property
    def rows_of(self) -> npt.NDArray[np.int64]:
        """The row of each block, [N]."""
        first = np.repeat(self.offsets[:-1], self.counts)
        return np.arange(len(first), dtype=np.int64) - first
