"""An embedding's gradient as one dense sum over characters, in place of a sparse one."""

from typing import Any

import numpy as np
import tensorflow as tf

from spaces.fast.compiled import f32, kernel
from spaces.fast.passes import Array


@kernel
def _sum_by_id(ids: Any, gradient: Any, out: Any) -> None:
    for record in range(ids.shape[0]):
        for step in range(ids.shape[1]):
            target = out[ids[record, step]]
            for j in range(target.shape[0]):
                target[j] += gradient[record, step, j]


def embed(embeddings: Any, ids: Any) -> Any:
    """Look vectors up.

    There are a few dozen characters and tens of thousands of them in a batch: a sum by id is
    much cheaper than TensorFlow's gradient, which finds the distinct ids of each batch first.

    Args:
        embeddings: float32 [num_words, width].
        ids: int32 [batch, length], each below num_words.

    Returns:
        float32 [batch, length, width].
    """
    rows = embeddings.shape[0]

    def gradient_of(ids: Any, gradient: Array) -> Array:
        out = np.zeros((rows, gradient.shape[2]), f32)
        _sum_by_id(ids, gradient, out)
        return out

    @tf.custom_gradient
    def look_up(embeddings: Any, ids: Any) -> tuple[Any, Any]:
        def gradient(dvectors: Any) -> tuple[Any, None]:
            found = tf.numpy_function(gradient_of, [ids, dvectors], tf.float32)
            found.set_shape(embeddings.shape)
            return found, None

        return tf.gather(embeddings, ids), gradient

    return look_up(embeddings, tf.cast(ids, tf.int32))
