"""Where models are right and where they are not: confusion, endpoints, lengths of records."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.records import RecordError, load_record
from results.report.text import visible
from results.scoring import predictions, wilson

MOST_PATHS = 12
NO_PATH = "(no path)"
OTHERS = "(all others)"
EDGES = (0, 64, 96, 128, 192, 256, 512, 1024)


@dataclass(frozen=True)
class Confusion:
    """One model's predictions at .5 against the labels, as counts of rows."""

    name: str
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


@dataclass(frozen=True)
class GroupAccuracy:
    """The share of a group's rows that a model gets right, with its 95 % Wilson interval."""

    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """How many held-out rows have an endpoint, or a range of lengths, in common."""

    name: str
    rows: int
    malicious: int
    accuracy: Mapping[str, GroupAccuracy]  # by model


def confusion(name: str, labels: npt.ArrayLike, scores: npt.ArrayLike) -> Confusion:
    """Count a model's predictions; labels and probabilities of label 1 are each [n]."""
    truth, called = np.asarray(labels).astype(bool), predictions(scores)
    return Confusion(
        name,
        true_positives=int((called & truth).sum()),
        false_negatives=int((~called & truth).sum()),
        false_positives=int((called & ~truth).sum()),
        true_negatives=int((~called & ~truth).sum()),
    )


def path_of(text: str) -> str:
    """Return a cleaned record's path with everything visible; `NO_PATH` if it has none."""
    try:
        record = load_record(text)
    except RecordError:
        return NO_PATH
    return visible(record["path"]) if "path" in record else NO_PATH


def by_endpoint(
    texts: Sequence[str], labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> list[Group]:
    """Group held-out rows by endpoint, the most frequent first, the rare ones together."""
    paths = [path_of(text) for text in texts]
    most = [path for path, _ in Counter(paths).most_common(MOST_PATHS)]
    numbers = [most.index(path) if path in most else len(most) for path in paths]
    return _groups([*most, OTHERS], np.array(numbers), labels, scores)


def by_length(
    texts: Sequence[str], labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> list[Group]:
    """Group held-out rows by their number of characters; arguments as in `by_endpoint`."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    names = [f"{low + 1:,} to {high:,}" for low, high in itertools.pairwise(EDGES)]
    numbers = np.clip(np.searchsorted(EDGES, lengths) - 1, 0, len(names))
    return _groups([*names, f"longer than {EDGES[-1]:,}, cut"], numbers, labels, scores)


def _groups(
    names: Sequence[str],
    numbers: npt.NDArray[np.int64],
    labels: npt.ArrayLike,
    scores: Mapping[str, npt.ArrayLike],
) -> list[Group]:
    truth = np.asarray(labels).astype(bool)
    correct = {name: predictions(score) == truth for name, score in scores.items()}
    found = []
    for number, name in enumerate(names):
        rows = numbers == number
        size = int(rows.sum())
        if size:
            counts = {model: int(right[rows].sum()) for model, right in correct.items()}
            each = {m: GroupAccuracy(n / size, *wilson(n, size)) for m, n in counts.items()}
            found.append(Group(name, size, int(truth[rows].sum()), each))
    return found
