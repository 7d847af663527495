"""Rows that a program has in memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.common.errors import UserError
from data.reading import IN_MEMORY, as_frame, read_log
from data.reading.frame import is_parquet

TEXTS = ["win, cash", "lunch?", "free \n prize", "see you"]
LABELS = ["spam", "ham", "spam", "ham"]


def test_a_frame_of_the_log_is_the_log(log_file: Path) -> None:
    frame = pd.read_csv(log_file, quotechar="|", header=None)
    read, original = read_log(frame), read_log(log_file)
    assert (read.format, read.sha256, read.source) == ("access-log", original.sha256, IN_MEMORY)


def test_the_format_of_a_frame_is_kept_to(log_file: Path) -> None:
    frame = pd.read_csv(log_file, quotechar="|", header=None)
    assert read_log(frame, format="access-log").sha256 == read_log(log_file).sha256
    assert read_log(frame, format="text").texts[0].startswith('{"timestamp"')
    for format in ("jsonl", "access-log"):
        with pytest.raises(UserError, match=f"--format is {format}, but its column of texts is"):
            read_log(as_frame((TEXTS, LABELS)), format=format)


def test_parquet_behind_a_url_is_told_by_its_path_and_its_password_is_not() -> None:
    assert is_parquet("https://host/a.parquet?download=true")
    assert not is_parquet("https://host/a.csv?like=b.parquet")
    with pytest.raises(UserError, match=r"@host/a\.parquet\?download=true: ") as refused:
        read_log("nosuch://user:secret@host/a.parquet?download=true")
    assert "secret" not in str(refused.value)


def test_bytes_and_records_are_read_as_a_file_would_write_them(log_file: Path) -> None:
    frame = pd.read_csv(log_file, quotechar="|", header=None)
    as_bytes = frame.assign(**{"0": frame.pop(0).str.encode("utf-8")})[["0", 1]]
    assert read_log(as_bytes).sha256 == read_log(log_file).sha256
    query = np.array(["a", "b"], object)
    record = {"method": "get", "path": "/é", "query": query, "n": np.int64(3)}
    frame = pd.DataFrame({"record": [record, record], "label": [0, 1]})
    read = read_log(frame)
    assert read.format == "access-log"
    assert json.loads(read.texts[0]) == {"method": "get", "path": "/é", "query": ["a", "b"], "n": 3}


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
    both = read_log(frame, text_column=["2", "1"], label_column="kind")
    assert list(both.texts) == [f"{text} x" for text in TEXTS]
    with pytest.raises(UserError, match="--text-column is 'body', but the columns are 'id'"):
        read_log(frame, text_column="body", label_column="kind")


@pytest.mark.parametrize("as_file", [False, True])
def test_a_text_beside_records_may_be_named(tmp_path: Path, as_file: bool) -> None:
    record = '{"method":"get","path":"/"}'
    frame = pd.DataFrame({"r": [record] * 4, "t": TEXTS, "kind": LABELS, "host": list("abab")})
    frame.to_csv(tmp_path / "log.csv", index=False)
    source = str(tmp_path / "log.csv") if as_file else frame
    read = read_log(source, text_column="t", label_column="kind", group_column="host")
    assert (read.format, list(read.texts)) == ("text", TEXTS)
    assert read.groups is not None and read.groups.tolist() == [0, 1, 0, 1]
    both = read_log(source, text_column="r", label_column="kind")
    assert both.format == "access-log"


@pytest.mark.parametrize("name", ["text_column", "label_column", "group_column"])
def test_a_columns_name_is_not_empty(name: str) -> None:
    with pytest.raises(UserError, match="the name of a column is empty; give its name, or"):
        read_log(pd.DataFrame({"text": TEXTS, "label": LABELS}), **{name: ""})


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


def test_one_name_is_as_good_as_a_list_and_so_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"timestamp":1,"a":"x","label":2}\n{"timestamp":2,"a":"y","label":3}\n')
    read = read_log(path, dropped_keys="timestamp", positive=3)
    assert (list(read.texts), read.labels.tolist()) == (['{"a":"x"}', '{"a":"y"}'], [0, 1])
    frame = pd.DataFrame({"id": [7, 9, 4, 5], "kind": LABELS, "text": TEXTS})
    read = read_log(frame, text_column=3, label_column=2, positive="spam")
    assert (list(read.texts), read.labels.tolist()) == (TEXTS, [1, 0, 1, 0])
    assert list(read_log((TEXTS, LABELS)).texts) == TEXTS
    with pytest.raises(UserError, match="data is of type dict, but must be a path"):
        read_log({"text": TEXTS})  # type: ignore[arg-type]
