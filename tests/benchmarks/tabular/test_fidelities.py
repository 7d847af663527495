"""How early ranks are known, on tables where that is plain."""

import numpy as np
import pytest

from tests.benchmarks.tabular import fidelities
from tests.benchmarks.tabular.fidelities import agreement, agreements
from tests.benchmarks.tabular.made import by_rate, made


def test_an_order_that_stays_agrees_wholly_and_a_reversed_one_not_at_all() -> None:
    late = np.linspace(0.5, 0.99, 60)
    assert agreement(late**3, late) == pytest.approx((1.0, 1.0))
    assert agreement(-late, late) == pytest.approx((-1.0, 0.0))


def test_each_part_but_the_whole_is_compared() -> None:
    # Each curve of that table falls to its own end in proportion.
    assert agreements(made(by_rate)) == [pytest.approx((1.0, 1.0))] * 11


def test_the_command_prints_a_line_a_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fidelities, "recorded", lambda log: made(by_rate, count=60))
    assert fidelities.main(["--logs", "one,other"]) == 0
    heads, _, *lines = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in heads.strip("|").split("|")] == [
        "of the training", "one", "other", "one, best tenth", "other, best tenth",
    ]  # fmt: skip
    assert len(lines) == 11
