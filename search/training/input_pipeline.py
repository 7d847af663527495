"""The batches of a training, as TensorFlow reads them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data.dataset import Batch, Dataset, Rows, batches
from data.records import Padding, padded_lengths

# Batches made while one is being trained on.
_AHEAD = 2


def make_batches(
    dataset: Dataset, *, batch_size: int, padding: Padding, seed: int
) -> tf.data.Dataset:
    """Batch the fit rows, in another order each time they are read.

    The order depends only on the seed and on how often they were read before. The elements are
    ids, int32 [batch, length], and labels, float32 [batch, 1]; the cardinality is the number of
    batches.
    """
    padded = padded_lengths(dataset.encoded.lengths, padding)
    epochs = _Epochs(dataset, padded, batch_size, seed)
    steps = len(batches(dataset.split.fit, padded, batch_size, None))

    # There is nothing to convert, and AutoGraph cannot read the source of some Pythons' functions.
    @tf.autograph.experimental.do_not_convert
    def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ids, labels = tf.numpy_function(epochs.batch, [index], [tf.int32, tf.float32])
        # Fixed ranks, no fixed length: a function traced for one would not do for another.
        return tf.ensure_shape(ids, (None, None)), tf.ensure_shape(labels, (None, 1))

    # Not `from_generator`: it makes the process hand freed memory back to the system at once
    # (its mallopt(M_TRIM_THRESHOLD)), and every step then pays for getting it again.
    options = tf.data.Options()
    # There is nothing to tune, and an iterator's end waits for the tuner: with two workers on two
    # busy cores a quarter of their time was lost to it, once 20 s.
    options.autotune.enabled = False
    return tf.data.Dataset.range(steps).map(batch).prefetch(_AHEAD).with_options(options)


@dataclass
class _Epochs:
    """Makes batches; the one with index 0 begins an epoch."""

    dataset: Dataset
    padded: Rows
    batch_size: int
    seed: int
    epoch: int = 0
    order: list[Batch] = field(default_factory=list)

    def batch(self, index: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        if index == 0:
            rng = np.random.default_rng([self.seed, self.epoch])
            self.order = batches(self.dataset.split.fit, self.padded, self.batch_size, rng)
            self.epoch += 1
        batch = self.order[index]
        labels = self.dataset.labels[batch.rows].astype(np.float32)[:, None]
        return self.dataset.encoded.padded(batch.rows, batch.length), labels
