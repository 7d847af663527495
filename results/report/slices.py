"""Where models are right and where they are not: confusion, endpoints, lengths of records."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.common import UserError
from data.reading import load
from results.report.text import visible
from results.scoring import predictions, wilson

MOST_PATHS = 12
NO_PATH = "(no path)"
OTHERS = "(all others)"
EDGES = (0, 64, 96, 128, 192, 256, 512, 1024)

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """One model's predictions at .5 against the labels, as counts of rows.

    Attributes:
        name: The model.
        hits: Attacks that it called attacks.
        misses: Attacks that it let pass.
        alarms: Normal rows that it called attacks.
        passes: Normal rows that it let pass.
    """

    name: str
    hits: int
    misses: int
    alarms: int
    passes: int


@dataclass(frozen=True)
class Right:
    """How often a model is right on a part of the rows.

    Attributes:
        accuracy: The share of them, from 0 to 1.
        low: Lower end of its 95 % Wilson interval.
        high: Upper end.
    """

    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Part:
    """A part of the held-out rows.

    Attributes:
        name: The endpoint, or the lengths.
        rows: How many rows.
        malicious: How many of them are attacks.
        right: By model.
    """

    name: str
    rows: int
    malicious: int
    right: Mapping[str, Right]


def confusion(name: str, labels: npt.ArrayLike, scores: npt.ArrayLike) -> Confusion:
    """Count a model's predictions.

    Args:
        name: The model.
        labels: 0 or 1, [n].
        scores: Probabilities of label 1, [n].
    """
    truth, called = np.asarray(labels).astype(bool), predictions(scores)
    return Confusion(
        name,
        hits=int((called & truth).sum()),
        misses=int((~called & truth).sum()),
        alarms=int((called & ~truth).sum()),
        passes=int((~called & ~truth).sum()),
    )


def path_of(text: str) -> str:
    """Give a cleaned record's endpoint.

    Args:
        text: The record.

    Returns:
        Its path with everything visible; `NO_PATH` for a text that is no record.
    """
    try:
        record = load(text)
    except UserError:
        return NO_PATH
    return visible(record["path"]) if "path" in record else NO_PATH


def by_endpoint(
    texts: Sequence[str], labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> list[Part]:
    """Part held-out rows by endpoint, the most frequent first, the rare ones together.

    Args:
        texts: Cleaned records, [n].
        labels: 0 or 1, [n].
        scores: Probabilities of label 1 by model, each [n].
    """
    paths = [path_of(text) for text in texts]
    most = [path for path, _ in Counter(paths).most_common(MOST_PATHS)]
    groups = np.array([most.index(path) if path in most else len(most) for path in paths])
    return _parts([*most, OTHERS], groups, labels, scores)


def by_length(
    texts: Sequence[str], labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> list[Part]:
    """Part held-out rows by their number of characters.

    Args:
        texts: Cleaned records, [n].
        labels: 0 or 1, [n].
        scores: Probabilities of label 1 by model, each [n].
    """
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    names = [f"{low + 1:,} to {high:,}" for low, high in itertools.pairwise(EDGES)]
    groups = np.clip(np.searchsorted(EDGES, lengths) - 1, 0, len(names))
    return _parts([*names, f"longer than {EDGES[-1]:,}, cut"], groups, labels, scores)


def _parts(
    names: Sequence[str],
    groups: Rows,
    labels: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
) -> list[Part]:
    truth = np.asarray(labels).astype(bool)
    right = {name: predictions(score) == truth for name, score in scores.items()}
    found = []
    for number, name in enumerate(names):
        rows = groups == number
        if rows.any():
            each = {model: _right(correct[rows]) for model, correct in right.items()}
            found.append(Part(name, int(rows.sum()), int(truth[rows].sum()), each))
    return found


def _right(correct: Bools) -> Right:
    count = int(correct.sum())
    return Right(count / correct.size, *wilson(count, correct.size))
