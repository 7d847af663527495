"""What an export remembers of the rows it was trained on, so that a log can be compared with them.

Characters and character trigrams that occur in them, and how long they are; of the held-out
rows, which the model has not seen, how they score and how much in them is new.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError, first_line
from data.records import Encoded, Vocabulary, padded_lengths

PROFILE = "training_profile.json"
_FORMAT = "model3-search training profile, version 1"
NGRAM = 3
_BITS = 20  # A log of 26,773 rows has some 20,000 trigrams, so that few share a place.
_PARTS = np.arange(1, 10) / 10
# Of a score. ONNX Runtime and Keras differ by less, and no edge may lie where many records score.
_STEP = 1e-4
_BATCH_SIZE = 512
_AT_ONCE = 2**14  # Then all that is computed of so many ids stays in the cache.

Ids = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Distribution:
    """How many values lie in each of some bins; those of training are about a tenth each.

    Attributes:
        edges: The upper ends of all bins but the last, rising, [k - 1]; a value that equals one
            lies below it.
        counts: How many values each has, [k].
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        edges, counts = self.edges, self.counts
        if len(counts) != len(edges) + 1 or not np.all(np.isfinite(edges)):
            raise ValueError("its bins do not fit")
        if np.any(np.diff(edges) <= 0) or np.any(counts < 0) or not counts.sum():
            raise ValueError("its bins are not in order or are empty")

    @classmethod
    def of_lengths(cls, lengths: npt.NDArray[np.int64]) -> "Distribution":
        """Take the deciles of lengths for edges."""
        return cls._with(np.quantile(lengths, _PARTS, method="inverted_cdf"), lengths)

    @classmethod
    def of_scores(cls, scores: npt.ArrayLike) -> "Distribution":
        """Take the deciles of finite probabilities for edges, to four digits."""
        scores = np.asarray(scores, np.float64)
        deciles = np.quantile(scores, _PARTS, method="inverted_cdf")
        return cls._with(
            np.minimum((np.round(deciles / _STEP) + 0.5), 1 / _STEP - 0.5) * _STEP, scores
        )

    @classmethod
    def _with(cls, edges: npt.ArrayLike, values: npt.ArrayLike) -> "Distribution":
        edges = np.unique(np.asarray(edges, np.float64))
        return cls(edges, count(edges, values))

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Distribution":
        """Check what `as_json` gave."""
        return cls(np.array(values["edges"], np.float64), np.array(values["counts"], np.int64))

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}

    def stability_index(self, counts: npt.NDArray[np.int64]) -> float:
        """Return the population stability index of other values in the same bins.

        The sum of (a - e) * ln(a / e) over the bins, of shares a here and e in training: below .1
        nothing has changed much, above .25 the population is another one (Siddiqi, Credit Risk
        Scorecards, 2006). Half a value is added to each bin, so that an empty one is no infinity.

        Args:
            counts: How many of the other values each bin has, [k].

        Returns:
            The index, 0 or more.
        """
        expected, actual = ((c + 0.5) / (c + 0.5).sum() for c in (self.counts, counts))
        return float(((actual - expected) * np.log(actual / expected)).sum())

    def chance(self, size: int) -> float:
        """Return the index that samples of one population exceed one time in twenty.

        About the 95th percentile of chi-squared at k - 1 degrees of freedom, times the sum of the
        samples' 1/n (Yurdakul, Statistical Properties of Population Stability Index, 2018,
        https://scholarworks.wmich.edu/dissertations/3208).
        """
        freedom = len(self.edges)
        part = 2 / (9 * freedom)  # Wilson and Hilferty's approximation
        return float(
            freedom * (1 - part + 1.645 * part**0.5) ** 3 * (1 / self.counts.sum() + 1 / size)
        )


@dataclass(frozen=True)
class Novelty:
    """How much in some records the training rows did not have.

    Attributes:
        characters: Characters, as the model sees them.
        unseen_characters: Those outside the vocabulary; 0 if they are left out.
        ngrams: Character trigrams.
        unseen_ngrams: Those that no training row has.
    """

    characters: int = 0
    unseen_characters: int = 0
    ngrams: int = 0
    unseen_ngrams: int = 0

    def __add__(self, other: "Novelty") -> "Novelty":
        return Novelty(
            self.characters + other.characters,
            self.unseen_characters + other.unseen_characters,
            self.ngrams + other.ngrams,
            self.unseen_ngrams + other.unseen_ngrams,
        )


