"""An exported model with its preprocessing: raw lines or records in, scores and labels out."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.access_log import clean, parse_line
from data.batches import GRID, MAX_LENGTH, padded_lengths
from data.encode import Encoded, encode
from data.errors import UserError
from data.rows import dump
from data.source import MAX_LINE
from results.exported import Export, load_export
from results.quiet import hushed

Answer = dict[str, object]

# Larger ones do not speed up short records, and slow long ones down by up to a sixth.
BATCH_SIZE = 256


@dataclass(frozen=True)
class Prepared:
    """Lines on their way to the model.

    Attributes:
        encoded: The k good ones.
        rows: Which of the n lines each good one was, int64 [k].
        lengths: To how many ids each good one is padded, int64 [k].
        errors: What was wrong with each of the others, by line.
        each_us: Microseconds that preparing took, divided by n.
    """

    encoded: Encoded
    rows: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    errors: dict[int, Answer]
    each_us: float


class Predictor:
    """An exported model together with its preprocessing."""

    def __init__(self, export: Export) -> None:
        """Prepare the model; it is traced at the first scores.

        Args:
            export: The loaded export.
        """
        from results.evaluate import Scorer  # Here: a --help must not wait for TensorFlow.

        self._preprocessing = export.preprocessing
        self._vocabulary = export.vocabulary
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

    def text(self, line: str) -> str:
        """Clean one raw line as the search did.

        Args:
            line: A line of a log of the export's format, its label ignored, or a bare record.

        Returns:
            The text that the model sees.

        Raises:
            UserError: If it is empty, too long, or holds no record.
        """
        if not line.strip():
            raise UserError("the line is empty")
        if len(line) >= MAX_LINE:
            raise UserError(f"the line is longer than {MAX_LINE:,} characters")
        record = parse_line(line, self._preprocessing.format)
        if self._preprocessing.format == "text":
            return record
        return clean(record, self._preprocessing.dropped_keys)

    def text_of(self, record: object) -> str:
        """Clean one record that came as JSON.

        Args:
            record: A raw line, or a parsed record with its keys in their order.

        Returns:
            The text that the model sees.

        Raises:
            UserError: If it is neither, or the export wants lines of text.
        """
        if isinstance(record, str):
            return self.text(record)
        if self._preprocessing.format == "text":
            raise UserError("the record must be a string: the model was trained on plain text")
        if not isinstance(record, dict):
            raise UserError("the record must be an object or a string")
        dropped = self._preprocessing.dropped_keys
        if self._preprocessing.format == "jsonl":
            dropped = (*dropped, "label")
        return dump({key: value for key, value in record.items() if key not in dropped})

    def prepare(self, records: Sequence[object]) -> Prepared:
        """Clean and encode records, each for itself: a bad one spoils no other.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            What the model takes, and what was wrong with the rest.
        """
        started = time.perf_counter()
        texts: list[str] = []
        rows: list[int] = []
        errors: dict[int, Answer] = {}
        for row, record in enumerate(records):
            try:
                texts.append(self.text_of(record))
                rows.append(row)
            except UserError as error:
                errors[row] = {"error": str(error)}
        encoded = self._encode(texts)
        lengths = padded_lengths(encoded.lengths, self._preprocessing.padding)
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        return Prepared(encoded, np.array(rows, np.int64), lengths, errors, each_us)

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
        return self._scores(self._encode(texts))

    def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer records now, each for itself: a bad one spoils no other.

        Args:
            records: Raw lines or parsed records, [n].

        Returns:
            In their order `{"score", "label", "latency_us"}`, or `{"error"}`, [n]. The latency is
            the time that these records took together, from raw to score, divided by n.
        """
        started = time.perf_counter()
        prepared = self.prepare(records)
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

    def _encode(self, texts: Sequence[str]) -> Encoded:
        return encode(texts, self._vocabulary, self._preprocessing.max_length)

    def _scores(self, encoded: Encoded) -> npt.NDArray[np.float32]:
        from results.evaluate import probabilities

        rows, padding = np.arange(len(encoded)), self._preprocessing.padding
        return probabilities(self._score, encoded, rows, padding=padding, batch_size=BATCH_SIZE)


@contextmanager
def side_by_side(count: int) -> Iterator[None]:
    """Let so many threads call models side by side, each computing with one core.

    On two cores two batches at once were scored 1.6 times as fast as one that both cores share,
    and a record took a quarter less processor time. Where TensorFlow has computed before, its
    threads stay as they are.

    Args:
        count: How many.
    """
    with hushed():
        import tensorflow as tf

    from spaces.fast.blas import one_blas_thread

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    with one_blas_thread():
        yield
