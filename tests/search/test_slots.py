"""The budget in the study: filled once, claimed once, put back once, by any number of processes."""

import multiprocessing
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from results.trials import BORN, DRAWN, REASON, REPLACES, SLOT, SURPLUS, counted, place
from search import slots
from tests.search.journals import journal

WAITING = (TrialState.WAITING,)


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def take(study: optuna.Study) -> optuna.Trial:
    trial = slots.claim(study)
    assert trial is not None
    return trial


def frozen(study: optuna.Study, number: int) -> optuna.trial.FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


def run(study: optuna.Study) -> list[int]:
    """Run all that waits; gives the trials' numbers."""
    numbers = []
    while (trial := slots.claim(study)) is not None:
        numbers.append(trial.number)
        study.tell(trial, trial.suggest_float("x", 0, 1))
    return numbers


def test_filling_again_adds_only_what_lacks(study: optuna.Study) -> None:
    for trials, expected in ((0, 0), (3, 3), (3, 3), (2, 3), (5, 5)):
        slots.fill(study, trials)
        assert len(study.get_trials(states=WAITING)) == expected
    assert run(study) == [0, 1, 2, 3, 4]
    slots.fill(study, 5)
    assert slots.claim(study) is None


def test_trials_from_elsewhere_count(study: optuna.Study) -> None:
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study.enqueue_trial({"x": 0.25})
    slots.fill(study, 5)
    assert run(study) == [2, 3, 4]
    assert frozen(study, 2).params == {"x": 0.25}
    study.enqueue_trial({"x": 0.75})
    slots.fill(study, 7)
    assert run(study) == [5, 6]


def test_the_starting_points_go_to_the_first_slots(study: optuna.Study) -> None:
    slots.fill(study, 3)
    for _ in range(3):
        trial = slots.claim(study, [{"x": 0.25}, {"x": 0.75}])
        assert trial is not None
        trial.suggest_float("x", 0, 1)
    values = [trial.params["x"] for trial in study.get_trials()]
    assert values[:2] == [0.25, 0.75]
    assert values[2] not in values[:2]


def test_a_lost_trial_is_put_back_once_with_its_values(study: optuna.Study) -> None:
    slots.fill(study, 2)
    trial = take(study)
    value = trial.suggest_float("x", 0, 1)
    trial.set_user_attr(slots.EXTRA, {"tuner/epochs": 2})
    for _ in range(2):
        slots.replace(study, frozen(study, 0), "lost", same_values=True)
    assert frozen(study, 0).state == TrialState.FAIL
    assert frozen(study, 0).user_attrs[REASON] == "lost"
    assert run(study) == [2, 1]
    assert frozen(study, 2).params == {"x": value}
    assert frozen(study, 2).user_attrs[SLOT] == 0
    assert frozen(study, 2).user_attrs[slots.EXTRA] == {"tuner/epochs": 2}
    assert [place(trial) for trial in counted(study)] == [1, 0]
    slots.fill(study, 2)
    assert slots.claim(study) is None


def test_a_trial_lost_while_its_values_were_drawn_is_asked_for_all_of_them(
    study: optuna.Study,
) -> None:
    slots.fill(study, 2)
    for is_drawn in (False, True):
        trial = take(study)
        trial.set_user_attr(BORN, "1 2 3")
        trial.suggest_float("x", 0, 1)
        if is_drawn:
            trial.set_user_attr(DRAWN, True)
        slots.replace(study, frozen(study, trial.number), "lost", same_values=True)
        (waiting,) = [t for t in study.get_trials() if t.user_attrs.get(REPLACES) == trial.number]
        assert slots.is_fixed(waiting) == is_drawn


def test_a_trial_lost_twice_is_put_back_twice(study: optuna.Study) -> None:
    slots.fill(study, 1)
    value = take(study).suggest_float("x", 0, 1)
    slots.replace(study, frozen(study, 0), "lost", same_values=True)
    take(study)
    slots.replace(study, frozen(study, 1), "lost", same_values=True)
    assert run(study) == [2]
    assert frozen(study, 2).params == {"x": value}
    assert [trial.number for trial in counted(study)] == [2]


