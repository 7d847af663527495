"""The analysis of variance, on values whose parts are known."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.tabular.importance import (
    binned,
    draws,
    explained,
    importances,
    left_out,
    show,
    worths,
)
from tests.benchmarks.tabular.made import by_rate, made, small_space


def test_draws_are_repeatable_and_keep_the_conditions() -> None:
    points = draws(small_space(), 200)
    assert points == draws(small_space(), 200)
    assert all(("second" in point) == (point["layers"] == 2) for point in points)


def test_long_ranges_come_in_six_parts() -> None:
    frame = binned(small_space(), draws(small_space(), 600))
    assert set(frame["cell"]) == {"gru", "lstm"}
    assert set(frame["second"]) == {"-", "8", "16", "32", "64"}
    assert frame["rate"].value_counts().tolist() == [100] * 6


def test_what_a_group_explains() -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0])
    assert explained(["a", "b", "a", "b"], values) == 1.0
    assert explained(["a", "a", "b", "b"], values) == 0.0


def test_a_sum_has_no_pairs_and_a_difference_of_signs_nothing_else() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 2, (2, 4000))
    frame = pd.DataFrame({"one": one.astype(str), "other": other.astype(str), "no": "x"})
    alone, pairs = importances(frame, 3.0 * one + other)
    assert alone["one"] == pytest.approx(0.9, abs=0.02)
    assert alone["other"] == pytest.approx(0.1, abs=0.02)
    assert pairs.max() < 0.02
    alone, pairs = importances(frame, np.where(one == other, 1.0, 0.0))
    assert alone.max() < 0.02
    assert pairs["one", "other"] == pytest.approx(1.0, abs=0.02)


def test_a_value_is_worth_what_the_best_tenth_says() -> None:
    errors = np.concatenate([np.full(50, 0.1), np.linspace(0.01, 0.02, 50)])
    frame = pd.DataFrame({"cell": ["rnn"] * 50 + ["gru"] * 50})
    told = worths(frame, errors)
    assert told["cell", "rnn"] == 0.0
    assert told["cell", "gru"] == pytest.approx(2.0)


def test_a_value_that_all_logs_but_one_speak_against_is_told() -> None:
    names = pd.MultiIndex.from_tuples([("cell", "gru"), ("cell", "lstm"), ("units", "-")])
    lifts = pd.DataFrame(
        {"a": [1.5, 0.2, 0.1], "b": [1.6, 0.4, 0.1], "c": [0.1, 1.9, 0.1]}, index=names
    )
    assert left_out(lifts) == [("c", "cell", "lstm", pytest.approx(0.3), 1.9)]


def test_all_logs_stand_beside_each_other() -> None:
    text = show({"one": made(by_rate), "other": made(lambda point: 0.01 * point["layers"])}, 300)
    tables = [part.splitlines() for part in text.split("\n\n")[1:]]
    heads = [[cell.strip() for cell in table[0].strip("|").split("|")] for table in tables]
    assert heads[0] == ["% of variance", "one", "other"]
    assert heads[2] == ["lift", "value", "one", "other", "mean", "% of draws", "cost"]
    assert "rate" in "".join(tables[0][2:5])
    assert heads[1] == ["% of variance together", "one", "other"]