@dataclass(frozen=True)
class TrainingProfile:
    """What is remembered.

    Attributes:
        vocabulary: The export's.
        seen: Whether a run of three ids occurs in a training row, by the run's hash, bool [2^20].
        lengths: How many ids the training rows have.
        scores: How the held-out rows score.
        heldout: What is new in the held-out rows.
    """

    vocabulary: Vocabulary
    seen: npt.NDArray[np.bool_]
    lengths: Distribution
    scores: Distribution
    heldout: Novelty

    @classmethod
    def of(
        cls,
        vocabulary: Vocabulary,
        encoded: Encoded,
        trained: Rows,
        heldout: Rows,
        scores: npt.NDArray[np.float32],
    ) -> "TrainingProfile | None":
        """Remember some rows.

        Args:
            vocabulary: What they are encoded by.
            encoded: All records.
            trained: The rows that the model was trained on.
            heldout: The held-out rows, m of them.
            scores: Their probabilities of label 1, float32 [m].

        Returns:
            The profile; None if no score is finite.
        """
        finite = scores[np.isfinite(scores)]
        if not len(finite):
            return None
        seen = np.zeros(2**_BITS, bool)
        for ids in _padded(encoded, trained):
            hashes, whole = _ngrams(ids, vocabulary.num_words)
            seen[hashes[whole]] = True
        blank = cls(
            vocabulary,
            seen,
            Distribution.of_lengths(encoded.lengths[trained]),
            Distribution.of_scores(finite),
            Novelty(),
        )
        new = sum((blank.novelty(ids) for ids in _padded(encoded, heldout)), Novelty())
        return cls(vocabulary, seen, blank.lengths, blank.scores, new)

    def novelty(self, ids: Ids) -> Novelty:
        """Count what is new in ids whose records two zeros or more keep apart, 1-D."""
        known = whole = 0
        for start in range(0, len(ids), _AT_ONCE):
            hashes, is_whole = _ngrams(
                ids[start : start + _AT_ONCE + NGRAM - 1], self.vocabulary.num_words
            )
            known += int(np.count_nonzero(self.seen.take(hashes) & is_whole))
            whole += int(np.count_nonzero(is_whole))
        unknown = len(self.vocabulary.characters) + 1
        return Novelty(
            characters=int(np.count_nonzero(ids)),
            unseen_characters=int(np.count_nonzero(ids == unknown)),
            ngrams=whole,
            unseen_ngrams=whole - known,
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the vocabulary."""
        packed = zlib.compress(np.packbits(self.seen).tobytes(), 9)
        heldout = self.heldout
        return {
            "format": _FORMAT,
            "seen_ngrams": base64.b64encode(packed).decode("ascii"),
            "lengths": self.lengths.as_json(),
            "heldout_scores": self.scores.as_json(),
            "heldout_characters": [heldout.unseen_characters, heldout.characters],
            "heldout_ngrams": [heldout.unseen_ngrams, heldout.ngrams],
        }

    @classmethod
    def of_json(cls, values: Any, vocabulary: Vocabulary) -> "TrainingProfile":
        """Check what `as_json` gave.

        Raises:
            ValueError: If it is something else.
        """
        try:
            if values["format"] != _FORMAT:
                raise ValueError("this version does not know its format")
            packed = base64.b64decode(values["seen_ngrams"], validate=True)
            # With a limit: a small file may declare more than there is memory.
            bits = zlib.decompressobj().decompress(packed, 2**_BITS // 8)
            seen = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(bool)
            if len(seen) != 2**_BITS:
                raise ValueError("its n-grams are cut off")
            (new_characters, characters), (new_ngrams, ngrams) = (
                map(int, values[name]) for name in ("heldout_characters", "heldout_ngrams")
            )
            return cls(
                vocabulary,
                seen,
                Distribution.of_json(values["lengths"]),
                Distribution.of_json(values["heldout_scores"]),
                Novelty(characters, new_characters, ngrams, new_ngrams),
            )
        except (KeyError, TypeError, OverflowError, zlib.error) as error:
            raise ValueError(f"its names or types are wrong ({first_line(error)})") from error


def load_profile(folder: Path, vocabulary: Vocabulary) -> TrainingProfile | None:
    """Read the profile of a verified export.

    Args:
        folder: The export.
        vocabulary: Its vocabulary.

    Returns:
        The profile; None if an earlier version wrote the export, or the model has no scores.

    Raises:
        UserError: If it is damaged.
    """
    path = folder / PROFILE
    if not path.is_file():
        return None
    try:
        return TrainingProfile.of_json(json.loads(path.read_text(encoding="utf-8")), vocabulary)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"'{folder}' is damaged: {PROFILE}: {first_line(error)}; export it again"
        ) from error


def count(edges: npt.NDArray[np.float64], values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Count the values in each bin between edges, int64 [len(edges) + 1]."""
    places = np.searchsorted(edges, np.asarray(values, np.float64))
    return np.bincount(places, minlength=len(edges) + 1)


def apart(ids: npt.NDArray[np.int32]) -> Ids:
    """Lay padded records, [b, length], end to end with zeros between them, 1-D."""
    laid = np.zeros((len(ids), ids.shape[1] + NGRAM - 1), np.uint32)
    laid[:, NGRAM - 1 :] = ids
    return laid.reshape(-1)


def _ngrams(ids: Ids, num_words: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Hash every run of three ids by multiplication (Knuth, volume 3, 6.4).

    Args:
        ids: n of them, 1-D, with two zeros or more between records.
        num_words: How many ids there are.

    Returns:
        The runs' hashes of 20 bits, [n - 2], and whether each has no padding, bool [n - 2].
    """
    is_id = ids != 0
    # Between two ids of one record there is no padding.
    is_whole = is_id[:-2] & is_id[2:]
    keys = ids[:-2] * np.uint32(num_words)
    keys += ids[1:-1]
    keys *= np.uint32(num_words)
    keys += ids[2:]
    keys *= np.uint32(2654435769)
    keys >>= np.uint32(32 - _BITS)
    return keys, is_whole


def _padded(encoded: Encoded, rows: Rows) -> Iterator[Ids]:
    from data.dataset import batches  # Here, since nothing that predicts needs it.

    lengths = padded_lengths(encoded.lengths[rows], "real")
    for batch in batches(np.arange(len(rows)), lengths, _BATCH_SIZE, None):
        yield apart(encoded.padded(rows[batch.rows], batch.length))
