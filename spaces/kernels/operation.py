"""The kernels as one TensorFlow operation with a gradient."""

from collections import OrderedDict
from typing import Any

import numpy as np
import tensorflow as tf

from spaces.kernels.chunk import Chunk
from spaces.kernels.ids import check
from spaces.kernels.layer import Gradients, Spec, Weights
from spaces.kernels.memory import Array, Memory
from spaces.kernels.threads import Threads, diverging

# Trainings alternate forward and backward; more would only wait for a gradient that never comes.
_KEPT_PASSES = 2


class Operation:
    """One recurrent layer's computation.

    What a pass forward leaves for the way back is kept here by a number. Where it is gone, or was
    never kept because the layer was only asked for its output, the pass is computed again.
    """

    def __init__(self, spec: Spec) -> None:
        """Wrap the kernels.

        Args:
            spec: The layer.
        """
        self.spec = spec
        self._kept: OrderedDict[int, list[Chunk]] = OrderedDict()
        self._passes = 0
        self._memory = Memory()
        self._threads = Threads()

    def __call__(
        self, x: Any, ids: Any, weights: list[Any], embeddings: Any, masks: Any, *, training: bool
    ) -> Any:
        """Compute the layer.

        Args:
            x: Inputs [batch, steps, E].
            ids: Where x are embedded ids, the ids, int32 [batch, steps]: they are read in place
                of x, which then need not be computed; else [batch, 0].
            weights: Input kernel [E, G * H], bias [G * H], recurrent kernel [H, G * H] and
                recurrent bias [G * H].
            embeddings: The vectors of the ids [num_words, E], or [0, E].
            masks: Dropout masks of the state [G, batch, H], or [0, batch, H].
            training: Whether a gradient is to be expected.

        Returns:
            float32 [batch, H], or [batch, steps, H] where sequences are returned.
        """
        by_ids = ids.shape[1] != 0
        # The gradient goes to x, an occurrence at a time, as behind Keras' own layers: its
        # optimizers square sparse gradients before they sum them.
        rest = (ids, *map(tf.stop_gradient, (embeddings, masks)))

        @tf.custom_gradient
        def compute(x: Any, *weights: Any) -> tuple[Any, Any]:
            read = tf.zeros((*tf.unstack(tf.shape(ids)), 0), tf.float32) if by_ids else x
            arguments = (read, *rest, *weights)
            run = self._forward_kept if training else self._forward
            out, number = tf.numpy_function(run, arguments, [tf.float32, tf.int64])
            steps = (x.shape[1],) if self.spec.sequences else ()
            out.set_shape((x.shape[0], *steps, self.spec.units))

            def gradient(dout: Any) -> tuple[Any, ...]:
                found = tf.numpy_function(
                    self._backward, [dout, number, *arguments], [tf.float32] * 5
                )
                for part, tensor in zip(found, (x, *weights), strict=True):
                    part.set_shape(tensor.shape)
                return tuple(found)

            return out, gradient

        return compute(x, *weights)

    def _forward(self, *arrays: Any) -> tuple[Array, np.int64]:
        return self._run(arrays, None), np.int64(-1)

    def _forward_kept(self, *arrays: Any) -> tuple[Array, np.int64]:
        chunks: list[Chunk] = []
        out = self._run(arrays, chunks)
        self._passes += 1
        self._kept[self._passes] = chunks
        while len(self._kept) > _KEPT_PASSES:
            self._kept.popitem(last=False)
        return out, np.int64(self._passes)

    @diverging
    def _run(self, arrays: Any, keep: list[Chunk] | None) -> Array:
        x, ids, embeddings, masks, inputs, bias, recurrent, recurrent_bias = arrays
        weights = Weights(inputs, bias, recurrent, recurrent_bias, embeddings)
        check(ids, len(embeddings))
        steps = (x.shape[1],) if self.spec.sequences else ()
        out = np.empty((len(x), *steps, self.spec.units), np.float32)

        def run(rows: slice) -> Chunk | None:
            chunk = Chunk(self.spec, weights, x[rows], ids[rows], masks[:, rows], self._memory)
            chunk.forward(out[rows])
            if keep is None:
                chunk.release()
                return None
            return chunk

        made = self._threads.each(run, self._threads.slices(len(x)))
        if keep is not None:
            keep.extend(chunk for chunk in made if chunk is not None)
        return out

    @diverging
    def _backward(self, dout: Array, number: Any, *arrays: Any) -> tuple[Array, ...]:
        chunks = self._kept.pop(int(number), None)
        if chunks is None:
            chunks = []
            self._run(arrays, chunks)
        x, weights = arrays[0], chunks[0].weights
        dx = np.zeros((*x.shape[:2], len(weights.inputs)), np.float32)

        def run(part: tuple[slice, Chunk]) -> Gradients:
            rows, chunk = part
            gradients = chunk.backward(dout[rows], dx[rows])
            chunk.release()
            return gradients

        parts = list(zip(self._threads.slices(len(x)), chunks, strict=True))
        first, *others = self._threads.each(run, parts)
        for other in others:
            first.add(other)
        return dx, *first.of_weights(weights)
