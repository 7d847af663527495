"""A model's probabilities for encoded records."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data.records import Encoded, Padding
from results.scoring.batched import score_rows
from results.scoring.files import Scores, one_each
from results.scoring.stderr import suppress_stderr

with suppress_stderr():
    import keras
    import tensorflow as tf

    from spaces.kernels import accelerated, one_blas_thread

    tf.config.list_physical_devices()  # Looks for GPUs now, and not at the first batch.

BATCH_SIZE = 512


class Scorer:
    """A model compiled once for ids of any batch size and any length.

    Calling `probabilities` with the bare model compiles it anew, which costs up to a second;
    whoever scores the same model several times keeps its scorer.
    """

    def __init__(self, model: keras.Model) -> None:
        """Wrap a model that maps int32 ids [batch, length] to probabilities [batch, 1]."""

        def call(ids: tf.Tensor) -> tf.Tensor:
            with accelerated(model):
                output = tf.convert_to_tensor(model(ids, training=False))
            return tf.cast(tf.reshape(output, [-1]), tf.float32)

        self._call = tf.function(
            call, input_signature=[tf.TensorSpec((None, None), tf.int32)], reduce_retracing=True
        )

    def __call__(self, ids: npt.NDArray[np.int32]) -> Scores:
        """Return the probabilities of label 1, float32 [batch], of padded ids [batch, length].

        Raises:
            ValueError: If the model gives more or fewer numbers than one a record.
        """
        scores = np.asarray(self._call(tf.constant(ids, tf.int32)).numpy(), dtype=np.float32)
        return one_each(scores, len(ids))


def probabilities(
    model: keras.Model | Scorer,
    encoded: Encoded,
    rows: npt.ArrayLike,
    *,
    padding: Padding,
    batch_size: int = BATCH_SIZE,
    before: Callable[[], object] = lambda: None,
) -> Scores:
    """Return the probabilities of label 1 of a model, or of its scorer, as `score_rows` does."""
    score = model if isinstance(model, Scorer) else Scorer(model)
    with one_blas_thread():
        return score_rows(
            score, encoded, rows, padding=padding, batch_size=batch_size, before=before
        )
