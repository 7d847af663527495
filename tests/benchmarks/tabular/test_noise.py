"""How far trainings of one point differ."""

import dataclasses

import numpy as np
import pytest

from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.noise import load_again, paired, spread
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import FOLDER, LOGS, Table, load


def noisy(table: Table, scale: float, seed: int) -> Table:
    factor = 10 ** np.random.default_rng(seed).normal(0, scale, len(table))
    return dataclasses.replace(
        table,
        val_accuracy=1 - (1 - table.val_accuracy) * factor[:, None],
        val_loss=table.val_loss * factor[:, None],
        heldout_accuracy=1 - (1 - table.heldout_accuracy) * factor,
    )


def test_the_spread_of_pairs_is_that_of_one_training() -> None:
    rng = np.random.default_rng(0)
    point = rng.normal(0, 5, (20_000, 2))
    first, again = (point + rng.normal(0, [1, 3], point.shape) for _ in range(2))
    assert spread(first + 7, again) == pytest.approx([1, 3], rel=0.03)


def test_points_that_were_cut_or_are_unknown_make_no_pair() -> None:
    table = made(by_rate, count=30)
    heldout = table.heldout_accuracy.copy()
    heldout[4] = np.nan
    again = dataclasses.replace(table, heldout_accuracy=heldout)
    unknown = {**table.points[0], "rate": 1.0}
    other = dataclasses.replace(again, points=[unknown, *table.points[1:]])
    assert paired(table, other)[:4] == [(1, 1), (2, 2), (3, 3), (5, 5)]


@pytest.mark.slow
def test_drawn_trainings_spread_as_those_of_a_point_do() -> None:
    rule = made(by_rate)
    table = noisy(rule, 0.1, seed=1)
    ends = []
    for again in (None, noisy(rule, 0.1, seed=2), table):
        surrogate = Surrogate(table, again=again)
        drawn = [
            surrogate.drawn(point, np.random.default_rng(seed))
            for point in table.points[:10]
            for seed in range(30)
        ]
        errors = np.log10([1 - one.val_accuracy[-1] for one in drawn]).reshape(10, 30)
        ends.append(np.sqrt(errors.var(axis=1).mean()))
    free, real, none = ends
    assert none == pytest.approx(0, abs=1e-9)
    assert real == pytest.approx(0.1, rel=0.35)
    assert real <= free


@pytest.mark.parametrize("log", LOGS)
def test_the_recorded_second_trainings_are_of_points_of_the_table(log: str) -> None:
    again = load_again(log)
    table = load(FOLDER / f"{log}.csv")
    assert again.facts["data"] == table.facts["data"]
    assert again.facts["protocol"]["seed"] != table.facts["protocol"]["seed"]
    assert 8 <= len(paired(table, again)) <= len(again)
