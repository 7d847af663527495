"""The simulated clock, and what samplers and pruners do on it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from search.sampling.samplers import PRUNERS
from tests.benchmarks.tabular.made import REPORTS, by_rate, small_space
from tests.benchmarks.tabular.replay import OVERHEAD, Incumbent, Replay, Setting
from tests.benchmarks.tabular.surrogate import Prediction, Surrogate


class Exact(Surrogate):
    """Predicts by a rule, ten seconds an epoch."""

    def __init__(self) -> None:
        """Need no table."""
        self.epochs, self.reports = 3, REPORTS

    def expected(self, point: Mapping[str, Any]) -> Prediction:
        """Predict."""
        falls = np.linspace(1 / REPORTS, 1, REPORTS)
        errors = 0.5 ** (1 - falls) * by_rate(point) ** falls
        return Prediction(1 - errors, errors, 10.0, float(1 - errors[-1]))

    def drawn(self, point: Mapping[str, Any], rng: np.random.Generator) -> Prediction:
        """Predict, without noise."""
        return self.expected(point)


ALONE = Setting("random", PRUNERS["none"], workers=1)


def search(setting: Setting, seconds: float, seed: int = 0) -> list[Incumbent]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return Replay(Exact(), small_space(), setting, seed).run(seconds)


def test_a_trial_takes_three_epochs_and_the_overhead() -> None:
    first = search(ALONE, 40)[0]
    assert first.seconds == pytest.approx(30 + OVERHEAD)
    assert first.trials == 1
    assert search(ALONE, 30) == []


def test_incumbents_only_get_better_and_count_what_has_ended() -> None:
    found = search(ALONE, 2000)
    errors = [incumbent.error for incumbent in found]
    assert errors == sorted(errors, reverse=True)
    for incumbent in found:
        assert incumbent.trials == round(incumbent.seconds / (30 + OVERHEAD))


class Lucky(Exact):
    """Draws trainings that are luckier than their points."""

    def drawn(self, point: Mapping[str, Any], rng: np.random.Generator) -> Prediction:
        """Predict half of what is to be expected."""
        told = self.expected(point)
        errors = (1 - told.val_accuracy) / 2
        return replace(told, val_accuracy=1 - errors, heldout_accuracy=float(1 - errors[-1]))


def test_an_incumbents_luck_is_no_merit_of_the_search() -> None:
    lucky = Replay(Lucky(), small_space(), ALONE, 0).run(40)
    assert lucky == search(ALONE, 40)


def test_two_workers_run_twice_as_many() -> None:
    replays = [
        Replay(Exact(), small_space(), replace(ALONE, workers=workers), 0) for workers in (1, 2)
    ]
    for replay in replays:
        replay.run(1000)
    alone, both = (replay._ended for replay in replays)
    assert both == 2 * alone == 66


def test_starts_come_first() -> None:
    best = {"cell": "lstm", "layers": 1, "rate": 0.01}
    (found,) = search(replace(ALONE, starts=(best,)), 2000)
    assert found.trials == 1
    assert found.error == pytest.approx(0.001)
    default = search(ALONE, 40)[0]
    assert default.error == pytest.approx(by_rate({"rate": 1e-4}))


def test_a_pruner_ends_bad_trials_early() -> None:
    pruned = Replay(Exact(), small_space(), replace(ALONE, pruner=PRUNERS["asha"]), 0)
    whole = Replay(Exact(), small_space(), ALONE, 0)
    for replay in (pruned, whole):
        replay.run(1500)
    assert pruned._ended > 1.5 * whole._ended


@pytest.mark.parametrize("every", [1, 2, 4])
def test_a_pruner_sees_one_report_in_so_many(every: int) -> None:
    setting = replace(ALONE, pruner=PRUNERS["asha"], every=every)
    replay = Replay(Exact(), small_space(), setting, 0)
    replay.run(500)
    complete = replay._study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert list(complete[0].intermediate_values) == list(range(1, REPORTS // every))


@pytest.mark.parametrize("sampler", ["tpe", "kt-hyperband"])
def test_a_seed_gives_the_same_search(sampler: str) -> None:
    setting = Setting(sampler, PRUNERS["none"], starts=())
    assert search(setting, 400, 3) == search(setting, 400, 3)
    assert search(setting, 400, 3) != search(setting, 400, 4)


@pytest.mark.slow
def test_tpe_finds_more_than_random_search() -> None:
    def found(sampler: str) -> float:
        setting = Setting(sampler, PRUNERS["none"], starts=(), workers=2)
        return float(np.mean([search(setting, 900, seed)[-1].error for seed in range(5)]))

    assert found("tpe") < found("random")
