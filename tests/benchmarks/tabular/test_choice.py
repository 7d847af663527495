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
    *chosen, best = choice.chosen(table(), 5, 50).T
    assert all((one == best).all() for one in chosen)


def test_where_it_misleads_the_best_one_is_missed_by_that_much() -> None:
    one = table()
    one.heldout_accuracy[:] = 1 - one.val_accuracy[:, -1]
    by_accuracy, *_, best = choice.chosen(one, 30, 1).T
    assert by_accuracy == pytest.approx(one.heldout_accuracy.min())
    assert best == pytest.approx(one.heldout_accuracy.max())


def test_equal_accuracies_are_told_apart_by_the_loss_and_cut_trials_left_out() -> None:
    one = table()
    one.val_accuracy[:, -1] = 0.9
    one.val_loss[:, -1] = np.arange(30)
    one.heldout_accuracy[:] = np.linspace(0.8, 0.7, 30)
    one.heldout_accuracy[0] = np.nan
    *chosen, best = choice.chosen(one, 29, 3).T
    assert all((by == best[0]).all() for by in chosen)
    assert best[0] == one.heldout_accuracy[1]


def test_within_the_margin_the_loss_decides() -> None:
    # A standard error of the best one is .003.
    accuracy, loss = np.array([0.99, 0.9880, 0.9865, 0.5]), np.array([0.4, 0.3, 0.2, 0.1])
    picked = [choice.lowest_loss(accuracy, loss, 1100, margin) for margin in (0, 0.5, 1, np.inf)]
    assert picked == [0, 0, 1, 3]
    assert choice.lowest_loss(accuracy, loss, 1100, 1.2) == 2


def test_the_command_prints_a_line_a_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choice, "recorded", lambda log: made(by_rate, count=60))
    assert choice.main(["--logs", "made", "--draws", "20"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(choice.TRIALS)
