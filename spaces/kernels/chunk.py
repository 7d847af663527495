"""A chunk of rows through one layer, padding in front included, and back."""

import numpy as np
import numpy.typing as npt

from spaces.kernels.layer import Gradients, Spec, Weights
from spaces.kernels.memory import Array, Memory
from spaces.kernels.padding import Padding, Starts
from spaces.kernels.passes import Pass

# Steps of padding below which a state has hardly come to rest.
_WORTH_RESTING = 128


class Chunk:
    """Rows that one thread computes.

    Only where ids are read forwards is padding told apart; everything else is computed step by
    step.
    """

    def __init__(
        self,
        spec: Spec,
        weights: Weights,
        x: Array,
        ids: npt.NDArray[np.int32],
        masks: Array,
        memory: Memory,
    ) -> None:
        """Order the rows by where their padding ends.

        Args:
            spec: The layer.
            weights: Its weights.
            x: Inputs [rows, steps, E]; where ids are read, [rows, steps, 0].
            ids: Characters [rows, steps], int32; [rows, 0] where x is the input.
            masks: Dropout masks of the state [G, rows, H]; G = 0 for none.
            memory: Lends what is needed, until `release`.
        """
        self.spec, self.weights = spec, weights
        starts = self._starts(spec, ids, masks)
        self.order = np.argsort(starts, kind="stable")
        starts = starts[self.order]
        padded = bool(starts[-1])
        if padded:
            x, ids, masks = x[self.order], ids[self.order], masks[:, self.order]
        self.main = Pass(spec, weights, x, ids, np.ascontiguousarray(masks), starts, memory)
        self.padding = Padding(spec, weights, starts, self.main.masks, memory) if padded else None

    def release(self) -> None:
        """Give the memory back; nothing of the chunk may be used afterwards."""
        self.main.release()
        if self.padding:
            self.padding.release()

    @staticmethod
    def _starts(spec: Spec, ids: npt.NDArray[np.int32], masks: Array) -> Starts:
        nowhere = np.zeros(len(ids), np.int64)
        if not ids.shape[1] or spec.reverse or (spec.sequences and len(masks)):
            return nowhere
        # A row of nothing but padding keeps its last step.
        starts = np.where(ids.any(axis=1), np.argmax(ids != 0, axis=1), ids.shape[1] - 1)
        return nowhere if starts.mean() < _WORTH_RESTING else starts.astype(np.int64)

    def forward(self, out: Array) -> None:
        """Compute the layer.

        Args:
            out: Filled; the last state [rows, H], or the state after every step [rows, steps, H].
        """
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
        """Go back.

        Args:
            dout: Gradient of what `forward` filled.
            dx: Zeros; filled with the inputs' gradient [rows, steps, E].

        Returns:
            The weights' gradients.
        """
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
