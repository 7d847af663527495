"""PREPROCESSING.md says what is done under each setting."""

import pytest

from results.export.preprocessing_doc import preprocessing_text
from results.scoring import Threshold
from results.serving import Preprocessing

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
