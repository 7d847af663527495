"""A model's probabilities for encoded records, and how long one request takes it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.batches import Padding, batches, padded_lengths
from data.encode import Encoded
from results.quiet import hushed

with hushed():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # Looks for GPUs now, and not at the first batch.

BATCH_SIZE = 512

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


class Scorer:
    """A model compiled once for ids of any batch size and any length.

    Calling `probabilities` with the bare model compiles it anew, which costs up to a second;
    whoever scores the same model several times keeps its scorer.
    """

    def __init__(self, model: keras.Model) -> None:
        """Wrap the model; it is traced at the first call.

        Args:
            model: Takes int32 ids [batch, length], gives probabilities [batch, 1].
        """

        def call(ids: tf.Tensor) -> tf.Tensor:
            output = tf.convert_to_tensor(model(ids, training=False))
            return tf.cast(tf.reshape(output, [-1]), tf.float32)

        self._call = tf.function(
            call,
            input_signature=[tf.TensorSpec((None, None), tf.int32)],
            reduce_retracing=True,
        )

    def __call__(self, ids: npt.NDArray[np.int32]) -> Scores:
        """Return the probabilities of label 1.

        Args:
            ids: Padded records, int32 [batch, length].

        Returns:
            Probabilities, float32 [batch].
        """
        return np.asarray(self._call(tf.constant(ids, tf.int32)).numpy(), dtype=np.float32)


def probabilities(
    model: keras.Model | Scorer,
    encoded: Encoded,
    rows: npt.ArrayLike,
    *,
    padding: Padding,
    batch_size: int = BATCH_SIZE,
) -> Scores:
    """Return the model's probabilities of label 1.

    Every batch holds records of one padded length, and that length depends on each record alone:
    so does its probability.

    Args:
        model: The model, or its scorer.
        encoded: The records.
        rows: Which of them, [n].
        padding: "real" pads a record by its own length, "full" pads every one to 1024.
        batch_size: How many records at most are computed at once.

    Returns:
        Probabilities in the order of `rows`, float32 [n].
    """
    score = model if isinstance(model, Scorer) else Scorer(model)
    chosen = np.asarray(rows, dtype=np.int64)
    padded = padded_lengths(encoded.lengths[chosen], padding)
    scores = np.empty(len(chosen), dtype=np.float32)
    for batch in batches(np.arange(len(chosen)), padded, batch_size, None):
        scores[batch.rows] = score(encoded.padded(chosen[batch.rows], batch.length))
    return scores


@dataclass(frozen=True)
class Latency:
    """How long a request takes, padding included, text cleaning not.

    Attributes:
        us_1: Median microseconds a request where each is scored alone.
        us_512: Median microseconds a request where 512 are scored together.
    """

    us_1: float
    us_512: float


def latency(
    model: keras.Model | Scorer,
    encoded: Encoded,
    rows: npt.ArrayLike,
    *,
    padding: Padding,
    seconds: float = 0.5,
) -> Latency:
    """Measure the median time a request takes, over real records.

    Args:
        model: The model, or its scorer.
        encoded: The records.
        rows: The held-out rows, [n]; at least one.
        padding: As the model was trained.
        seconds: About how long each of the two measurements may take; one call of each kind is
            made however slow the model is.

    Returns:
        The medians.
    """
    score = model if isinstance(model, Scorer) else Scorer(model)
    # A short measurement then sees records of the whole part, not only of its beginning.
    order = np.random.default_rng(0).permutation(np.asarray(rows, dtype=np.int64))

    def answer(requests: Rows) -> None:
        probabilities(score, encoded, requests, padding=padding)

    answer(order[:1])  # traces the model
    return Latency(
        us_1=median_us(answer, order, 1, seconds),
        us_512=median_us(answer, order, BATCH_SIZE, seconds),
    )


def median_us(answer: Callable[[Rows], None], order: Rows, size: int, seconds: float) -> float:
    """Time calls until the seconds are used up; the first, a warm-up, counts only if alone.

    Args:
        answer: Answers the requests of the given rows.
        order: The rows to take in turn, [n].
        size: Requests in a call.
        seconds: About how long to go on; one call is made in any case.

    Returns:
        The median microseconds a request.
    """
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while not durations or time.perf_counter() < end:
        first = len(durations) * size
        requests = order.take(range(first, first + size), mode="wrap")
        started = time.perf_counter()
        answer(requests)
        durations.append(time.perf_counter() - started)
    return float(np.median(durations[1:] or durations)) / size * 1e6
