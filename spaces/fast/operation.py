"""The kernels as one TensorFlow operation with a gradient."""

import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf
from threadpoolctl import ThreadpoolController

from spaces.fast.chunk import Chunk
from spaces.fast.passes import Array, Gradients, Spec, Weights

# The state and the gates of so many rows fit a core's second cache.
_CHUNK_ROWS = 64
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
        self._threads = (
            tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
        )
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self._blas = ThreadpoolController()

    def __call__(self, arguments: list[Any], *, training: bool) -> Any:
        """Compute the layer.

        Args:
            arguments: Tensors x [batch, steps, E] (E = 0 where ids are read), ids [batch, steps]
                (steps = 0 where x is), and as in `passes.Weights`: inputs, bias, recurrent,
                recurrent_bias; then masks [G, batch, H] (G = 0 for none).
            training: Whether a gradient is to be expected.

        Returns:
            float32 [batch, H], or [batch, steps, H] where sequences are returned.
        """

        @tf.custom_gradient
        def compute(*tensors: Any) -> tuple[Any, Any]:
            run = self._forward_kept if training else self._forward
            out, number = tf.numpy_function(run, tensors, [tf.float32, tf.int64])
            shape = [tensors[0].shape[0], self.spec.units]
            if self.spec.sequences:
                shape.insert(1, tensors[0].shape[1])
            out.set_shape(shape)

            def gradient(dout: Any) -> tuple[Any, ...]:
                found = tf.numpy_function(
                    self._backward, [dout, number, *tensors], [tf.float32] * 5
                )
                for part, tensor in zip(found, (tensors[0], *tensors[2:6]), strict=True):
                    part.set_shape(tensor.shape)
                dx, *weights = found
                return dx, None, *weights, None

            return out, gradient

        return compute(*arguments)

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

    def _run(self, arrays: Any, keep: list[Chunk] | None) -> Array:
        x, ids, *rest, masks = arrays
        weights = Weights(*rest)
        steps = (x.shape[1],) if self.spec.sequences else ()
        out = np.empty((len(x), *steps, self.spec.units), np.float32)

        def run(rows: slice) -> Chunk | None:
            chunk = Chunk(self.spec, weights, x[rows], ids[rows], masks[:, rows])
            chunk.forward(out[rows])
            return None if keep is None else chunk

        made = self._each(run, len(x))
        if keep is not None:
            keep.extend(made)
        return out

    def _backward(self, dout: Array, number: Any, *arrays: Any) -> tuple[Array, ...]:
        chunks = self._kept.pop(int(number), None)
        if chunks is None:
            chunks = []
            self._run(arrays, chunks)
        x = arrays[0]
        dx = np.empty(x.shape, np.float32)
        pending = iter(list(chunks))
        todo = {rows.start: next(pending) for rows in self._slices(len(x))}

        def run(rows: slice) -> Gradients:
            return todo.pop(rows.start).backward(dout[rows], dx[rows])

        first, *others = self._each(run, len(x))
        for other in others:
            first.add(other)
        return dx, first.inputs, first.bias, first.recurrent, first.recurrent_bias

    def _slices(self, rows: int) -> list[slice]:
        count = max(-(-rows // _CHUNK_ROWS), min(self._threads, rows), 1)
        edges = np.linspace(0, rows, count + 1).astype(int)
        return [slice(int(a), int(b)) for a, b in pairwise(edges)]

    def _each(self, run: Any, rows: int) -> list[Any]:
        # Each chunk is multiplied by one thread; the chunks share the cores.
        with self._blas.limit(limits=1, user_api="blas"):
            return list((self._pool.map if self._pool else map)(run, self._slices(rows)))
