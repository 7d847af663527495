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
from results.serving.export_folder import Export, load_export
from results.serving.preprocessing import Answer, Preprocessor

# Larger batches do not speed up short records, and slow long ones down by up to a sixth.
BATCH_SIZE = 256


class Predictor:
    """An exported model together with its preprocessing.

    Args:
        export: The loaded export. The model is traced at the first scores.

    Attributes:
        preprocessor: Cleans and encodes records.
    """

    def __init__(self, export: Export) -> None:
        from results.scoring import Scorer

        self.preprocessor = Preprocessor(export.preprocessing, export.vocabulary)
        self._padding = export.preprocessing.padding
        self._score = Scorer(export.model)
        self._threshold = export.threshold.value
        self._label_words = export.preprocessing.label_words

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
        """Trace and compile the model now instead of at the first scores."""
        for length in (GRID, MAX_LENGTH):
            self._score(np.zeros((1, length), np.int32))

    def probabilities(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Score one batch.

        Args:
            ids: Records padded to one length, int32 [b, length].

        Returns:
            Probabilities of label 1, float32 [b].
        """
        return self._score(ids)

    def scores(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the probability that each text has label 1.

        Args:
            texts: Cleaned texts, [n].

        Returns:
            Probabilities of label 1, float32 [n].
        """
        return self._scores(self.preprocessor.encode(texts))

    def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer records independently: a bad one does not affect the others.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            In their order `{"score", "label", "label_word", "latency_us"}`, or `{"error"}`, [n].
            The latency is the time from raw to score for all these records together, divided by n.
        """
        started = time.perf_counter()
        prepared = self.preprocessor.prepare(records)
        scores = self._scores(prepared.encoded).tolist()
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        found = dict(prepared.errors)
        for row, score in zip(prepared.rows.tolist(), scores, strict=True):
            found[row] = self.answer(score, each_us)
        return [found[row] for row in range(len(records))]

    def answer(self, score: float, latency_us: float) -> Answer:
        """Make one answer from a probability of label 1 and the microseconds that it took."""
        if not math.isfinite(score):
            return {"error": "the model's score is not finite"}
        label = int(score > self._threshold)
        return {
            "score": float(f"{score:.9g}"),  # Nine digits restore a float32 exactly.
            "label": label,
            "label_word": self._label_words[label],
            "latency_us": round(latency_us, 1),
        }

    def _scores(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        from results.scoring import probabilities

        rows = np.arange(len(encoded))
        return probabilities(
            self._score, encoded, rows, padding=self._padding, batch_size=BATCH_SIZE
        )


@contextmanager
def one_core_per_thread(threads: int) -> Iterator[None]:
    """Let several threads call models at once, each computing on one core.

    On two cores, two such batches were scored 1.6 times as fast as one batch that uses both, and
    a record took a quarter less processor time. If TensorFlow has computed before, its own thread
    counts stay as they are.
    """
    with suppress_stderr():
        import tensorflow as tf

    from spaces.kernels import one_blas_thread

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    with one_blas_thread():
        yield