def test_a_trial_put_back_without_its_values_is_asked_anew(study: optuna.Study) -> None:
    slots.fill(study, 1)
    value = take(study).suggest_float("x", 0, 1)
    slots.replace(study, frozen(study, 0), "again", same_values=False)
    assert run(study) == [1]
    assert frozen(study, 1).params != {"x": value}


def test_two_sweeps_at_once_put_a_trial_back_once(study: optuna.Study) -> None:
    """The second sweep looked before the first one wrote: both add, the later copy is dropped."""
    trial = slots.create(study)
    trial.suggest_float("x", 0, 1)
    attributes = {REPLACES: 0}
    study.enqueue_trial(trial.params, user_attrs=attributes)
    study.enqueue_trial(trial.params, user_attrs=attributes)
    slots.fail(study, 0, "lost")
    assert run(study) == [1]
    assert SURPLUS in frozen(study, 2).user_attrs
    assert [trial.number for trial in counted(study)] == [1]


def test_a_slot_that_was_filled_twice_runs_once(study: optuna.Study) -> None:
    slots.fill(study, 3)
    for slot in (0, 1, 2):
        study.enqueue_trial({}, user_attrs={SLOT: slot})
    assert run(study) == [0, 1, 2]
    assert len(counted(study)) == 3
    slots.fill(study, 4)
    assert len(run(study)) == 1


def test_a_slot_that_was_filled_twice_and_lost_runs_once(study: optuna.Study) -> None:
    slots.fill(study, 1)
    study.enqueue_trial({}, user_attrs={SLOT: 0})
    take(study).suggest_float("x", 0, 1)
    slots.replace(study, frozen(study, 0), "lost", same_values=True)
    assert len(run(study)) == 1
    assert [trial.state for trial in counted(study)] == [TrialState.COMPLETE]


def test_a_restarted_trial_keeps_its_place(study: optuna.Study) -> None:
    slots.fill(study, 2)
    trial = take(study)
    trial.suggest_float("x", 0, 1)
    again = slots.restart(study, frozen(study, 0), {"x": 0.125})
    assert again.suggest_float("x", 0, 1) == 0.125
    study.tell(again, 0.0)
    assert run(study) == [1]
    assert [trial.number for trial in counted(study)] == [1, 2]
    assert frozen(study, 2).user_attrs[SLOT] == 0


def test_a_finished_trial_is_not_failed(study: optuna.Study) -> None:
    slots.fill(study, 1)
    run(study)
    slots.fail(study, 0, "too late")
    assert frozen(study, 0).state == TrialState.COMPLETE
    assert REASON not in frozen(study, 0).user_attrs


class Broken(optuna.samplers.RandomSampler):
    """Fails before it samples anything."""

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        raise ConnectionError("no answer")


def test_a_slot_is_not_lost_to_a_sampler_that_breaks(study: optuna.Study) -> None:
    slots.fill(study, 1)
    study.sampler = Broken()
    with pytest.raises(ConnectionError, match="no answer"):
        slots.claim(study)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    assert run(study) == [1]
    assert len(counted(study)) == 1


PROCESSES, TRIALS = 3, 30


def serve(path: Path) -> None:
    """Fill and run, as one of several processes that start together."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="study", storage=journal(path), sampler=optuna.samplers.RandomSampler()
    )
    slots.fill(study, TRIALS)
    run(study)


def test_the_budget_is_exact_with_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    study = optuna.create_study(study_name="study", storage=journal(path))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=serve, args=(path,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
        assert process.exitcode == 0
    trials = counted(study)
    assert Counter(trial.state.name for trial in trials) == {"COMPLETE": TRIALS}
    assert sorted(trial.user_attrs[SLOT] for trial in trials) == list(range(TRIALS))
    others = {trial.number for trial in study.get_trials()} - {trial.number for trial in trials}
    assert all(SURPLUS in frozen(study, number).user_attrs for number in others)
