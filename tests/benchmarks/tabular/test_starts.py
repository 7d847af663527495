"""Portfolios of starting points, on logs that want different things."""

import numpy as np
import pytest

from spaces import Model3
from tests.benchmarks.tabular import starts
from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.starts import Candidates, differences, portfolio, whole
from tests.benchmarks.tabular.table import LOGS, recorded, space_of_today


def known(*errors: list[float]) -> Candidates:
    validation = np.array(errors)
    points = [{"rate": float(place)} for place in range(validation.shape[1])]
    return Candidates(points, validation, validation / 2, np.ones_like(validation))


def test_the_first_is_the_best_alone_and_the_second_makes_up_for_it() -> None:
    # 0 suits all logs fairly, 1 and 2 suit one of them each.
    found = known([0.03, 0.01, 0.9], [0.03, 0.9, 0.01])
    assert portfolio(found, [0, 1], 3) == [0, 1, 2]
    assert portfolio(found, [0], 1) == [1]
    assert portfolio(found, [1], 1) == [2]


def test_of_several_points_the_one_that_is_best_by_validation_counts() -> None:
    found = known([0.03, 0.01])
    found.heldout[0] = [0.02, 0.05]
    assert found.error(0, [0, 1]) == 0.05


@pytest.mark.parametrize("log", LOGS)
def test_a_table_has_each_starting_point_of_today_as_a_whole_point(log: str) -> None:
    table = recorded(log)
    space = space_of_today(table)
    for start in Model3.starting_points:
        assert start.items() <= whole(space, start).items()
        assert whole(space, start) in table.points


def test_a_point_is_told_by_what_it_changes() -> None:
    assert differences({"cell": "gru", "rate": 0.1}, {"cell": "gru", "rate": 0.3}) == "rate 0.1"
    assert differences({"cell": "gru"}, {"cell": "gru"}) == "the defaults"


def test_the_command_chooses_for_each_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starts, "recorded", lambda log: made(by_rate, count=40))
    monkeypatch.setattr(starts, "space_of_today", lambda table: table.space)
    assert starts.main(["--logs", "one,other", "--size", "2"]) == 0
    text = capsys.readouterr().out
    assert len(text.split("\n\n")[0].splitlines()) == 2 + 4
    assert text.count("\n* ") == 2
