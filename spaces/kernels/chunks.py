"""A chunk of rows through one layer, with the padding in front of them, and back.

A layer that reads padding knows nothing of the record yet: without dropout its state is the same
in every row, so one row is computed for all. With dropout masks each row has its own. Either comes
to rest, usually within some hundred steps: from there on a step moves it by less than float32
resolves. On the way back every row has a gradient of its own, which fades; the padding before that
is not read again.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spaces.kernels.passes import Gradients, LayerSpec, Pass, Weights
from spaces.kernels.resources import Array, ArrayPool

Starts = npt.NDArray[np.int64]

# A state is at rest if this many steps together moved it by less than two roundings of 1.0: what a
# single one adds is then an eighth of a rounding.
_LOOK_EVERY = 16
_ROUNDINGS = np.float32(2.0**-22)
# A gradient this much smaller than it was adds nothing to float32 sums.
_NEGLIGIBLE = np.float32(1e-9)
# Steps that the way back takes at once; their gates are in memory for every row.
_BLOCK = 64
# Steps of padding below which a state has hardly come to rest.
_WORTH_RESTING = 128


class Chunk:
    """Rows that one thread computes.

    Padding is skipped only if ids are read forwards; everything else is computed step by step.
    """

    def __init__(
        self,
        spec: LayerSpec,
        weights: Weights,
        x: Array,
        ids: npt.NDArray[np.int32],
        masks: Array,
        pool: ArrayPool,
    ) -> None:
        """Order the rows by where their padding ends; `steps` describes the arrays."""
        self.spec, self.weights = spec, weights
        starts = self._starts(spec, ids, masks)
        self.order = np.argsort(starts, kind="stable")
        starts = starts[self.order]
        padded = bool(starts[-1])
        if padded:
            x, ids, masks = x[self.order], ids[self.order], masks[:, self.order]
        self.main = Pass(spec, weights, x, ids, np.ascontiguousarray(masks), starts, pool)
        self.padding = PaddingPass(spec, weights, starts, self.main.masks, pool) if padded else None

    def release(self) -> None:
        """Release the arrays; nothing of the chunk may be used afterwards."""
        self.main.release()
        if self.padding:
            self.padding.release()

    @staticmethod
    def _starts(spec: LayerSpec, ids: npt.NDArray[np.int32], masks: Array) -> Starts:
        nowhere = np.zeros(len(ids), np.int64)
        if not ids.shape[1] or spec.reverse or (spec.sequences and len(masks)):
            return nowhere
        # A row of nothing but padding keeps its last step.
        starts = np.where(ids.any(axis=1), np.argmax(ids != 0, axis=1), ids.shape[1] - 1)
        return nowhere if starts.mean() < _WORTH_RESTING else starts.astype(np.int64)

    def forward(self, out: Array) -> None:
        """Fill `out` with the last state [rows, H], or every step's [rows, steps, H]."""
        main = self.main
        main.begin(*(self.padding.states() if self.padding else (0.0, 0.0)))
        main.forward()
        if not self.spec.sequences:
            out[self.order] = main.final
            return
        if self.padding:
            for row, start in enumerate(main.starts):
                main.out[row, :start] = self.padding.run.states[1 : start + 1]
        out[self.order] = main.out

    def backward(self, dout: Array, dx: Array) -> Gradients:
        """Bring the gradient of `out` to `dx`, zeros [rows, steps, E], and return the weights'."""
        main, units = self.main, self.spec.units
        gradients = Gradients.zeros(self.weights)
        dout = dout[self.order] if self.padding else dout
        dh = np.zeros((main.rows, units), np.float32) if self.spec.sequences else dout.copy()
        dc = np.zeros((main.rows, units), np.float32)
        none = np.empty((0, main.steps, units), np.float32)
        of_states = dout if self.spec.sequences else none
        ordered = np.zeros_like(dx) if self.padding else dx
        main.backward(of_states, none, dh, dc, ordered, gradients)
        if self.padding:
            self.padding.backward(of_states, dh, dc, ordered, gradients)
            dx[self.order] = ordered
        return gradients


class PaddingPass:
    """The padding in front of a chunk's rows."""

    def __init__(
        self, spec: LayerSpec, weights: Weights, starts: Starts, masks: Array, pool: ArrayPool
    ) -> None:
        """Read padding until the state rests, or up to the last of the ascending starts [rows]."""
        self.spec, self.weights, self.starts, self.masks = spec, weights, starts, masks
        self.pool = pool
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
            self.pool,
        )
        read.begin(0.0, 0.0)
        return read

    def release(self) -> None:
        """Release the arrays; the pass may not be used afterwards."""
        self.run.release()

    def _is_at_rest(self) -> bool:
        if self.rest < _LOOK_EVERY or self.spec.sequences:
            return False
        now = self.rest * self.width
        # The step before counts as well: a state that oscillates comes back to where it was.
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
        """Go back through the padding, and add to `dx` and the weights' gradients.

        `dout` [rows, steps, H] or [0, steps, H] comes from outside, step by step; `dh` and `dc`
        [rows, H] are the gradients of each row's state and cell state after its padding.
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
            dgates = part.acquire_dgates(part.steps)
            part.retrace(
                injected[0], injected[1], resting[0], resting[1], dgates, of_block, gradients.table
            )
            self._weigh(part, dgates, first, last, gradients)
            self.pool.release(dgates)
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
        dgates, total = part.acquire_dgates(1), part.acquire_dgates(1)
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
        self.pool.release(dgates, total)
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
