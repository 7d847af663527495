"""The comparison of simulated searches, from a table to a picture."""

from pathlib import Path

import numpy as np
import pytest
from keras_tuner.engine.hyperparameters import Boolean, Choice

from data.common.errors import UserError
from tests.benchmarks.tabular import simulate
from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.settings import DEFAULT
from tests.benchmarks.tabular.simulate import (
    Course,
    chosen_without,
    courses,
    plot,
    ratios,
    show,
    show_together,
)
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import LOGS, recorded

SECONDS = np.array([0.0, 60.0, 120.0])


def course(name: str, *regrets: float, log: str = "made", least: float = 0.0) -> Course:
    regret = np.array([regrets, regrets, [1.0, 1.0, 1.0]])
    return Course(log, name, SECONDS, least + regret, least)


def test_a_course_is_read_at_its_moments() -> None:
    one = course("tpe", 0.5, 0.1, 0.02)
    assert one.at(59.9) == 0.5
    assert one.at(60) == 0.1
    assert one.at(1e9) == 0.02
    assert one.at(120, 1.0) == 1.0
    assert one.reaches(0.1) == 60.0
    assert one.reaches(0.01) is None


def test_the_lowest_error_is_that_of_the_best_point() -> None:
    table = made(by_rate)
    best = 1 - table.heldout_accuracy.max()
    # A forest's mean is drawn to that of the neighbours.
    assert best <= simulate.lowest(Surrogate(table), table) < best + 0.002


def test_the_table_says_when_the_rival_is_reached() -> None:
    rival = course(simulate.RIVAL, 0.5, 0.2, 0.1)
    text = show([rival, course("tpe+asha", 0.5, 0.1, 0.02)], 2)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert [line[1] for line in lines[2:]] == ["tpe+asha", simulate.RIVAL]
    assert lines[2][2:4] == ["10.00", "2.00"]
    assert [line[-1] for line in lines[2:]] == ["1.0", "2.0"]


def test_searches_are_simulated_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "recorded", lambda log: made(by_rate))
    monkeypatch.setattr(simulate, "space_of_today", lambda table: table.space)
    names = [simulate.RIVAL, "tpe+asha/no-start"]
    found = courses("made", names, searches=2, seconds=200, jobs=1)
    assert [one.name for one in found] == names
    for one in found:
        assert one.errors.shape == (2, len(one.seconds))
        assert one.at(0) > 0.4 > one.at(200)
    figure = plot(found)
    assert {trace.name for trace in figure.data if trace.name} == set(names)
    assert 100 * found[0].at(60, 0.75) <= figure.layout.yaxis.range[1] < 50


def test_who_still_guesses_does_not_flatten_the_others() -> None:
    slow = Course("made", "slow", SECONDS, np.full((2, 3), 0.49), 0.0)
    figure = plot([course("tpe", 0.5, 0.1, 0.02), slow])
    assert figure.layout.yaxis.range == pytest.approx((0, 10.5))
    assert plot([slow]).layout.yaxis.range == pytest.approx((0, 51.45))


@pytest.mark.parametrize("log", LOGS)
def test_a_table_covers_the_space_of_today(log: str) -> None:
    table = recorded(log)
    known = {entry.name: entry for entry in table.space.space}
    for entry in simulate.space_of_today(table).space:
        if isinstance(entry, Choice):
            assert set(entry.values) <= set(known[entry.name].values)
        elif not isinstance(entry, Boolean):
            assert known[entry.name].min_value <= entry.min_value
            assert entry.max_value <= known[entry.name].max_value


def test_searches_are_compared_on_all_logs_and_chosen_without_one() -> None:
    found = [
        course(name, 0.5, 0.1, end - 0.01, log=log, least=0.01)
        for log, ends in {"a": (0.02, 0.01), "b": (0.04, 0.02), "c": (0.01, 0.08)}.items()
        for name, end in zip((DEFAULT, "random"), ends, strict=True)
    ]
    frame = ratios(found, 2)
    # On c alone the default is better, by more than the others tell.
    assert frame.loc["random"].to_dict() == pytest.approx({"a": 0.5, "b": 0.5, "c": 8.0})
    assert list(frame.index) == [DEFAULT, "random"]
    assert chosen_without(frame) == [
        ("a", DEFAULT, 1.0, 1.0),
        ("b", DEFAULT, 1.0, 1.0),
        ("c", "random", pytest.approx(0.5), pytest.approx(8.0)),
    ]
    assert "| c          | random" in show_together(frame)


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(
        UserError, match=r"--only 'tpe\+none' is not known; known are random\+median, "
    ):
        simulate.main(["--only", "tpe,tpe+none"])
    with pytest.raises(UserError, match=r"none-such\.csv: no table can be read there \(.*No such"):
        simulate.main(["--logs", "none-such"])
