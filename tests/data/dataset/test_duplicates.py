"""Texts in more than one slice: counted, and left out if told so."""

from pathlib import Path

import numpy as np
import pytest

from data.common import UserError
from data.dataset import Dataset, LabelOrder, Split, prepare, repeated, without_repeated
from data.reading import AccessLog, Texts

# fit: a b c ö | validation: a d | held out: d a e é
TEXTS = ["a", "b", "c", "ö", "a", "d", "d", "a", "e", "é"]
SPLIT = Split("by hand", np.arange(4), np.array([4, 5]), np.arange(6, 10))


@pytest.mark.parametrize("texts", [TEXTS, Texts.of(TEXTS)])
def test_repeated_texts(texts: list[str] | Texts) -> None:
    found = repeated(texts, SPLIT.heldout, SPLIT.train)
    assert found.tolist() == [True, True, False, False]


def test_no_text_is_left_in_two_slices() -> None:
    kept = without_repeated(SPLIT, TEXTS)
    assert [part.tolist() for part in kept.slices.values()] == [[0, 1, 2, 3], [5], [8, 9]]
    assert kept.name == "by hand"


def log_of(texts: list[str]) -> AccessLog:
    labels = np.array([n % 3 == 0 for n in range(len(texts))], np.uint8)
    return AccessLog(texts, labels, "text", "here", 0, "f" * 64)


# Every fifth text stands once more in the last quarter.
LOG = log_of([f"text {n % 5}" if n >= 75 and n % 5 else f"text {n}" for n in range(100)])


def test_they_are_counted_as_they_are_left(tmp_path: Path) -> None:
    dataset = prepare(LOG, batch_size=8)
    assert dataset.facts["heldout_repeated"] == 20
    assert "duplicates_left_out" not in dataset.facts
    dataset.save(tmp_path)
    assert int(Dataset.load(tmp_path).heldout_repeated.sum()) == 20


def test_they_are_left_out(tmp_path: Path) -> None:
    dataset = prepare(LOG, batch_size=8, drop_duplicates=True)
    assert dataset.facts["rows"] == 100
    assert dataset.facts["slices"] == {"fit": 56, "validation": 19, "held-out": 5}
    assert dataset.facts["duplicates_left_out"] == {"fit": 0, "validation": 0, "held-out": 20}
    assert dataset.facts["heldout_repeated"] == 0
    dataset.save(tmp_path)
    assert Dataset.load(tmp_path).split.heldout.tolist() == [75, 80, 85, 90, 95]


def test_a_slice_that_loses_a_class_names_the_option() -> None:
    log = log_of([f"text {n % 75}" for n in range(100)])
    with pytest.raises(UserError) as error:
        prepare(log, batch_size=8, drop_duplicates=True)
    assert str(error.value) == (
        "the held-out part has no row of class 0 (normal) among its 0, once --drop-duplicates has "
        "left out the rows whose text stands in an earlier part; give --no-drop-duplicates or a "
        "longer log"
    )
    assert LabelOrder.of(log.labels).is_mixed
