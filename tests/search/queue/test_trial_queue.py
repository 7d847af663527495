"""The queue as a worker's loop uses it: asked, told, given back, without KerasTuner's oracle."""

import math
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.errors import FailedTrialError
from optuna.trial import TrialState

from results.study import INDEX, REASON, WORKER, counted_trials
from search.queue import TooManyFailures, TrialQueue
from search.sampling import discover_space
from tests.search.asking import POINTS, conditional
from tests.search.journals import journalled

HP = keras_tuner.HyperParameters


def line(hp: HP) -> float:
    return float(hp.Float("x", 0, 1))


def make(study: optuna.Study, build: Any = line, **options: Any) -> TrialQueue:
    queue = TrialQueue(study, owner="here-1", **options)
    discover_space(build, learn=queue.learn)
    return queue


def test_a_loop_runs_the_budget(study: optuna.Study) -> None:
    queue = make(study, budget=3, starting_points=[{"x": 0.25}])
    while (asked := queue.ask()) is not None:
        with queue.heartbeat(asked):
            queue.tell(asked, [line(asked.hyperparameters)])
    assert [trial.value for trial in study.trials] == [t.params["x"] for t in study.trials]
    assert study.trials[0].params == {"x": 0.25}
    assert [trial.user_attrs[INDEX] for trial in study.trials] == [0, 1, 2]
    assert {trial.user_attrs[WORKER] for trial in study.trials} == {"here-1"}
    assert (queue.remaining, queue.is_exhausted, queue.has_work()) == (0, False, False)


def test_a_loop_ends_with_the_space(tmp_path: Path) -> None:
    study = journalled(tmp_path / "journal.log")
    queues = [make(study, conditional) for _ in range(2)]
    told = 0
    while (asked := queues[told % 2].ask()) is not None:
        queues[told % 2].tell(asked, [conditional(asked.hyperparameters)])
        told += 1
    assert told == len({tuple(sorted(trial.params.items())) for trial in study.trials}) == POINTS
    assert queues[told % 2].is_exhausted


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        ({"values": [0.5]}, TrialState.COMPLETE, None),
        ({"values": [math.nan]}, TrialState.FAIL, "its score is not a number"),
        ({"state": TrialState.PRUNED}, TrialState.PRUNED, None),
        ({"state": TrialState.FAIL, "reason": "no memory"}, TrialState.FAIL, "no memory"),
    ],
)
def test_how_a_trial_ends(
    study: optuna.Study, end: dict[str, Any], state: TrialState, reason: str | None
) -> None:
    queue = make(study)
    asked = queue.ask()
    assert asked is not None
    queue.tell(asked, **end)
    (trial,) = study.trials
    assert (trial.state, trial.user_attrs.get(REASON)) == (state, reason)
    # It is recorded once, e.g. by another worker that took it over.
    queue.tell(asked, [0.75])
    assert study.trials[0].state == state


def test_a_trial_that_is_given_back_is_repeated_in_its_place(study: optuna.Study) -> None:
    queue = make(study, budget=1)
    first = queue.ask()
    assert first is not None
    queue.retry(first, "interrupted")
    second = queue.ask()
    assert second is not None
    assert (second.number, second.index) == (1, first.index)
    assert second.hyperparameters.values == first.hyperparameters.values


def test_too_many_failures_in_a_row_are_an_error(study: optuna.Study) -> None:
    queue = make(study, max_failures=2)
    for reason in ("a", "b"):
        asked = queue.ask()
        assert asked is not None
        if reason == "a":
            queue.tell(asked, state=TrialState.FAIL, reason=reason)
    assert queue.problem() is None
    with pytest.raises(TooManyFailures, match=r"2 trials in a row failed .*: b"):
        queue.tell(asked, state=TrialState.FAIL, reason="b")
    assert queue.problem() is not None


@pytest.mark.filterwarnings("ignore:hyperparameter 'n':UserWarning")
def test_a_trial_whose_range_moves_is_sampled_again(study: optuna.Study) -> None:
    queue = make(study, lambda hp: hp.Int("n", 1, 2))
    asked = queue.ask()
    assert asked is not None
    with pytest.raises(FailedTrialError):
        asked.hyperparameters.Int("n", 11, 12)
    queue.tell(asked, state=TrialState.FAIL, reason="moved")
    again = queue.ask()
    assert again is not None
    assert again.hyperparameters.Int("n", 11, 12) in (11, 12)
    assert len(counted_trials(study)) == 1


def test_what_was_discovered_before_a_build_failed_is_known(study: optuna.Study) -> None:
    queue = TrialQueue(study)

    def broken(hp: HP) -> float:
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            if kind == "b":
                raise ValueError("no")
        return 0.0

    with pytest.raises(ValueError, match="no"):
        discover_space(broken, learn=queue.learn)
    assert [entry.name for entry in queue.space.space] == ["kind"]
