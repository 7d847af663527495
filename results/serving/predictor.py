"""An exported model with its preprocessing: raw lines or records in, scores and labels out."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.records import (
    GRID,
    MAX_LENGTH,
    Answer,
    Encoded,
    Preprocessor,
    make_answer,
    padded_lengths,
)
from results.scoring import Score, score_padded
from results.serving.export_folder import Export, load_export
from results.serving.options import Runtime, register_space
from results.serving.runtime import load_scorer, one_core_per_thread

if TYPE_CHECKING:
    from results.drift import Drift

# Larger batches do not speed up short records, and slow long ones down by up to a sixth.
BATCH_SIZE = 256

log = logging.getLogger(__name__)


class Predictor:
    """An exported model together with its preprocessing.

    Args:
        export: The export.
        score: What scores a batch of padded ids.

    Attributes:
        preprocessor: Cleans and encodes records.
        threshold: The probability above which a record has label 1.
        label_words: What the log itself calls label 0 and label 1.
    """

    def __init__(self, export: Export, score: Score) -> None:
        self.preprocessor = Preprocessor(export.preprocessing, export.vocabulary)
        self._export = export
        self._padding = export.preprocessing.padding
        self._score = score
        self.threshold = export.threshold.value
        self.label_words = export.preprocessing.label_words

    @classmethod
    def load(cls, folder: Path, runtime: Runtime = "onnx") -> "Predictor":
        """Load an export.

        Args:
            folder: What `results.export` wrote.
            runtime: What computes the scores. "keras" is for a network with layers of your own
                that ONNX does not have; the program must have registered them with Keras.

        Returns:
            Its predictor.

        Raises:
            UserError: If the folder is incomplete or damaged, or has no model for that runtime.
        """
        export = load_export(folder)
        return cls(export, load_scorer(export, runtime))

    def warm_up(self) -> None:
        """Score something now, so that the first records do not wait for what is done only once."""
        for length in (GRID, MAX_LENGTH):
            self._score(np.zeros((1, length), np.int32))
        self.answers(["{}"])

    def watch(self) -> "Drift | None":
        """Compare what is scored from now on with the rows that the model was trained on.

        Returns:
            How far it is from them, whenever that is asked; None if the export does not say what
            they were like, as those of earlier versions do not.

        Raises:
            UserError: If what it says of them is damaged.
        """
        # Imported here, since --summary alone needs them for a few lines.
        from results.drift import Drift, load_profile

        profile = load_profile(self._export.folder, self._export.vocabulary)
        if profile is None:
            return None
        drift = Drift(profile)
        self._score = drift.watching(self._score)
        return drift

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
        encoded = self.preprocessor.encode(texts)
        return self._scores(encoded, padded_lengths(encoded.lengths, self._padding))

    def predict_proba(self, records: Iterable[object]) -> npt.NDArray[np.float32]:
        """Return the probabilities of both labels, as scikit-learn's classifiers do.

        Args:
            records: n raw records: of a log of plain texts, each is one exactly; of others a JSON
                object as a dict or a text, or a row of the log.

        Returns:
            Probabilities of label 0 and of label 1, float32 [n, 2].

        Raises:
            UserError: If one of them cannot be scored.
        """
        prepared = self.preprocessor.prepare(_as_list(records))
        for row, answer in prepared.errors.items():
            raise UserError(f"record {row + 1}: {answer['error']}")
        scores = self._scores(prepared.encoded, prepared.lengths)
        if not np.isfinite(scores).all():
            row = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise UserError(f"record {row + 1}: the model's score is not finite")
        return np.stack([1 - scores, scores], axis=1)

    def predict(self, records: Iterable[object]) -> npt.NDArray[np.int64]:
        """Return the label of each record: 1 if its probability is above the export's threshold.

        Args:
            records: n raw records, as for `predict_proba`.

        Returns:
            The labels 0 and 1, int64 [n]; `label_words` says what the log calls them.

        Raises:
            UserError: If one of them cannot be scored.
        """
        # In float64, as `answers`: float32 would round the threshold.
        scores = self.predict_proba(records)[:, 1].astype(np.float64)
        above: npt.NDArray[np.bool_] = scores > self.threshold
        return above.astype(np.int64)

    def answers(self, records: Sequence[object]) -> list[Answer]:
        """Answer records independently: a bad one does not affect the others.

        Args:
            records: As `Preprocessor.text` takes them, [n]: of plain texts, each is one exactly.

        Returns:
            In their order `{"score", "label", "label_word", "latency_us"}`, or `{"error"}`, [n].
            The latency is the time from raw to score for all these records together, divided by n.
        """
        started = time.perf_counter()
        prepared = self.preprocessor.prepare(records)
        scores = self._scores(prepared.encoded, prepared.lengths).tolist()
        each_us = (time.perf_counter() - started) / max(len(records), 1) * 1e6
        found = dict(prepared.errors)
        for row, score in zip(prepared.rows.tolist(), scores, strict=True):
            found[row] = self.answer(score, each_us)
        return [found[row] for row in range(len(records))]

    def answer(self, score: float, latency_us: float) -> Answer:
        """Make one answer from a probability of label 1 and the microseconds that it took."""
        answer = make_answer(score, self.threshold, self.label_words)
        if "error" not in answer:
            answer["latency_us"] = round(latency_us, 1)
        return answer

    def _scores(self, encoded: Encoded, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        rows = np.arange(len(encoded))
        if len(rows) == 1:  # What most requests bring; to group it takes as long as to prepare it.
            return self._score(encoded.padded(rows, int(lengths[0])))
        return score_padded(self._score, encoded, rows, lengths, batch_size=BATCH_SIZE)


def load(folder: str | Path, runtime: Runtime = "onnx") -> Predictor:
    """Load an exported model, such as a run's `best/`, to predict with.

    It computes in ONNX Runtime; neither TensorFlow nor the study is imported.

    Args:
        folder: What `results.export` or `Run.export` wrote.
        runtime: As for `Predictor.load`.

    Returns:
        Its predictor: `predict_proba(records)` and `predict(records)`.

    Raises:
        data.UserError: If the folder is incomplete or damaged, or has no model for that runtime.
    """
    return Predictor.load(Path(folder), runtime)


def _as_list(records: Iterable[object]) -> list[object]:
    if isinstance(records, str | bytes | Mapping) or getattr(records, "ndim", 1) != 1:
        raise UserError(
            f"the records are of type {type(records).__name__}, but must be a list of records, "
            "such as one column of a DataFrame"
        )
    return list(records)


@contextmanager
def open_predictor(
    folder: Path, runtime: Runtime, space: str | None = None, threads: int = 1
) -> Iterator[Predictor]:
    """Load an export for a command: ready to score at full speed within this block.

    Args:
        folder: What `results.export` wrote.
        runtime: What computes the scores.
        space: With "keras", the module that registers layers of one's own.
        threads: How many threads will call it at once.

    Yields:
        Its predictor.

    Raises:
        UserError: As `Predictor.load`; or if the space cannot be imported.
    """
    started = time.perf_counter()
    if runtime == "onnx":
        predictor = Predictor.load(folder)
        predictor.warm_up()
        yield predictor
        return
    with one_core_per_thread(threads):
        register_space(space)
        predictor = Predictor.load(folder, runtime)
        predictor.warm_up()
        log.info(
            "Keras computes the scores; it is warm after %.1f s", time.perf_counter() - started
        )
        yield predictor
