"""What a labeled log is like: classes, lengths, characters, leakage and paths."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.dataset.label_order import LabelOrder
from data.dataset.split import Split
from data.reading import AccessLog
from data.records import MAX_LENGTH, RecordError, Vocabulary, load_record

MOST_PATHS = 10


@dataclass(frozen=True)
class SliceClasses:
    """The classes of one slice; shares are from 0 to 1, and 0 for no rows."""

    name: str  # "fit", "validation" or "held-out"
    rows: int
    normal: int  # rows with label 0
    malicious: int  # rows with label 1
    normal_share: float
    malicious_share: float


@dataclass(frozen=True)
class TextLengths:
    """How many characters the texts have."""

    minimum: int
    median: float
    percentile_95: float
    maximum: int
    longer_share: float  # of the texts longer than 1024, which are cut; from 0 to 1


@dataclass(frozen=True)
class Characters:
    """The lower-cased characters that the texts are made of."""

    all_rows: int  # how many different ones there are; the assignment's num_words is one more
    train: int  # how many there are in the training part (fit and validation)
    # Those of the held-out part that the training part lacks, most frequent first.
    unknown: tuple[str, ...]
    unknown_rows: int  # how many held-out rows hold one of these


@dataclass(frozen=True)
class Leakage:
    """Held-out rows whose text occurs in the training part (fit and validation) too."""

    texts: int  # how many different texts occur on both sides
    rows: int  # how many held-out rows have one of them
    share: float  # these rows' share of the held-out part, from 0 to 1
    other_label: int  # how many of these rows are labeled otherwise in the training part


@dataclass(frozen=True)
class PathCount:
    """How many rows have a path, and their share of all rows, from 0 to 1."""

    path: str
    rows: int
    share: float


@dataclass(frozen=True)
class DataCard:
    """A labeled log at a glance.

    Attributes:
        source: Where the log came from.
        format: Its format.
        sha256: Fingerprint of its texts and labels.
        split: How its rows were split.
        rows: How many rows were used.
        skipped: How many bad rows were left out.
        slices: Classes of each slice.
        lengths: Characters in a text.
        characters: The vocabulary.
        leakage: What the training part and the held-out part have in common.
        paths: The most frequent paths; empty if the texts are no records.
        label_words: What the log itself calls its normal and its malicious rows.
        label_order: Whether the log is sorted by its labels.
        left_out: How many rows are in no slice, since their texts stand in an earlier one.
    """

    source: str
    format: str
    sha256: str
    split: str
    rows: int
    skipped: int
    slices: tuple[SliceClasses, ...]
    lengths: TextLengths
    characters: Characters
    leakage: Leakage
    paths: tuple[PathCount, ...]
    label_words: tuple[str, str]
    label_order: LabelOrder
    left_out: int

    @classmethod
    def of(cls, log: AccessLog, split: Split) -> "DataCard":
        """Describe a log whose rows are split this way."""
        return cls(
            source=log.source,
            format=log.format,
            sha256=log.sha256,
            split=split.name,
            rows=len(log.texts),
            skipped=log.skipped,
            slices=_slices(log, split),
            lengths=_lengths(log.texts),
            characters=_characters(log, split),
            leakage=_leakage(log, split),
            paths=_paths(log.texts),
            label_words=log.label_words,
            label_order=LabelOrder.of(log.labels),
            left_out=len(log.texts) - sum(map(len, split.slices.values())),
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _slices(log: AccessLog, split: Split) -> tuple[SliceClasses, ...]:
    made = []
    for name, rows in split.slices.items():
        normal, malicious = np.bincount(log.labels[rows], minlength=2).tolist()
        shares = _share(normal, len(rows)), _share(malicious, len(rows))
        made.append(SliceClasses(name, len(rows), normal, malicious, *shares))
    return tuple(made)


def _lengths(texts: Sequence[str]) -> TextLengths:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    median, percentile_95 = np.percentile(lengths, [50, 95]).tolist()
    longer = int((lengths > MAX_LENGTH).sum())
    return TextLengths(
        int(lengths.min()), median, percentile_95, int(lengths.max()), _share(longer, len(texts))
    )


def _characters(log: AccessLog, split: Split) -> Characters:
    everywhere = Vocabulary.fit(log.texts, unknown=False).characters
    train = set(Vocabulary.fit((log.texts[i] for i in split.train), unknown=False).characters)
    heldout = Vocabulary.fit((log.texts[i] for i in split.heldout), unknown=False).characters
    unknown = tuple(character for character in heldout if character not in train)
    holding = sum(not train.issuperset(log.texts[i].lower()) for i in split.heldout)
    return Characters(len(everywhere), len(train), unknown, holding)


def _leakage(log: AccessLog, split: Split) -> Leakage:
    train = {(log.texts[i], int(log.labels[i])) for i in split.train}
    train_texts = {text for text, _ in train}
    heldout = [(log.texts[i], int(log.labels[i])) for i in split.heldout]
    shared = [(text, label) for text, label in heldout if text in train_texts]
    return Leakage(
        texts=len({text for text, _ in shared}),
        rows=len(shared),
        share=_share(len(shared), len(heldout)),
        other_label=sum((text, 1 - label) in train for text, label in shared),
    )


def _paths(texts: Sequence[str]) -> tuple[PathCount, ...]:
    counts: Counter[str] = Counter()
    for text in texts:
        try:
            record = load_record(text)
        except RecordError:
            continue
        if "path" in record:
            counts[str(record["path"])] += 1
    return tuple(
        PathCount(path, rows, _share(rows, len(texts)))
        for path, rows in counts.most_common(MOST_PATHS)
    )
