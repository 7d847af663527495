"""A plan that is printed and not carried out, and how long it says that would take."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from data.dataset.dataset import Dataset
from search.cli.estimate import BASELINE_RATES, TRIAL_RATE, TRIAL_SECONDS, estimate
from search.run import main
from search.training.baselines import Cache
from search.training.fit import Recipe
from search.workers.messages import Plan
from spaces import BASELINE_NAMES
from tests.search.processes import plan_in


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["--explain", *words]) == 0
    return capsys.readouterr().out


def test_the_plan_is_shown_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("--rows", "600", "--space", "tests.search.small:Small", "--study", "s")
    said = explained(capsys, "--budget", "7", "--workers", "1", "--seed", "3", *small)
    assert list(tmp_path.iterdir()) == []
    for part in (
        "a synthetic log (access-log): 600 rows",
        "fit: 337 rows, ",
        "validation: 113 rows, ",
        "held-out: 150 rows, ",
        "split chronological; ",
        " ids, of the training part",
        "40 epochs, batches of 128 where the space says nothing else, 1 report an epoch, seed 3",
        "the champion, model2 and linear once more on all training rows\n",
        "once more on all training rows: ",
        "model1, model2, linear; padding full",
        "tests.search.small:Small: 3 hyperparameters, 122 points times 1 continuous range",
        "7 trials, for val_accuracy",
        "sampler tpe, pruner median",
        "1, each with ",
        f"s in {tmp_path / 'runs' / 's'}\n",
        "a trial: ",
        "and no baseline is kept that tells of this machine",
    ):
        assert part in said
    assert re.search(r"% malicious\n", said)


def test_a_study_that_is_there_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s" / "data").mkdir(parents=True)
    small = ("--rows", "600", "--space", "tests.search.small:Small", "--study", "s")
    said = explained(capsys, "--budget", "10m", "--finalists", "2", "--out", str(tmp_path), *small)
    assert f"s in {tmp_path / 's'}; it is there already, and goes on\n" in said
    assert "the search: 10 min\n" in said
    assert "the best 2 are trained again, as a part of it\n" in said
    assert "a trial: " in said and "were its models like those of model3" in said


def test_without_a_budget_a_trial_is_told_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = explained(capsys, "--rows", "600", "--baselines", "none", "--out", str(tmp_path))
    assert "no trial (no --budget)" in said
    assert "model3: 30 hyperparameters, about " in said
    assert "a trial: " in said and "the search" not in said


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    values = {"sampler": "tpe", "trials": 10, "epochs": 2, "batch_size": 32, "reports": 4}
    return plan_in(tmp_path / "run", "model3", workers=2, **values)


def test_each_baseline_has_a_rate() -> None:
    assert set(BASELINE_RATES) == set(BASELINE_NAMES)


def test_seconds_go_with_padded_characters(plan: Plan, dataset: Dataset) -> None:
    found = estimate(plan, dataset, ("model2", "majority"), None, 1, refit=False)
    lengths = dataset.encoded.lengths[dataset.split.fit]
    millions = 2 * sum(min(1024, -(-int(length) // 32) * 32) for length in lengths) / 1e6
    assert found.baselines["model2"] == pytest.approx(1.9 * millions)
    assert found.baselines["majority"] == 0
    assert found.trial == pytest.approx(TRIAL_SECONDS + TRIAL_RATE * millions)
    assert found.search == pytest.approx(found.trial * 10 / 2)
    assert found.speed is None and found.kept == ()

    pruned = estimate(replace(plan, pruner="asha"), dataset, (), None, 1, refit=False)
    assert TRIAL_SECONDS < pruned.trial < found.trial
    full = estimate(replace(plan, padding="full"), dataset, ("model2",), None, 1, refit=False)
    assert full.baselines["model2"] == pytest.approx(1.9 * 2 * len(lengths) * 1024 / 1e6)
    assert estimate(plan, dataset, (), 90.0, 1, refit=False).search == 90.0
    final = estimate(replace(plan, pruner="asha", finalists=2), dataset, (), None, 1, refit=False)
    assert final.search == pytest.approx((pruned.trial * 10 + found.trial * 2) / 2)
    assert estimate(plan, dataset, ("model2",), None, 3, refit=False).total > found.total


def test_refits_read_all_training_rows(plan: Plan, dataset: Dataset) -> None:
    words = ("model1", "model2", "linear")
    lengths = dataset.encoded.lengths[dataset.split.train]
    millions = sum(min(1024, -(-int(length) // 32) * 32) for length in lengths) / 1e6
    without = estimate(plan, dataset, words, None, 1, refit=False)
    found = estimate(plan, dataset, words, None, 1, refit=True)
    champion, model2, linear = (
        TRIAL_SECONDS + TRIAL_RATE * 2 * millions,
        1.9 * 2 * millions,
        millions,
    )
    assert found.refit == pytest.approx(champion + model2 + linear)
    assert found.total == pytest.approx(without.total + found.refit / 2)
    assert without.refit == 0
    none = estimate(replace(plan, trials=0), dataset, ("model2",), None, 1, refit=True)
    assert none.refit == pytest.approx(model2)


def test_kept_baselines_cost_nothing_and_tell_of_the_machine(plan: Plan, dataset: Dataset) -> None:
    cache = Cache(plan.cache, dataset, Recipe(2, 32, "real"), 0)
    result = cache.train("model1")
    before = estimate(
        replace(plan, cache=plan.folder), dataset, ("model1", "model2"), None, 1, refit=False
    )
    found = estimate(plan, dataset, ("model1", "model2"), None, 1, refit=False)
    assert found.kept == ("model1",)
    assert found.speed == pytest.approx(result.train_seconds / before.baselines["model1"])
    assert dict(found.baselines) == {
        "model2": pytest.approx(before.baselines["model2"] * found.speed)
    }
    assert found.trial == pytest.approx(before.trial * found.speed)
