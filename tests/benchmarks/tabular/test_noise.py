"""How far trainings of one point differ."""

import dataclasses

import numpy as np
import pytest

from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.noise import paired, spread
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import Table


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
    assert spread(first, again) == pytest.approx([1, 3], rel=0.03)


def test_points_that_were_cut_or_are_there_once_make_no_pair() -> None:
    table = made(by_rate, count=5)
    heldout = np.tile(table.heldout_accuracy, 3)
    heldout[6] = np.nan
    points = [*table.points, *table.points, *table.points[:4], {**table.points[4], "rate": 1.0}]
    several = dataclasses.replace(table, points=points, heldout_accuracy=heldout)
    pairs = [(0, 5), (0, 10), (5, 10), (1, 11), (2, 7), (2, 12), (7, 12)]
    assert paired(several) == [*pairs, (3, 8), (3, 13), (8, 13), (4, 9)]


def together(*tables: Table) -> Table:
    return dataclasses.replace(
        tables[0],
        points=[point for table in tables for point in table.points],
        **{
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in ("val_accuracy", "val_loss", "seconds", "heldout_accuracy")
        },
    )


@pytest.mark.slow
def test_drawn_trainings_spread_as_those_of_a_point_do() -> None:
    rule = made(by_rate)
    table = noisy(rule, 0.1, seed=1)
    ends = []
    for recorded in (table, together(table, noisy(rule, 0.1, seed=2)), together(table, table)):
        surrogate = Surrogate(recorded)
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
