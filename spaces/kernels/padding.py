"""What the padding in front of records does to the state, without a step for each of it.

A layer that reads padding knows nothing of the record yet: without dropout its state is the same
in every row, so one row is computed for all. With dropout masks each row has its own. Either comes
to rest, usually within some hundred steps: from there on a step moves it by less than float32
resolves. On the way back every row has a gradient of its own, which fades; the padding before that
is not read again.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spaces.kernels.layer import Gradients, Spec, Weights
from spaces.kernels.memory import Array, Memory
from spaces.kernels.passes import Pass

Starts = npt.NDArray[np.int64]

# A state is at rest where so many steps together moved it by less than two roundings of 1.0: what a
# single one adds is then an eighth of a rounding.
_LOOK_EVERY = 16
_ROUNDINGS = np.float32(2.0**-22)
# A gradient this much smaller than it was adds nothing to float32 sums.
_NEGLIGIBLE = np.float32(1e-9)
# Steps that are gone back through at once; their gates are in memory for every row.
_BLOCK = 64


class Padding:
    """The padding in front of a chunk's rows."""

    def __init__(
        self, spec: Spec, weights: Weights, starts: Starts, masks: Array, memory: Memory
    ) -> None:
        """Read padding until the state rests, or up to the last start.

        Args:
            spec: The layer.
            weights: Its weights.
            starts: Steps of padding of each row, not falling, int64 [rows].
            masks: Dropout masks of the state [G, rows, H]; G = 0 for none.
            memory: Lends what is needed, until `release`.
        """
        self.spec, self.weights, self.starts, self.masks = spec, weights, starts, masks
        self.memory = memory
        # Rows that are computed: one for all, or each.
        self.width = len(starts) if len(masks) else 1
        self.run = self._pass(self.width, int(starts[-1]), masks[:, : self.width])
        self.rest = 0
        while self.rest < self.run.steps and not self._is_at_rest():
            last = min(self.rest + _LOOK_EVERY, self.run.steps)
            self.run.forward(self.rest, last)
            self.rest = last

    def _pass(self, rows: int, steps: int, masks: Array) -> Pass:
        read = Pass(
            replace(self.spec, sequences=False),
            self.weights,
            np.empty((rows, steps, 0), np.float32),
            np.zeros((rows, steps), np.int32),
            np.ascontiguousarray(masks),
            np.zeros(rows, np.int64),
            self.memory,
        )
        read.begin(0.0, 0.0)
        return read

    def release(self) -> None:
        """Give the memory back; nothing of the padding may be used afterwards."""
        self.run.release()

    def _is_at_rest(self) -> bool:
        if self.rest < _LOOK_EVERY or self.spec.sequences:
            return False
        now = self.rest * self.width
        # Against the step before as well: a state that swings comes back to where it was.
        befores = [now - steps * self.width for steps in (1, _LOOK_EVERY)]
        kept = (self.run.states, self.run.cells) if len(self.run.cells) else (self.run.states,)
        return all(
            np.allclose(
                a[now : now + self.width], a[before : before + self.width], _ROUNDINGS, _ROUNDINGS
            )
            for a in kept
            for before in befores
        )

    def states(self) -> tuple[Array, Array | float]:
        """Return state and cell state of each row after its padding, [rows, H] each."""
        blocks = np.minimum(self.starts, self.rest) * self.width
        if self.width > 1:
            blocks += np.arange(self.width)
        cells = self.run.cells
        return self.run.states[blocks], cells[blocks] if len(cells) else 0.0

    def backward(self, dout: Array, dh: Array, dc: Array, dx: Array, gradients: Gradients) -> None:
        """Go back.

        Args:
            dout: Gradient of the state after each step, [rows, steps, H], or [0, steps, H].
            dh: Gradient of the state of each row after its padding, [rows, H].
            dc: The same of the cell state.
            dx: The inputs' gradient is added here, [rows, steps, E].
            gradients: The weights' are added here.
        """
        smallest = _NEGLIGIBLE * max(np.abs(dh).max(), np.abs(dc).max(), np.float32(1e-30))
        late = self.starts <= self.rest
        entering = [np.where(late[:, None], d, np.float32(0)) for d in (dh, dc)]
        if not late.all():
            left = [np.where(late[:, None], np.float32(0), d) for d in (dh, dc)]
            resting = self._through_rest(left[0], left[1], smallest, dx, gradients)
        else:
            resting = [np.zeros_like(dh), np.zeros_like(dc)]
        entries = np.where(late, self.starts, -1)
        for last in range(self.rest, 0, -_BLOCK):
            first = max(last - _BLOCK, 0)
            over = not dout.shape[0] and not (entries > 0).any()
            if over and not max(np.abs(d).max() for d in resting) > smallest:
                break
            shape = (len(dh), last - first, dh.shape[1])
            injected = [np.zeros(shape, np.float32), np.zeros(shape, np.float32)]
            rows = np.flatnonzero((entries > first) & (entries <= last))
            for into, come in zip(injected, entering, strict=True):
                into[rows, entries[rows] - 1 - first] = come[rows]
            entries[rows] = -1
            if dout.shape[0]:
                before = np.arange(first, last)[None] < self.starts[:, None]
                injected[0] += dout[:, first:last] * before[..., None]
            part = self._part(first, last)
            of_block = np.zeros((len(dx), last - first, dx.shape[2]), np.float32)
            dgates = part.of_gates()
            part.retrace(
                injected[0], injected[1], resting[0], resting[1], dgates, of_block, gradients.table
            )
            self._weigh(part, dgates, first, last, gradients)
            self.memory.give_back(dgates)
            part.release()
            dx[:, first:last] += of_block

    def _through_rest(
        self, dh: Array, dc: Array, smallest: np.float32, dx: Array, gradients: Gradients
    ) -> list[Array]:
        """Go back through the steps at rest; each row leaves after its own number of them."""
        steps = self.starts - self.rest
        resting = [np.zeros_like(dh), np.zeros_like(dc)]
        part = self._part(self.rest - 1, self.rest)
        gates, none = part.gates.copy(), np.empty((0, 1, dh.shape[1]), np.float32)
        dgates, total = part.of_gates(), part.of_gates()
        total[:] = 0.0
        # Only a GRU's gradient of the inputs differs from that of the state.
        total_inputs = np.zeros_like(gates) if self.spec.kind == "GRU" else gates[:0]
        of_step = np.zeros((len(dx), 1, dx.shape[2]), np.float32)
        rows = np.arange(len(steps))
        for step in range(1, int(steps[-1]) + 1):
            if not max(np.abs(dh).max(), np.abs(dc).max()) > smallest:
                break
            part.gates[:] = gates
            part.retrace(none, none, dh, dc, dgates, of_step, gradients.table)
            total += dgates
            if len(total_inputs):
                total_inputs += part.gates
            active = rows[steps >= step]
            dx[active, self.starts[active] - step] = of_step[active, 0]
            for row in np.flatnonzero(steps == step):
                for kept, now in zip(resting, (dh, dc), strict=True):
                    kept[row] = now[row]
                    now[row] = 0.0
        # The state is the same at each of these steps, so their products are summed beforehand.
        if len(total_inputs):
            part.gates[:] = total_inputs
        part.weigh(total, gradients)
        self.memory.give_back(dgates, total)
        part.release()
        return resting

    def _weigh(
        self, part: Pass, dgates: Array, first: int, last: int, gradients: Gradients
    ) -> None:
        """Add the weights' gradients of some of the steps."""
        if self.width > 1:
            part.weigh(dgates, gradients)
            return
        # The rows' states are the same, so their gradients are summed before the product.
        alone = self._part(first, last, rows=1)
        alone.weigh(dgates.reshape(last - first, part.rows, -1).sum(axis=1), gradients)
        alone.release()

    def _part(self, first: int, last: int, rows: int | None = None) -> Pass:
        """Return some of the steps as a pass of so many rows, which going back may spoil."""
        rows, width = rows or len(self.starts), self.width
        part = self._pass(rows, last - first, self.masks[:, :rows])
        for mine, run, extra in (
            (part.gates, self.run.gates, 0),
            (part.inner, self.run.inner, 0),
            (part.states, self.run.states, 1),
            (part.cells, self.run.cells, 1),
        ):
            if len(mine):
                found = run[first * width : (last + extra) * width]
                shape = (last - first + extra, rows, found.shape[1])
                mine.reshape(shape)[:] = found.reshape(len(found) // width, width, -1)
        return part
