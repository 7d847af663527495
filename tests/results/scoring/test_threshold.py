"""A threshold keeps what it promises on the rows that it was chosen on."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, strategies as st

from data.common.errors import UserError
from results.scoring import (
    DEFAULT_RULE,
    Threshold,
    ThresholdRule,
    choose_threshold,
    parse_threshold,
    recall_at,
)

LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
SCORES = [0.1, 0.2, 0.3, 0.8, 0.25, 0.7, 0.9, 0.95]

rows = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])),
    min_size=2,
    max_size=40,
).filter(lambda drawn: len({label for label, _ in drawn}) == 2)


def test_the_default_is_half() -> None:
    found = choose_threshold(LABELS, SCORES)
    assert found == Threshold(0.5, "0.5", recall=0.75, false_positive_rate=0.25)


def test_a_false_positive_rate_is_kept() -> None:
    none = choose_threshold(LABELS, SCORES, parse_threshold("fpr=0"))
    assert (none.recall, none.false_positive_rate) == (0.5, 0.0)
    assert none.value == pytest.approx(0.85)  # between the highest normal row and the next attack
    one = choose_threshold(LABELS, SCORES, parse_threshold("fpr=0.25"))
    assert (one.recall, one.false_positive_rate, one.rule) == (0.75, 0.25, "fpr=0.25")


def test_a_cost_is_minimal() -> None:
    dear_alarms = choose_threshold(LABELS, SCORES, parse_threshold("cost=10:1"))
    assert (dear_alarms.recall, dear_alarms.false_positive_rate) == (0.5, 0.0)
    dear_misses = choose_threshold(LABELS, SCORES, parse_threshold("cost=1:10"))
    assert (dear_misses.recall, dear_misses.false_positive_rate) == (1.0, 0.5)


def test_rates_count_rows_and_not_floats() -> None:
    labels = [0] * 3000 + [1]
    scores = [*np.linspace(0, 0.9, 3000).tolist(), 0.95]
    assert (
        choose_threshold(labels, scores, parse_threshold("fpr=0.001")).false_positive_rate
        == 3 / 3000
    )


@given(rows, st.sampled_from([0.0, 0.001, 0.1, 0.34, 0.5, 0.99]))
def test_no_lower_threshold_would_find_more(drawn: list[tuple[bool, float]], fpr: float) -> None:
    labels, scores = zip(*drawn, strict=True)
    found = choose_threshold(labels, scores, ThresholdRule(fpr=fpr))
    assert found.false_positive_rate is not None
    assert found.false_positive_rate <= fpr + 1e-9
    best = recall_at(labels, scores, fpr)
    # A score of 1 is above no threshold below 1, which is where the two definitions differ.
    assert found.recall == best or 1.0 in scores


@given(rows, st.sampled_from([(1.0, 1.0), (1.0, 10.0), (7.0, 2.0)]))
def test_no_threshold_is_cheaper(
    drawn: list[tuple[bool, float]], cost: tuple[float, float]
) -> None:
    labels, scores = (np.array(part) for part in zip(*drawn, strict=True))

    def price(value: float) -> float:
        above = scores > value
        return float(cost[0] * (above & ~labels).sum() + cost[1] * (~above & labels).sum())

    found = choose_threshold(labels, scores, ThresholdRule(cost=cost))
    assert price(found.value) == min(price(value) for value in np.linspace(0, 1, 33))


@pytest.mark.parametrize(
    "text", ["", "0", "1", "x", "nan", "0.5:1", "fpr", "fpr=", "fpr=1", "fpr=-.1", "fpr=nan",
             "fpr=1:2", "cost=1", "cost=0:1", "cost=1:inf", "cost=1:nan", "cost=1:2:3", "rate=0.1"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"--threshold is '{text}', but must be a number"):
        parse_threshold(text)


@pytest.mark.parametrize("text", ["0.5", "0.25", "fpr=0.001", "fpr=0", "cost=1:10", "cost=2.5:1"])
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_threshold(text)) == text


def test_rows_that_cannot_tell_are_refused() -> None:
    for labels, scores in (([0, 0], [0.1, 0.2]), ([1, 1], [0.1, 0.2]), ([0, 1], [np.nan, 0.2])):
        with pytest.raises(UserError, match=r"--threshold fpr=0\.1 cannot be chosen"):
            choose_threshold(labels, scores, parse_threshold("fpr=0.1"))
    assert choose_threshold([0, 0], [0.1, np.nan], DEFAULT_RULE) == Threshold(0.5, "0.5", None, 0.0)


def test_is_read_as_it_was_written() -> None:
    found = choose_threshold(LABELS, SCORES)
    assert Threshold.of(asdict(found)) == found
    broken: list[object] = [
        3, {}, {"value": "x", "rule": ""}, {"value": 0.5, "rule": 1}, {"value": 2, "rule": ""}
    ]  # fmt: skip
    for values in broken:
        with pytest.raises(ValueError, match=r"names or types|between 0 and 1"):
            Threshold.of(values)
