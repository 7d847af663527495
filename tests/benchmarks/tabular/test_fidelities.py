"""How early ranks are known, on tables where that is plain."""

import numpy as np
import pytest

from tests.benchmarks.tabular.fidelities import agreement, reports
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
