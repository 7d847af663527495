"""A log made ready for training: encoded, split, and kept in a folder that processes share."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data.common import UserError, new_folder, write_text
from data.dataset.split import (
    Split,
    check_split,
    make_split,
    missing_class,
    repeated,
    without_repeated,
)
from data.reading import LABEL_WORDS, AccessLog, Texts
from data.records import DROPPED_KEYS, LABEL_KEY, Encoded, RowLayout, Vocabulary, encode

VocabularyFrom = Literal["train", "all"]

# Reading a file that is not there, was cut short or holds something else can raise these.
_DAMAGED = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile),
    # These come from a file that is nested too deeply, or declares more than it holds.
    *(RecursionError, MemoryError),
)


@dataclass(frozen=True)
class Dataset:
    """Everything a training needs to know of a log.

    Attributes:
        encoded: The ids of its n records.
        labels: 0 normal or 1 malicious, uint8 [n].
        split: Which rows fit, validate and are held out.
        vocabulary: The characters' ids.
        facts: What the leaderboard says of the data: source, format, rows, skipped rows, dropped
            keys, fingerprint, words for the labels, split, vocabulary, number of ids, share of
            malicious rows a slice, held-out rows whose text stands in the training part too; the
            column of the groups and the rows that were left out as duplicates, if it was told so.
        folder: Where it is stored; None before `save`.
        kept_texts: The cleaned records; None if they are to be read from the folder.
    """

    encoded: Encoded
    labels: npt.NDArray[np.uint8]
    split: Split
    vocabulary: Vocabulary
    facts: dict[str, Any]
    folder: Path | None = None
    kept_texts: Texts | None = None

    @cached_property
    def texts(self) -> Texts:
        """The n cleaned records; mapped from the folder at the first use.

        Raises:
            UserError: They are missing or damaged there.
        """
        if self.kept_texts is not None:
            return self.kept_texts
        assert self.folder is not None
        return Texts.load(self.folder)

    @property
    def label_words(self) -> tuple[str, str]:
        """What the log itself calls label 0 and label 1."""
        normal, malicious = self.facts.get("label_words", LABEL_WORDS)
        return normal, malicious

    @property
    def heldout_repeated(self) -> npt.NDArray[np.bool_]:
        """Whether the text of each held-out row stands in the training part too, bool [m]."""
        return repeated(self.texts, self.split.heldout, self.split.train)

    @property
    def row_layout(self) -> RowLayout | None:
        """Where the text and the label stand in a line of the log; None if its format says so."""
        found = self.facts.get("row_layout")
        return None if found is None else RowLayout.of_json(found)

    @property
    def label_key(self) -> str:
        """The key of the label in the records of JSON Lines."""
        return str(self.facts.get("label_key", LABEL_KEY))

    @property
    def refitting(self) -> "Dataset":
        """The data set whose fit rows are all training rows, the validation rows among them.

        What is scored on its validation rows has been trained on them.
        """
        return replace(self, split=self.split.refitting)

    def save(self, folder: Path) -> None:
        """Write the data set as a folder, whole or not at all; a folder there is replaced.

        Raises:
            UserError: The folder cannot be written.
        """
        with new_folder(folder) as beside:
            np.save(beside / "ids.npy", self.encoded.ids)
            np.save(beside / "offsets.npy", self.encoded.offsets)
            save_vocabulary(self.vocabulary, beside / "vocabulary.json")
            np.save(beside / "labels.npy", self.labels)
            np.savez(beside / "split.npz", **self.split.slices)  # type: ignore[arg-type]
            self.texts.save(beside)
            write_text(beside / "facts.json", json.dumps(self.facts))

    def is_saved(self, folder: Path) -> bool:
        """Return whether `save` has written this data set into a folder that can still be read."""
        try:
            saved = Dataset.load(folder)
            return bool(saved.texts) and saved.facts == json.loads(json.dumps(self.facts))
        except UserError:
            return False

    @classmethod
    def load(cls, folder: Path) -> "Dataset":
        """Open what `save` wrote; the ids are mapped into memory, not copied.

        Raises:
            UserError: A file is missing or damaged.
        """
        try:
            facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
            # Opened here: numpy leaves a damaged archive open.
            with (folder / "split.npz").open("rb") as file, np.load(file) as arrays:
                parts = (arrays["fit"], arrays["validation"], arrays["held-out"])
            split = Split(facts["split"], *parts)
            labels = np.load(folder / "labels.npy")
            words = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
            vocabulary = Vocabulary.of_json(words)
            ids = np.load(folder / "ids.npy", mmap_mode="r")
            offsets = np.load(folder / "offsets.npy", mmap_mode="r")
            if not len(offsets) or offsets[-1] != len(ids):
                raise ValueError("the ids are not those of the offsets")
        except _DAMAGED as error:
            raise UserError(
                f"{folder}: no prepared data can be read from it; use another --study"
            ) from error
        return cls(Encoded(ids, offsets), labels, split, vocabulary, facts, folder)


def prepare(
    log: AccessLog,
    *,
    split: str = "chronological",
    vocabulary: VocabularyFrom = "train",
    dropped_keys: Sequence[str] = DROPPED_KEYS,
    batch_size: int = 128,
    drop_duplicates: bool = False,
) -> Dataset:
    """Split and encode a log.

    Args:
        log: The log.
        split: One of `SPLITS`; "group" needs a log that was read with groups.
        vocabulary: "train" takes the characters of the training part and gives all others one
            shared id; "all" takes those of every row, the held-out ones too, as the notebook did.
        dropped_keys: The keys that reading the log deleted; recorded.
        batch_size: Rows in a batch: the fit part must hold one.
        drop_duplicates: Leave out the held-out rows whose text stands in the training part, and the
            validation rows whose text is fitted.

    Returns:
        The data set, in memory.

    Raises:
        UserError: The log is too short, or a slice lacks a class.
    """
    rows = make_split(split, log.labels, log.groups)
    check_split(rows, log, batch_size)
    texts = log.texts if isinstance(log.texts, Texts) else Texts.of(log.texts)
    whole = rows
    if drop_duplicates:
        rows = _drop_duplicates(rows, texts, log)
    known = (
        Vocabulary.fit(texts, unknown=False)
        if vocabulary == "all"
        else Vocabulary.fit(texts.at(rows.train), unknown=True)
    )
    facts: dict[str, Any] = {
        "source": log.source,
        "format": log.format,
        "rows": len(texts),
        "skipped": log.skipped,
        "dropped_keys": list(dropped_keys),
        "fingerprint": log.sha256,
        "label_words": list(log.label_words),
        "row_layout": None if log.layout is None else log.layout.as_json(),
        "split": rows.name,
        "vocabulary": vocabulary,
        "num_words": known.num_words,
        "slices": {name: len(part) for name, part in rows.slices.items()},
        "malicious_share": {
            name: round(float(log.labels[part].mean()), 4) for name, part in rows.slices.items()
        },
        "heldout_repeated": int(repeated(texts, rows.heldout, rows.train).sum()),
    }
    if log.layout is None:  # JSON Lines.
        facts["label_key"] = log.label_key
    # A run of an earlier version, which did not know them, can then be resumed.
    if log.groups is not None:
        facts["group_column"] = log.group_column
        # The fingerprint of texts and labels does not know them, but the split depends on them.
        facts["group_fingerprint"] = hashlib.sha256(log.groups.tobytes()).hexdigest()
    if drop_duplicates:
        facts["duplicates_left_out"] = {
            name: len(part) - len(rows.slices[name]) for name, part in whole.slices.items()
        }
    return Dataset(encode(texts, known), log.labels, rows, known, facts, None, texts)


def _drop_duplicates(split: Split, texts: Texts, log: AccessLog) -> Split:
    kept = without_repeated(split, texts)
    lacking = missing_class(kept, log)
    if lacking is not None:
        raise UserError(
            f"{lacking}, once --drop-duplicates has left out the rows whose text stands in an "
            "earlier part; give --no-drop-duplicates or a longer log"
        )
    return kept


def save_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write a vocabulary as JSON."""
    write_text(path, json.dumps(vocabulary.as_json()) + "\n")
