"""The kernels as TensorFlow operations with gradients: recurrent layers, convolutions of ids."""

from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.framework import ops

from spaces.kernels.chunks import Chunk
from spaces.kernels.compiled import add_tables
from spaces.kernels.passes import Gradients, LayerSpec, Weights
from spaces.kernels.resources import Array, ArrayPool, RowThreads, quiet_overflow

# Trainings alternate forward and backward; more would only wait for a gradient that never comes.
_KEPT_PASSES = 2
_REGISTERED = "CustomGradient-"


class RecurrentOperation:
    """One recurrent layer's computation.

    What a pass forward leaves for the way back is kept here under a number. If it is gone, or was
    never kept because only the layer's output was asked for, the pass is computed again.
    """

    def __init__(self, spec: LayerSpec) -> None:
        """Wrap the kernels."""
        self.spec = spec
        self._kept: OrderedDict[int, list[Chunk]] = OrderedDict()
        self._passes = 0
        self._pool = ArrayPool()
        self._threads = RowThreads()

    def __call__(
        self, x: Any, ids: Any, weights: list[Any], embeddings: Any, masks: Any, *, training: bool
    ) -> Any:
        """Compute the layer.

        Args:
            x: Inputs [batch, steps, E].
            ids: If x are embedded ids, the ids, int32 [batch, steps]: they are read instead of x,
                which then need not be computed; else [batch, 0].
            weights: Input kernel [E, G * H], bias [G * H], recurrent kernel [H, G * H] and
                recurrent bias [G * H].
            embeddings: The vectors of the ids [num_words, E], or [0, E].
            masks: Dropout masks of the state [G, batch, H], or [0, batch, H].
            training: Whether a gradient is expected.

        Returns:
            float32 [batch, H], or [batch, steps, H] if sequences are returned.
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

    @quiet_overflow
    def _run(self, arrays: Any, keep: list[Chunk] | None) -> Array:
        x, ids, embeddings, masks, inputs, bias, recurrent, recurrent_bias = arrays
        weights = Weights(inputs, bias, recurrent, recurrent_bias, embeddings)
        check_ids(ids, len(embeddings))
        if not x.shape[1]:
            raise ValueError(
                "a recurrent layer received zero steps: the layers before it leave none"
            )
        steps = (x.shape[1],) if self.spec.sequences else ()
        out = np.empty((len(x), *steps, self.spec.units), np.float32)
        if not len(x):
            return out

        def run(rows: slice) -> Chunk | None:
            chunk = Chunk(self.spec, weights, x[rows], ids[rows], masks[:, rows], self._pool)
            chunk.forward(out[rows])
            if keep is None:
                chunk.release()
                return None
            return chunk

        made = self._threads.each(run, self._threads.slices(len(x)))
        if keep is not None:
            keep.extend(chunk for chunk in made if chunk is not None)
        return out

    @quiet_overflow
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


class ConvolutionOperation:
    """One convolution of embedded ids, without its activation.

    There are few ids, so what each adds at each place of the kernel (embedding x kernel) is
    computed once; a position then costs additions alone.
    """

    def __init__(self) -> None:
        """Make the threads."""
        self._threads = RowThreads()

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
                # Of images of one row: the gradient of `conv1d` would convolve again for its shape.
                image, kernel, given = x[:, None], weights[None], dout[:, None]
                of_x = tf.nn.conv2d_transpose(given, kernel, tf.shape(image), 1)
                of_weights = tf.raw_ops.Conv2DBackpropFilter(
                    input=image,
                    filter_sizes=tf.shape(kernel),
                    out_backprop=given,
                    strides=[1, 1, 1, 1],
                    padding="SAME",
                )
                return of_x[:, 0], of_weights[0], tf.raw_ops.BiasAddGrad(out_backprop=dout)

            return out, gradient

        return compute(x, weights, bias)

    @quiet_overflow
    def _forward(
        self, ids: npt.NDArray[np.int32], embeddings: Array, weights: Array, bias: Array
    ) -> Array:
        check_ids(ids, len(embeddings))
        tables = np.matmul(embeddings, weights)
        out = np.empty((*ids.shape, len(bias)), np.float32)

        def run(rows: slice) -> None:
            add_tables(ids[rows], tables, bias, out[rows])

        self._threads.each(run, self._threads.slices(len(ids)))
        return out


def check_ids(ids: npt.NDArray[np.int32], num_words: int) -> None:
    """Raise TensorFlow's ValueError for an id without a vector: the kernels do not check bounds."""
    # A negative one is a very large one here.
    if ids.size and int(ids.view(np.uint32).max()) >= num_words:
        row, step = np.argwhere((ids < 0) | (ids >= num_words))[0]
        raise ValueError(f"indices[{row},{step}] = {ids[row, step]} is not in [0, {num_words})")


def forget_gradients() -> None:
    """Release the gradients of functions traced before now, and so their graphs.

    `tf.custom_gradient` registers one at each trace and never removes it: several MiB a training.
    Afterwards only functions traced from then on can be differentiated.
    """
    # TensorFlow offers no other way.
    known: dict[str, Any] = ops.gradient_registry._registry
    for name in [name for name in known if name.startswith(_REGISTERED)]:
        del known[name]
