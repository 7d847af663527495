"""Rows that a program has in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.common.errors import UserError
from data.reading import IN_MEMORY, as_frame, read_log

TEXTS = ["win, cash", "lunch?", "free \n prize", "see you"]
LABELS = ["spam", "ham", "spam", "ham"]


def test_a_frame_of_the_log_is_the_log(log_file: Path) -> None:
    frame = pd.read_csv(log_file, quotechar="|", header=None)
    read, original = read_log(frame), read_log(log_file)
    assert (read.format, read.sha256, read.source) == ("access-log", original.sha256, IN_MEMORY)


@pytest.mark.parametrize(
    "given",
    [
        (TEXTS, LABELS),
        (np.array(TEXTS), np.array(LABELS)),
        (pd.Series(TEXTS, index=[9, 8, 7, 6]), pd.Series(LABELS).astype("category")),
        (TEXTS, [True, False, True, False]),
        (TEXTS, np.array([1.0, 0.0, 1.0, 0.0])),
        pd.DataFrame({"label": LABELS, "text": TEXTS}),
        pd.DataFrame({"a": [1, 0, 1, 0], "b": TEXTS}, index=list("xyxy")),
    ],
)
def test_texts_and_labels_keep_their_order(given: Any) -> None:
    read = read_log(as_frame(given))
    assert list(read.texts) == TEXTS
    assert read.labels.tolist() == [1, 0, 1, 0]


def test_the_words_for_labels_are_the_programs() -> None:
    assert read_log(as_frame((TEXTS, LABELS))).label_words == ("ham", "spam")


def test_columns_may_be_named_and_have_one_name() -> None:
    frame = pd.DataFrame(
        [["x", text, label] for text, label in zip(TEXTS, LABELS, strict=True)],
        columns=["id", "id", "kind"],
    )
    read = read_log(frame, text_column="2", label_column="kind")
    assert list(read.texts) == TEXTS
    with pytest.raises(UserError, match="--text-column is 'body', but the columns are 'id'"):
        read_log(frame, text_column="body", label_column="kind")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "data is of type int, but must be a path, a pandas DataFrame, or two lists"),
        (TEXTS, "data is of type list"),
        ("no", "data is of type str"),
        (("ab", "01"), "data is of type tuple"),
        ((TEXTS, [0, 1]), "data has 4 texts and 2 labels"),
        (([b"a", "b"], [0, 1]), "row 1: the text is of type bytes, but must be a str"),
    ],
)
def test_other_things_are_refused(given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        as_frame(given)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pd.DataFrame({"text": ["a", "b"], "label": [1, None]}), f"{IN_MEMORY}, row 2: the label"),
        (pd.DataFrame({"text": [], "label": []}), "no usable row"),
        (pd.DataFrame({"text": ["a"]}), "row 1: has 1 column"),
    ],
)
def test_a_bad_row_is_named(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_log(frame)
