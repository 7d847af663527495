"""What the padding in front of records does to the state, computed once instead of at every row.

A layer that reads padding knows nothing of the record yet: without dropout its state is the same
in every row, so one row is computed for all. With dropout masks each row has its own state, yet
that comes to rest, usually within 100 steps: from there on a step moves it by less than float32
resolves, and its last bits only go to and fro.
"""

from dataclasses import replace

import numpy as np

from spaces.fast.passes import Array, Gradients, Pass, Spec, Weights

# A state is at rest where so many steps together moved it by less than two roundings of 1.0: what a
# single one adds is then an eighth of a rounding.
_LOOK_EVERY = 16
_ROUNDINGS = np.float32(2.0**-22)
# A gradient this much smaller than it was adds nothing to float32 sums.
_NEGLIGIBLE = np.float32(1e-9)


def _ids_pass(spec: Spec, weights: Weights, rows: int, steps: int, masks: Array) -> Pass:
    read = Pass(
        replace(spec, sequences=False),
        weights,
        np.empty((rows, steps, 0), np.float32),
        np.zeros((rows, steps), np.int32),
        masks,
        np.zeros(rows, np.int64),
    )
    read.begin(0.0, 0.0)
    return read


class SharedPadding:
    """The padding in front of rows without dropout masks: one row stands for all."""

    def __init__(self, spec: Spec, weights: Weights, steps: int) -> None:
        """Read `steps` ids of padding."""
        self.run = _ids_pass(spec, weights, 1, steps, np.empty((0, 1, spec.units), np.float32))
        self.run.forward()

    def states(self, starts: np.ndarray) -> tuple[Array, Array | float]:
        """Return state and cell state after so many steps of padding, [rows, H] each."""
        cells = self.run.cells
        return self.run.states[starts], cells[starts] if len(cells) else 0.0

    def backward(self, dstates: Array, dcells: Array, gradients: Gradients) -> None:
        """Go back.

        Args:
            dstates: Gradient of the state after each number of steps of padding, summed over the
                rows, [steps + 1, H].
            dcells: The same of the cell state.
            gradients: The weights' are added here.
        """
        none = np.zeros((1, dstates.shape[1]), np.float32)
        self.run.backward(
            np.ascontiguousarray(dstates[None, 1:]),
            np.ascontiguousarray(dcells[None, 1:]),
            none,
            none.copy(),
            self.run.x,
            gradients,
        )


class OwnPadding:
    """The padding in front of rows with dropout masks: computed until it rests."""

    def __init__(self, spec: Spec, weights: Weights, starts: np.ndarray, masks: Array) -> None:
        """Read padding until the states rest, or up to the last start.

        Args:
            spec: The layer.
            weights: Its weights.
            starts: Steps of padding of each row, not falling, int64 [rows].
            masks: Dropout masks of the state, [G, rows, H].
        """
        self.starts = starts
        self.run = _ids_pass(spec, weights, len(starts), int(starts[-1]), masks)
        self.rest = 0
        while self.rest < self.run.steps and not self._is_at_rest():
            last = min(self.rest + _LOOK_EVERY, self.run.steps)
            self.run.forward(self.rest, last)
            self.rest = last

    def _is_at_rest(self) -> bool:
        if self.rest < _LOOK_EVERY:
            return False
        rows = self.run.rows
        now, before = self.rest * rows, (self.rest - _LOOK_EVERY) * rows
        kept = (self.run.states, self.run.cells) if len(self.run.cells) else (self.run.states,)
        return all(
            np.allclose(a[now : now + rows], a[before : before + rows], _ROUNDINGS, _ROUNDINGS)
            for a in kept
        )

    def states(self) -> tuple[Array, Array | float]:
        """Return state and cell state of each row after its padding, [rows, H] each."""
        blocks = np.minimum(self.starts, self.rest) * self.run.rows + np.arange(self.run.rows)
        cells = self.run.cells
        return self.run.states[blocks], cells[blocks] if len(cells) else 0.0

    def backward(self, dh: Array, dc: Array, gradients: Gradients) -> None:
        """Go back.

        Args:
            dh: Gradient of the state of each row after its padding, [rows, H].
            dc: The same of the cell state.
            gradients: The weights' are added here.
        """
        if self.rest == 0:
            return
        dh, dc = self._through_rest(dh, dc, gradients)
        run, rest = self.run, self.rest
        late = self.starts < rest
        if not (late.any() or dh.any() or dc.any()):
            return
        dout = np.zeros((run.rows, rest, run.spec.units), np.float32)
        dcells = np.zeros_like(dout)
        inside = np.flatnonzero(late & (self.starts > 0))
        dout[inside, self.starts[inside] - 1] = dh[inside]
        dcells[inside, self.starts[inside] - 1] = dc[inside]
        dh[late] = dc[late] = 0.0
        self._part(0, rest).backward(dout, dcells, dh, dc, run.x[:, :rest], gradients)

    def _through_rest(self, dh: Array, dc: Array, gradients: Gradients) -> tuple[Array, Array]:
        """Go back through the steps at rest; each row leaves after its own number of them."""
        dh, dc = dh.copy(), dc.copy()
        steps = self.starts - self.rest
        at_rest = [np.where(steps[:, None] > 0, np.float32(0), d) for d in (dh, dc)]
        dh[steps <= 0] = dc[steps <= 0] = 0.0
        smallest = _NEGLIGIBLE * max(np.abs(dh).max(), np.abs(dc).max())
        part = self._part(self.rest - 1, self.rest)
        gates, none = part.gates.copy(), np.empty((0, 1, dh.shape[1]), np.float32)
        dgates, total = np.empty_like(gates), np.zeros_like(gates)
        for step in range(1, int(steps[-1]) + 1):
            if not max(np.abs(dh).max(), np.abs(dc).max()) > smallest:
                break
            part.gates[:] = gates
            part.retrace(none, none, dh, dc, dgates, part.x, gradients.inputs)
            total += dgates
            for row in np.flatnonzero(steps == step):
                for kept, now in zip(at_rest, (dh, dc), strict=True):
                    if np.abs(now[row]).max() > smallest:
                        kept[row] = now[row]
                    now[row] = 0.0
        # The state is the same at each of these steps, so their products are summed beforehand.
        part.weigh(total, gradients)
        return at_rest[0], at_rest[1]

    def _part(self, first: int, last: int) -> Pass:
        """Return some of the steps as a pass of their own, which going back may spoil."""
        run, rows = self.run, self.run.rows
        part = _ids_pass(run.spec, run.weights, rows, last - first, run.masks)
        blocks = slice(first * rows, last * rows)
        part.gates[:] = run.gates[blocks]
        part.inner[:] = run.inner[blocks]
        for mine, all_of in ((part.states, run.states), (part.cells, run.cells)):
            mine[:] = all_of[first * rows : (last + 1) * rows]
        return part
