"""The worth of a choice, on tables where it is known."""

import numpy as np
import pytest

from tests.benchmarks.tabular import choice
from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.table import Table


def table() -> Table:
    """Make a table whose held-out accuracy is the validation accuracy, or nearly."""
    return made(by_rate, count=30)


def test_where_validation_tells_all_each_choice_is_the_best() -> None:
    by_accuracy, by_loss, best = choice.chosen(table(), 5, 50).T
    assert (by_accuracy == best).all()
    assert (by_loss == best).all()


def test_where_it_misleads_the_best_one_is_missed_by_that_much() -> None:
    one = table()
    one.heldout_accuracy[:] = 1 - one.val_accuracy[:, -1]
    by_accuracy, _, best = choice.chosen(one, 30, 1).T
    assert by_accuracy == pytest.approx(one.heldout_accuracy.min())
    assert best == pytest.approx(one.heldout_accuracy.max())


def test_equal_accuracies_are_told_apart_by_the_loss_and_cut_trials_left_out() -> None:
    one = table()
    one.val_accuracy[:, -1] = 0.9
    one.val_loss[:, -1] = np.arange(30)
    one.heldout_accuracy[:] = np.linspace(0.8, 0.7, 30)
    one.heldout_accuracy[0] = np.nan
    by_accuracy, by_loss, best = choice.chosen(one, 29, 3).T
    assert (by_accuracy == by_loss).all()
    assert by_accuracy[0] == best[0] == one.heldout_accuracy[1]


def test_the_command_prints_a_line_a_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choice, "load", lambda path: made(by_rate, count=60))
    assert choice.main(["--logs", "made", "--draws", "20"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(choice.TRIALS)
