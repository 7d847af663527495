"""A plan that is printed and not carried out, and how long it says that would take."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from data.common import UserError
from data.dataset.dataset import Dataset
from search.cli import BASELINE_RATES
from search.cli.explain import TRIAL_RATE, TRIAL_SECONDS, Estimate, estimate
from search.config import Budget, RunConfig
from search.run import main
from search.training.baselines import Cache
from search.training.fit import TrainingConfig
from spaces import BASELINE_NAMES
from tests.search.processes import config_in
from tests.search.small import small_model


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
        "the labels are mixed: ",
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
        "and no baseline was trained on this machine yet",
    ):
        assert part in said
    assert re.search(r"% malicious\n", said)


def test_several_objectives_are_said_not_to_be_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--rows", "600", "--space", "tests.search.small:Small", "--out", str(tmp_path))
    said = explained(capsys, "--budget", "3", "--objective", "val_accuracy,parameters", *small)
    assert "sampler tpe, pruner none, as there are several objectives\n" in said


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
    assert "no trials (--budget is 0 or missing)" in said
    assert "model3: 30 hyperparameters, about " in said
    assert "a trial: " in said and "the search" not in said


class Failing(keras_tuner.HyperModel):
    """A space whose models cannot be built."""

    def build(self, hp: Any) -> Any:
        raise ValueError("no layer")


class Undeclared(keras_tuner.HyperModel):
    """A space that is found by building its default model."""

    def build(self, hp: Any) -> Any:
        return small_model(50)


def test_a_space_that_cannot_be_built_is_one_line(tmp_path: Path) -> None:
    for words, said in (
        (("--space", f"{__name__}:Failing"), r"cannot be built \(ValueError: no layer\)"),
        (
            ("--space", f"{__name__}:Undeclared", "--max-parameters", "9"),
            r"cannot be built \(.* more than --max-parameters 9\)",
        ),
    ):
        with pytest.raises(UserError, match=said):
            main(["--explain", "--rows", "600", "--out", str(tmp_path), *words])


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    values = {"budget": Budget(trials=10), "epochs": 2, "batch_size": 32, "refit": False}
    return config_in(tmp_path / "run", "model3", workers=2, **values)


def test_each_baseline_has_a_rate() -> None:
    assert set(BASELINE_RATES) == set(BASELINE_NAMES)


def test_seconds_go_with_padded_characters(config: RunConfig, dataset: Dataset) -> None:
    def estimated(**changed: Any) -> Estimate:
        return estimate(replace(config, **{"baselines": (), **changed}), dataset)

    found = estimated(baselines=("model2", "majority"))
    lengths = dataset.encoded.lengths[dataset.split.fit]
    millions = 2 * sum(min(1024, -(-int(length) // 32) * 32) for length in lengths) / 1e6
    assert found.baselines["model2"] == pytest.approx(1.9 * millions)
    assert found.baselines["majority"] == 0
    assert found.trial == pytest.approx(TRIAL_SECONDS + TRIAL_RATE * millions)
    assert found.search == pytest.approx(found.trial * 10 / 2)
    assert found.speed is None and found.kept == ()

    pruned = estimated(pruner="asha")
    assert TRIAL_SECONDS < pruned.trial < found.trial
    full = estimated(padding="full", baselines=("model2",))
    assert full.baselines["model2"] == pytest.approx(1.9 * 2 * len(lengths) * 1024 / 1e6)
    assert estimated(budget=Budget(seconds=90.0)).search == 90.0
    final = estimated(pruner="asha", finalists=2, budget=Budget(trials=12))
    assert final.search == pytest.approx((pruned.trial * 10 + found.trial * 2) / 2)
    assert estimated(baselines=("model2",), repeats=3).total > found.total


def test_baselines_are_trained_within_a_budget_of_time(config: RunConfig, dataset: Dataset) -> None:
    def total(workers: int, seconds: float, *baselines: str) -> float:
        budget = Budget(seconds=seconds)
        changed = replace(config, budget=budget, workers=workers, baselines=baselines)
        return estimate(changed, dataset).total

    model2 = estimate(replace(config, baselines=("model2",)), dataset).baselines["model2"]
    long, short = model2 * 2, model2 / 2
    assert total(2, long, "model2") == pytest.approx(total(2, long))
    assert total(2, short, "model2") == pytest.approx(total(2, short) + model2 / 4)
    assert total(1, long, "model2") == pytest.approx(total(1, long) + model2)


def test_refits_read_all_training_rows(config: RunConfig, dataset: Dataset) -> None:
    config = replace(config, baselines=("model1", "model2", "linear"))
    lengths = dataset.encoded.lengths[dataset.split.train]
    millions = sum(min(1024, -(-int(length) // 32) * 32) for length in lengths) / 1e6
    without = estimate(config, dataset)
    found = estimate(replace(config, refit=True), dataset)
    champion, model2, linear = (
        TRIAL_SECONDS + TRIAL_RATE * 2 * millions,
        1.9 * 2 * millions,
        millions,
    )
    assert found.refit == pytest.approx(champion + model2 + linear)
    assert found.total == pytest.approx(without.total + found.refit / 2)
    assert without.refit == 0
    alone = replace(config, budget=Budget(trials=0), baselines=("model2",), refit=True)
    assert estimate(alone, dataset).refit == pytest.approx(model2)


@pytest.mark.slow
def test_kept_baselines_cost_nothing_and_tell_of_the_machine(
    config: RunConfig, dataset: Dataset
) -> None:
    config = replace(config, baselines=("model1", "model2"))
    before = estimate(config, dataset)
    result = Cache(config.baseline_cache, dataset, TrainingConfig(2, 32, "real"), 0).train("model1")
    found = estimate(config, dataset)
    assert found.kept == ("model1",)
    assert found.speed == pytest.approx(result.train_seconds / before.baselines["model1"])
    assert dict(found.baselines) == {
        "model2": pytest.approx(before.baselines["model2"] * found.speed)
    }
    assert found.trial == pytest.approx(before.trial * found.speed)
