"""A convolution of embedded ids, added up from tables of (embedding x kernel).

There are few ids, so that what each adds at each place of the kernel is computed once; a position
then costs additions alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from spaces.kernels.compiled import kernel
from spaces.kernels.ids import check
from spaces.kernels.memory import Array
from spaces.kernels.threads import Threads, diverging


@kernel
def add_up(ids: Any, tables: Any, bias: Any, out: Any) -> None:
    """Convolve rows, padded with zeros so that their length stays ("same").

    Args:
        ids: Characters [rows, steps], int32.
        tables: What each id adds at each place of the kernel, [places, num_words, filters].
        bias: [filters].
        out: Filled, [rows, steps, filters].
    """
    rows, steps = ids.shape
    places, _, filters = tables.shape
    left = (places - 1) // 2
    for row in range(rows):
        for step in range(steps):
            target = out[row, step]
            for j in range(filters):
                target[j] = bias[j]
            for place in range(max(0, left - step), min(places, steps + left - step)):
                added = tables[place, ids[row, step + place - left]]
                for j in range(filters):
                    target[j] += added[j]


class Lookup:
    """One convolution's computation, its activation left out."""

    def __init__(self) -> None:
        """Make the threads."""
        self._threads = Threads()

    def __call__(self, x: Any, ids: Any, embeddings: Any, weights: Any, bias: Any) -> Any:
        """Convolve embedded ids.

        Args:
            x: The embedded ids [batch, steps, E]; read for the gradients alone.
            ids: The ids, int32 [batch, steps].
            embeddings: The vectors of the ids [num_words, E].
            weights: Kernel [places, E, filters].
            bias: [filters].

        Returns:
            float32 [batch, steps, filters].
        """
        rest = [ids, tf.stop_gradient(embeddings)]

        @tf.custom_gradient
        def compute(x: Any, weights: Any, bias: Any) -> tuple[Any, Any]:
            out = tf.numpy_function(self._forward, [*rest, weights, bias], tf.float32)
            out.set_shape((*x.shape[:2], weights.shape[2]))

            def gradient(dout: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch([x, weights])
                    convolved = tf.nn.conv1d(x, weights, 1, "SAME")
                of_x, of_weights = tape.gradient(convolved, [x, weights], dout)
                return of_x, of_weights, tf.reduce_sum(dout, axis=[0, 1])

            return out, gradient

        return compute(x, weights, bias)

    @diverging
    def _forward(
        self, ids: npt.NDArray[np.int32], embeddings: Array, weights: Array, bias: Array
    ) -> Array:
        check(ids, len(embeddings))
        tables = np.matmul(embeddings, weights)
        out = np.empty((*ids.shape, len(bias)), np.float32)

        def run(rows: slice) -> None:
            add_up(ids[rows], tables, bias, out[rows])

        self._threads.each(run, self._threads.slices(len(ids)))
        return out
