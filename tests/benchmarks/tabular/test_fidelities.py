"""How early ranks are known, on tables where that is plain."""

from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks.tabular.fidelities import agreement, matched, reports
from tests.benchmarks.tabular.made import by_rate, made


def test_an_order_that_stays_agrees_wholly_and_a_reversed_one_not_at_all() -> None:
    late = np.linspace(0.5, 0.99, 60)
    assert agreement(late**3, late) == pytest.approx((1.0, 1.0, 1.0))
    assert agreement(-late, late) == pytest.approx((-1.0, -1.0, 0.0))


def test_each_report_but_the_last_is_compared() -> None:
    found = reports(made(by_rate))
    assert [epochs for epochs, *_ in found] == [0.25 * report for report in range(1, 12)]
    # Each curve of that table falls to its own end in proportion.
    assert [rho for _, rho, *_ in found] == pytest.approx([1.0] * 11)


def test_trials_are_matched_by_their_points() -> None:
    table = made(by_rate)
    order = np.random.default_rng(0).permutation(len(table))[:50]
    heldout = table.heldout_accuracy[order].copy()
    heldout[:5] = np.nan
    other = replace(
        table,
        points=[table.points[place] for place in order],
        val_accuracy=table.val_accuracy[order],
        heldout_accuracy=heldout,
    )
    one, two = matched(table, other)
    assert len(one) == 45
    assert (one == two).all()
