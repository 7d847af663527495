"""Words for labels: which are known, which belong together, and what is said of others."""

import pytest

from data.common import UserError
from data.reading.labels import LABEL_WORDS, MOST_VALUES, Labels, UnknownLabel
from data.records import canonical_label


@pytest.mark.parametrize(
    ("word", "common"),
    [
        *((" Spam ", "spam"), ("1", "1"), ("1.0", "1"), ("1.", "1"), ("+1", "1"), ("-0.00", "0")),
        *(("-1", "-1"), ("01", "01"), ("1.5", "1.5"), ("1e0", "1e0"), ("\u0661", "\u0661")),
        *(("9" * 30, "9" * 30), ("", "")),
    ],
)
def test_what_equal_labels_have_in_common(word: str, common: str) -> None:
    assert canonical_label(word) == common


def test_a_long_wrong_label_is_shortened() -> None:
    with pytest.raises(UnknownLabel) as caught:
        Labels().number("x" * 1000)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["0", "1", "1.0"], None),
        (["Ham", "spam", "ham"], "label 0 is 'Ham' (2 rows), label 1 is 'spam' (1 row)"),
        (["ham"], "label 0 is 'ham' (1 row), label 1 is nothing (0 rows)"),
    ],
)
def test_one_line_says_what_is_0_and_what_is_1(words: list[str], told: str | None) -> None:
    labels = Labels()
    for word in words:
        labels.number(word)
    assert labels.describe() == told


def test_all_that_is_not_positive_is_0() -> None:
    labels = Labels(("a", "B"))
    assert [labels.number(word) for word in ("A", "b", "c", "0", "1")] == [1, 1, 0, 0, 0]
    assert labels.words == ("other", "A, b")
    with pytest.raises(UserError, match="the label is empty"):
        labels.number(" ")
    assert labels.describe() == "label 0 is 'c', '0', '1' (3 rows), label 1 is 'A', 'b' (2 rows)"


def test_all_that_is_not_negative_is_1() -> None:
    labels = Labels(negative=("a", "B"))
    assert [labels.number(word) for word in ("A", "b", "c", "0", "1")] == [0, 0, 1, 1, 1]
    assert labels.words == ("A, b", "other")
    with pytest.raises(UserError, match="the label is empty"):
        labels.number(" ")
    labels.check()
    with pytest.raises(UserError, match=r"--negative names 'b', but the labels are 'a' \(1 row\)"):
        labels = Labels(negative=("a", "b"))
        labels.number("a")
        labels.check()


@pytest.mark.parametrize(
    ("named", "labels", "words"),
    [
        ({"positive": ("x",)}, "xab", ("not x", "x")),
        ({"negative": ("x",)}, "xab", ("x", "not x")),
        ({"negative": ("x",)}, "xa", ("x", "a")),
        ({"negative": ("x", "y")}, "xyab", ("x, y", "other")),
    ],
)
def test_what_is_not_named_has_a_word_too(
    named: dict[str, tuple[str, ...]], labels: str, words: tuple[str, str]
) -> None:
    found = Labels(**named)
    for label in labels:
        found.number(label)
    assert found.words == words


def test_too_many_different_labels_are_no_labels() -> None:
    labels = Labels(("a",))
    for number in range(MOST_VALUES):
        labels.number(f"x{number}")
    with pytest.raises(UserError, match=r"more than 1,000 different labels"):
        labels.number("a")


def test_a_log_without_rows_has_the_usual_words() -> None:
    assert Labels().words == LABEL_WORDS


@pytest.mark.parametrize(
    ("words", "proposal"),
    [
        (["benign", "malware"], "--positive malware"),
        (["Benign", "malware", "worm"], "--negative Benign"),
        (["benign", "ham", "worm", "virus"], "--positive worm,virus"),
        (["benign", *(f"attack {number}" for number in range(20))], "--negative benign"),
        (["anomaly", *(f"kind {number}" for number in range(20))], "--positive anomaly"),
        ([f"malicious{suffix}" for suffix in ("", "\n", " ")], "--positive malicious"),
        (["1", "1", "2"], "--positive 2"),
        (["spam", "eggs", "eggs"], "--positive spam"),
        (["a", "a", "b"], "--positive b"),
        (["0", "it's, so"], "--positive '\"it'\"'\"'s, so\"'"),
    ],
)
def test_proposes_what_is_positive_or_negative(words: list[str], proposal: str) -> None:
    labels = Labels()
    for word in words:
        labels.count(word)
    assert labels.proposal() == proposal
