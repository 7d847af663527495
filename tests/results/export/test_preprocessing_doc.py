"""PREPROCESSING.md says what is done under each setting, and the test vectors agree."""

import json

import numpy as np
import pytest

from data.dataset import Dataset
from data.records import DROPPED_KEYS, Preprocessing, RowLayout, clean
from results.export import Sample
from results.export.preprocessing_doc import VECTORS, preprocessing_text, raw_record, vectors_text
from results.scoring import Threshold
from tests.data.records.served import export_settings, predicted

PREPROCESSING = Preprocessing("access-log", DROPPED_KEYS, True, "real")
HALF = Threshold(0.5, "0.5")


def test_a_log_and_its_settings() -> None:
    given = Preprocessing("access-log", ("timestamp", "headers"), True, "real")
    said = preprocessing_text(given, Threshold(0.125, "0.125"))
    assert "inside it: `timestamp`, `headers`." in said
    assert "separators `,` and `:`" in said
    assert "has one more id" in said
    assert "last 1024 ids" in said
    assert "multiple of 32 (at least 32, at most 1024)" in said
    assert "(0.125)" in said


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format": "text"}, "Nothing is done to a plain text"),
        ({"format": "jsonl"}, "its key `label`, where it has one, is deleted"),
        ({"unknown": False}, "Every other character is left out"),
        ({"padding": "full"}, "Pad on the left with 0** to 1024 ids"),
        ({"dropped_keys": ()}, "inside it: none"),
    ],
)
def test_other_settings(changed: dict[str, object], says: str) -> None:
    values = {"format": "access-log", "dropped_keys": ("a",), "unknown": True, "padding": "real"}
    assert says in preprocessing_text(Preprocessing.of({**values, **changed}), HALF)


def test_each_step_is_what_the_search_did(dataset: Dataset) -> None:
    heldout = np.asarray(dataset.split.heldout)
    scores = np.linspace(0, 1, len(heldout)).astype(np.float32)
    scores[int(dataset.encoded.lengths[heldout].argmax())] = np.nan
    sample = Sample(dataset.encoded, heldout, scores, "real")
    made = [json.loads(line) for line in vectors_text(dataset, sample, PREPROCESSING).splitlines()]
    assert len(made) == VECTORS
    known = {dataset.texts[int(row)]: index for index, row in enumerate(heldout)}
    for vector in made:
        assert list(vector) == ["raw", "text", "ids", "padded_length", "score"]
        assert vector["raw"] != vector["text"]
        assert predicted([[vector["raw"]]], PREPROCESSING) == [vector["text"]]
        ids = dataset.vocabulary.encode(vector["text"])[-1024:]
        assert vector["ids"] == ids.tolist()
        assert len(ids) <= vector["padded_length"] < len(ids) + 32
        assert vector["padded_length"] % 32 == 0
        expected = scores[known[vector["text"]]]
        score = np.float32(np.nan if vector["score"] is None else vector["score"])
        np.testing.assert_equal(score, expected)
    assert sum(vector["score"] is None for vector in made) == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"path":"/"}',
        '{"q":"gr\\u00f6\\u00dfe \\ud83d\\ude00","n":[1,1.5,1e+16,null,true]}',
        '{"q":"\\ud800"}',
        "{}",
    ],
)
def test_a_raw_record_gives_cleaning_its_work(text: str) -> None:
    made = raw_record(text, "access-log", ("timestamp", "headers"))
    assert clean(made, ("timestamp", "headers")) == text
    assert '"timestamp": ' in made
    assert raw_record(text, "jsonl", ()) == made.replace(
        '"timestamp": "deleted 0", "headers": "deleted 1"' + ", " * (text != "{}"), ""
    )


@pytest.mark.parametrize("text", ["a\nb", "hello\r", "a\r\n\r\nb", 'a "b"\n'])
def test_a_line_break_is_quoted(text: str) -> None:
    layout = RowLayout(is_multiline=True)
    lines = [f"{line}\n" for line in raw_record(text, "text", (), layout).split("\n")]
    assert predicted([lines], export_settings(layout=layout)) == [text]


@pytest.mark.parametrize("text", ["plain", 'a,"b",0', "", "a,1", "größe"])
def test_a_text_is_quoted_where_it_must_be(text: str) -> None:
    assert predicted([[raw_record(text, "text", ())]], export_settings()) == [text]
