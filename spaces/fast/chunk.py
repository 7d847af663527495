"""A chunk of rows through one layer, padding in front included, and back."""

from typing import Any

import numpy as np

from spaces.fast.padding import OwnPadding, SharedPadding
from spaces.fast.passes import Array, Gradients, Pass, Spec, Weights

Ids = Any

# Steps of padding below which a state under dropout has hardly come to rest.
_WORTH_RESTING = 128


class Chunk:
    """Rows that one thread computes.

    Only where ids are read forwards is padding told apart; everything else is computed step by
    step.
    """

    def __init__(self, spec: Spec, weights: Weights, x: Array, ids: Ids, masks: Array):
        """Order the rows by where their padding ends.

        Args:
            spec: The layer.
            weights: Its weights.
            x: Inputs [rows, steps, E]; E = 0 where the ids are the inputs.
            ids: Characters [rows, steps], int32; [rows, 0] where x is the input.
            masks: Dropout masks of the state [G, rows, H]; G = 0 for none.
        """
        self.spec, self.weights = spec, weights
        starts = self._starts(spec, ids, masks)
        self.order = np.argsort(starts, kind="stable")
        starts = starts[self.order] if ids.shape[1] else np.zeros(len(x), np.int64)
        if starts[-1]:
            x, ids, masks = x[self.order], ids[self.order], masks[:, self.order]
        else:
            self.order = np.arange(len(x))
        self.main = Pass(spec, weights, x, ids, np.ascontiguousarray(masks), starts)
        self.shared: SharedPadding | None = None
        self.own: OwnPadding | None = None
        if starts[-1] and len(masks):
            self.own = OwnPadding(spec, weights, starts, self.main.masks)
        elif starts[-1]:
            self.shared = SharedPadding(spec, weights, int(starts[-1]))

    @staticmethod
    def _starts(spec: Spec, ids: Ids, masks: Array) -> Ids:
        if not ids.shape[1] or spec.reverse or (spec.sequences and len(masks)):
            return np.zeros(len(ids), np.int64)
        # A row of nothing but padding keeps its last step.
        starts = np.where(ids.any(axis=1), np.argmax(ids != 0, axis=1), ids.shape[1] - 1)
        if len(masks) and starts.mean() < _WORTH_RESTING:
            return np.zeros(len(ids), np.int64)
        return starts.astype(np.int64)

    def forward(self, out: Array) -> None:
        """Compute the layer.

        Args:
            out: Filled; the last state [rows, H], or the state after every step [rows, steps, H].
        """
        main, starts = self.main, self.main.starts
        if self.own:
            main.begin(*self.own.states())
        elif self.shared:
            main.begin(*self.shared.states(starts))
        else:
            main.begin(0.0, 0.0)
        main.forward()
        if not self.spec.sequences:
            out[self.order] = main.final
            return
        if self.shared:
            for row, start in enumerate(starts):
                main.out[row, :start] = self.shared.run.states[1 : start + 1]
        out[self.order] = main.out

    def backward(self, dout: Array, dx: Array) -> Gradients:
        """Go back.

        Args:
            dout: Gradient of what `forward` filled.
            dx: Filled with the inputs' gradient [rows, steps, E].

        Returns:
            The weights' gradients.
        """
        main, units = self.main, self.spec.units
        gradients = Gradients.zeros(self.weights)
        dout = np.ascontiguousarray(dout[self.order])
        dh = np.zeros((main.rows, units), np.float32) if self.spec.sequences else dout
        dc = np.zeros((main.rows, units), np.float32)
        none = np.empty((0, main.steps, units), np.float32)
        main.backward(dout if self.spec.sequences else none, none, dh, dc, dx, gradients)
        if self.own:
            self.own.backward(dh, dc, gradients)
        elif self.shared:
            self._return_to_shared(dout, dh, dc, gradients)
        return gradients

    def _return_to_shared(self, dout: Array, dh: Array, dc: Array, gradients: Gradients) -> None:
        assert self.shared is not None
        starts, steps = self.main.starts, self.shared.run.steps
        dstates = np.zeros((steps + 1, self.spec.units), np.float32)
        dcells = np.zeros_like(dstates)
        np.add.at(dstates, starts, dh)
        np.add.at(dcells, starts, dc)
        if self.spec.sequences:
            for row, start in enumerate(starts):
                dstates[1 : start + 1] += dout[row, :start]
        self.shared.backward(dstates, dcells, gradients)
