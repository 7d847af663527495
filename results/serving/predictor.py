"""An exported model with its preprocessing: raw lines or records in, scores and labels out."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.dataset import GRID, MAX_LENGTH, Encoded
from results.scoring import suppress_stderr
from results.serving.exported import Export, load_export
from results.serving.preparation import Answer as Answer, Preparation

# Larger ones do not speed up short records, and slow long ones down by up to a sixth.
BATCH_SIZE = 256


class Predictor:
    """An exported model together with its preprocessing.

    Attributes:
        preparation: The preprocessing.
    """

    def __init__(self, export: Export) -> None:
        """Prepare the model; it is traced at the first scores.

        Args:
            export: The loaded export.
        """
        from results.scoring import Scorer

        self.preparation = Preparation(export.preprocessing, export.vocabulary)
        self._padding = export.preprocessing.padding
        self._score = Scorer(export.model)
        self._threshold = export.threshold

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """Load an export.

        Args:
            folder: What `results.export` wrote.

        Returns:
            Its predictor.

        Raises:
            UserError: If the folder is incomplete or damaged.
        """
        return cls(load_export(folder))

    def warm_up(self) -> None:
        """Trace and compile the model now, not at the first scores."""
        for length in (GRID, MAX_LENGTH):
            self._score(np.zeros((1, length), np.int32))

    def probabilities(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Compute one batch.

        Args:
            ids: Records padded to one length, int32 [b, length].

        Returns:
            Probabilities of label 1, float32 [b].
        """
        return self._score(ids)

    def scores(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the probability that each text is malicious.

        Args:
            texts: Cleaned texts, [n].

        Returns:
            Probabilities of label 1, float32 [n].
        """
        return self._scores(self.preparation.encode(texts))

    def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer records now, each for itself: a bad one spoils no other.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            In their order `{"score", "label", "latency_us"}`, or `{"error"}`, [n]. The latency is
            the time that these records took together, from raw to score, divided by n.
        """
        started = time.perf_counter()
        prepared = self.preparation.prepare(records)
        scores = self._scores(prepared.encoded).tolist()
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        found = dict(prepared.errors)
        for row, score in zip(prepared.rows.tolist(), scores, strict=True):
            found[row] = self.answer(score, each_us)
        return [found[row] for row in range(len(records))]

    def answer(self, score: float, latency_us: float) -> Answer:
        """Put one score into words.

        Args:
            score: The probability of label 1.
            latency_us: Microseconds that it took.

        Returns:
            `{"score", "label", "latency_us"}`, or `{"error"}` where the score is not finite.
        """
        if not math.isfinite(score):
            return {"error": "the model's score is not finite"}
        # Nine digits give a float32 back exactly.
        return {
            "score": float(f"{score:.9g}"),
            "label": int(score > self._threshold),
            "latency_us": round(latency_us, 1),
        }

    def _scores(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        from results.scoring import probabilities

        rows = np.arange(len(encoded))
        return probabilities(
            self._score, encoded, rows, padding=self._padding, batch_size=BATCH_SIZE
        )


@contextmanager
def side_by_side(count: int) -> Iterator[None]:
    """Let so many threads call models side by side, each computing with one core.

    On two cores two batches at once were scored 1.6 times as fast as one that both cores share,
    and a record took a quarter less processor time. Where TensorFlow has computed before, its
    threads stay as they are.

    Args:
        count: How many.
    """
    with suppress_stderr():
        import tensorflow as tf

    from spaces.kernels import one_blas_thread

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    with one_blas_thread():
        yield
