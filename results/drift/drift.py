"""How far what is scored has shifted from the rows that a model was trained on."""

from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from results.drift.training_profile import Novelty, TrainingProfile, apart, count
from results.scoring import Score

# Counting a batch at a time costs most of a request's time if batches are of one record.
_COUNTED_AT_ONCE = 2**14
# Figures of recent records are of so many to twice as many.
WINDOW = 5000

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """What some records had.

    Attributes:
        records: How many there were.
        novelty: What in them is new.
        lengths: How many lie in each bin of the profile's lengths.
        scores: How many lie in each bin of its scores; scores that are not finite in none.
        score_sum: The sum of these.
    """

    records: int
    novelty: Novelty
    lengths: _Counts
    scores: _Counts
    score_sum: float = 0.0

    @classmethod
    def empty(cls, profile: TrainingProfile) -> "Tally":
        """Begin to count."""
        lengths, scores = (np.zeros_like(d.counts) for d in (profile.lengths, profile.scores))
        return cls(0, Novelty(), lengths, scores)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.records + other.records,
            self.novelty + other.novelty,
            self.lengths + other.lengths,
            self.scores + other.scores,
            self.score_sum + other.score_sum,
        )


class Drift:
    """Counts what a model scores, beside what its profile remembers of the training rows.

    Any number of threads may score and read at the same time.

    Args:
        profile: Of the model's export.

    Attributes:
        profile: The same.
    """

    def __init__(self, profile: TrainingProfile) -> None:
        self.profile = profile
        self._lock = Lock()
        self._ids: list[npt.NDArray[np.uint32]] = []
        self._lengths: list[_Counts] = []
        self._scores: list[npt.NDArray[np.float32]] = []
        self._waiting = 0
        self._total = self._older = self._newer = Tally.empty(profile)

    def watching(self, score: Score) -> Score:
        """Return what scores as `score` does, and counts what it scored."""

        def watched(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
            scores = score(ids)
            self.observe(ids, scores)
            return scores

        return watched

    def observe(self, ids: npt.NDArray[np.int32], scores: npt.NDArray[np.float32]) -> None:
        """Take in a batch.

        Args:
            ids: Records padded on the left to one length, int32 [b, length].
            scores: Their probabilities of label 1, float32 [b].
        """
        laid, is_id = apart(ids), ids != 0
        # On the left stands the padding; a record without any id is all padding.
        lengths = np.where(is_id[:, -1], ids.shape[1] - is_id.argmax(axis=1), 0)
        with self._lock:
            self._ids.append(laid)
            self._lengths.append(lengths)
            self._scores.append(scores.copy())
            self._waiting += laid.size
            if self._waiting >= _COUNTED_AT_ONCE:
                self._count()

    @property
    def total(self) -> Tally:
        """Of all records."""
        with self._lock:
            self._count()
            return self._total

    @property
    def recent(self) -> Tally:
        """Of the last 5,000 to 10,000 records."""
        with self._lock:
            self._count()
            return self._older + self._newer

    def _count(self) -> None:
        if not self._ids:
            return
        profile = self.profile
        scores = np.concatenate(self._scores)
        lengths = np.concatenate(self._lengths)
        finite = scores[np.isfinite(scores)]
        new = Tally(
            len(scores),
            profile.novelty(np.concatenate(self._ids)),
            count(profile.lengths.edges, lengths),
            count(profile.scores.edges, finite),
            float(finite.sum(dtype=np.float64)),
        )
        self._ids, self._lengths, self._scores, self._waiting = [], [], [], 0
        self._total += new
        self._newer += new
        if self._newer.records >= WINDOW:
            self._older, self._newer = self._newer, Tally.empty(profile)
