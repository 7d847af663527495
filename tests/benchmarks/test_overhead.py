"""The overhead benchmark still runs: what it runs and what it shows, never how long it takes."""

from pathlib import Path

import pytest

from data.dataset.dataset import Dataset
from results.study import CHECKPOINT, Store
from search.training.trial import KEPT_CHECKPOINTS
from spaces import Model3
from tests.benchmarks import overhead
from tests.search.small import Small

TRIALS = KEPT_CHECKPOINTS + 1


@pytest.mark.slow
def test_both_sides_run_the_same_trials(dataset: Dataset, tmp_path: Path) -> None:
    space = Small(dataset.vocabulary.num_words)
    ours, stock = overhead.measure(space, dataset, tmp_path, TRIALS)
    assert [list(one) for one in stock] == [["ask", "build", "tell"]] * (TRIALS - 1)
    assert [set(one) for one in ours] == [set(overhead.PARTS)] * (TRIALS - 1)
    store = Store.open(tmp_path / "run")
    results = store.trials()
    assert [result.status for result in results] == ["complete"] * TRIALS
    assert {len(result.curve) for result in results} == {overhead.EPOCHS * overhead.REPORTS}
    kept = [one for one in results if store.find(one, CHECKPOINT)]
    assert len(kept) == KEPT_CHECKPOINTS
    assert len(list(tmp_path.glob("stock/trial_*/trial.json"))) == TRIALS


def test_a_trial_of_model3_runs_too(dataset: Dataset, tmp_path: Path) -> None:
    # Without stock's side, which builds the space many times before its first trial.
    ours = overhead.Ours(Model3(dataset.vocabulary.num_words), dataset, tmp_path, 1)
    taken = ours.trial([0.5, 0.75])
    assert set(taken) == set(overhead.PARTS)
    (result,) = ours.store.trials()
    assert [point.val_accuracy for point in result.curve] == [0.5, 0.75]
    assert result.parameters > 0


def test_the_table_adds_the_parts_up() -> None:
    ours = [{"ask": 0.01, "build": 1.0, "tell": 0.02, "record": 0.03, "checkpoint": 0.04}] * 8
    stock = [{"ask": 0.005, "build": 0.5, "tell": 0.005}] * 8
    rows = {row[0]: row[1:] for row in overhead.table(ours, stock)}
    assert list(rows) == [*overhead.PARTS, "own part", "whole trial"]
    assert {len(row) for row in rows.values()} == {len(overhead.HEADS) - 1}
    assert [round(value) for value in rows["own part"]] == [60, 60, 10, 10, 6]
    assert round(rows["whole trial"][0]) == 1100
    assert rows["record"][2:] == [None, None, None]
    assert "1060.0 ms, target under 150 ms MISSED; own part: 60.0 ms" in overhead.verdict(ours)
    quick = [{**one, "build": 0.05} for one in ours]
    assert "110.0 ms, target under 150 ms met" in overhead.verdict(quick)
