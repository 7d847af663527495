"""`--start-from`: the best points of an earlier run come first, and are told of."""

from pathlib import Path

import pytest

from data.common.errors import UserError
from results.study import MOST_STARTS, Store, best_first
from search.config import parse
from tests.commands import Warm

SMALL = (
    "search.run", "--space", "tests.search.small:Small", "--rows", "700", "--epochs", "1",
    "--workers", "1", "--baselines", "none", "--no-refit", "--pruner", "none",
)  # fmt: skip


@pytest.mark.slow
def test_a_run_on_another_log_begins_with_the_best_points_of_an_earlier_one(
    commands: Warm, tmp_path: Path
) -> None:
    words = (*SMALL, "--out", tmp_path)
    assert commands.call(*words, "--budget", "6", "--study", "old").status == 0
    best = best_first(Store.open(tmp_path / "old").study)[:MOST_STARTS]
    assert len(best) == MOST_STARTS
    then = (*words, "--rows", "600", "--study", "new", "--start-from", "old")
    done = commands.call(*then, "--budget", "3")
    assert done.status == 0, done.err
    assert f"starting from old's best by val_accuracy: {best[0].name} (" in done.err
    assert "Of the 5 starting points from 'old', 3 were trained to their end; the best" in done.out
    assert commands.call(*then, "--budget", "6").status == 0
    new = Store.open(tmp_path / "new").trials()
    assert [it.hyperparameters for it in new[:MOST_STARTS]] == [it.hyperparameters for it in best]
    assert len(new) == MOST_STARTS + 1
    done = commands.call(*words, "--budget", "1", "--study", "other", "--start-from", "none")
    assert (done.status, done.err.count("there is no run 'none'")) == (2, 1)


def test_kerastuners_samplers_take_no_starting_points() -> None:
    words = ["--budget", "1", "--start-from", "old", "--sampler", "kt-random"]
    with pytest.raises(UserError) as error:
        parse(words)
    assert str(error.value) == (
        "--start-from is 'old', but --sampler kt-random proposes every point itself; leave one of "
        "them out"
    )
