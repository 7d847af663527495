"""The budget in the study: begun once, put back once, lowered and raised, by any number at once."""

import json
import multiprocessing
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from results.study import (
    DUPLICATE,
    INDEX,
    PROCESS_START,
    REASON,
    RETRY_OF,
    SAMPLED,
    TUNER_VALUES,
    WORKER,
    counted_trials,
    trial_index,
)
from search.optuna_private import is_fixed
from search.queue import claims
from tests.search.journals import journal, journalled


def take(study: optuna.Study, budget: int | None = None) -> optuna.Trial:
    trial = claims.claim_trial(study, budget)
    assert trial is not None
    return trial


def frozen(study: optuna.Study, number: int) -> optuna.trial.FrozenTrial:
    return study.get_trials(deepcopy=False)[number]


def run(study: optuna.Study, budget: int, most: int = 1000) -> list[int]:
    """Run a budget, or a part of it; gives the trials' numbers."""
    numbers: list[int] = []
    while len(numbers) < most and (trial := claims.claim_trial(study, budget)) is not None:
        numbers.append(trial.number)
        study.tell(trial, trial.suggest_float("x", 0, 1))
    return numbers


def fill(study: optuna.Study, budget: int) -> None:
    """Write the whole budget beforehand, as earlier versions did."""
    for slot in range(budget):
        study.enqueue_trial({}, user_attrs={INDEX: slot})


def lose(
    study: optuna.Study, number: int, reason: str = "lost", *, same_values: bool = True
) -> None:
    claims.retry_trial(study, frozen(study, number), reason, same_values=same_values)


def test_a_new_trial_is_signed_from_its_first_moment_on(tmp_path: Path) -> None:
    study = journalled(tmp_path / "journal.log")
    trial = claims.claim_trial(study, 1, signature={WORKER: "a-1"})
    assert trial is not None
    # In the one record that makes it, so that no other process sees it without.
    records = [json.loads(line) for line in (tmp_path / "journal.log").read_text().splitlines()]
    (made,) = [record for record in records if record.get("user_attrs")]
    assert made["user_attrs"] == {WORKER: "a-1", INDEX: 0}


# ---- the budget --------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", [0, 40], ids=["", "by an earlier version"])
def test_the_budget_is_what_the_last_command_says(study: optuna.Study, filled: int) -> None:
    fill(study, filled)
    assert len(run(study, 40, most=10)) == 10
    for budget, more in ((6, 0), (10, 0), (12, 2), (9, 0), (45, 33), (45, 0)):
        assert claims.read_queue(study).remaining(budget) == more
        assert len(run(study, budget)) == more
    ran = [trial for trial in counted_trials(study) if trial.state == TrialState.COMPLETE]
    assert [trial.user_attrs[INDEX] for trial in ran] == list(range(45))


def test_a_budget_writes_nothing_before_its_trials(study: optuna.Study) -> None:
    assert claims.read_queue(study).remaining(20_000) == 20_000
    take(study, 20_000)
    assert len(study.trials) == 1
    assert claims.read_queue(study).remaining(20_000) == 19_999


def test_a_lost_trial_is_repeated_within_a_lowered_budget_alone(study: optuna.Study) -> None:
    run(study, 40, most=3)
    for _ in range(6):
        take(study, 40)
    for number in (8, 4):
        lose(study, number)
    assert claims.read_queue(study).remaining(6) == 1
    assert run(study, 6) == [10]
    assert trial_index(frozen(study, 10)) == 4
    assert run(study, 10) == [9, 11]
    assert [trial_index(frozen(study, number)) for number in (9, 11)] == [8, 9]


def test_trials_from_elsewhere_count(study: optuna.Study) -> None:
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study.enqueue_trial({"x": 0.25})
    assert run(study, 5) == [2, 3, 4]
    assert frozen(study, 2).params == {"x": 0.25}
    study.enqueue_trial({"x": 0.75})
    assert run(study, 5) == []
    assert run(study, 7) == [5, 6]


def test_the_starting_points_go_to_the_first_trials(study: optuna.Study) -> None:
    for _ in range(3):
        trial = claims.claim_trial(
            study, 3, lambda index: {0: {"x": 0.25}, 1: {"x": 0.75}}.get(index)
        )
        assert trial is not None
        trial.suggest_float("x", 0, 1)
    values = [trial.params["x"] for trial in study.get_trials()]
    assert values[:2] == [0.25, 0.75]
    assert values[2] not in values[:2]


def test_a_trial_that_others_were_quicker_than_does_not_count(study: optuna.Study) -> None:
    """A process looks, and begins its trial after another one has begun the last."""
    seen = claims.read_queue(study)
    take(study, 2)
    assert claims._create(study, seen, 2) is not None
    assert claims._create(study, seen, 2) is None
    assert [trial.user_attrs[INDEX] for trial in counted_trials(study)] == [0, 1]
    assert claims.read_queue(study).count == 2
    assert run(study, 3) == [3]
    assert frozen(study, 3).user_attrs[INDEX] == 2


def test_an_index_that_is_yet_to_be_corrected_is_not_given_again(study: optuna.Study) -> None:
    for _ in range(2):
        take(study)
    claims.set_attribute(study, 1, INDEX, 0)  # As both were begun before either was seen.
    assert claims.read_queue(study).next_index == 2


# ---- lost trials -------------------------------------------------------------------------------


def test_a_lost_trial_is_put_back_once_with_its_values(study: optuna.Study) -> None:
    trial = take(study, 2)
    value = trial.suggest_float("x", 0, 1)
    trial.set_user_attr(TUNER_VALUES, {"tuner/epochs": 2})
    for _ in range(2):
        lose(study, 0)
    assert frozen(study, 0).state == TrialState.FAIL
    assert frozen(study, 0).user_attrs[REASON] == "lost"
    assert run(study, 2) == [1, 2]
    assert frozen(study, 1).params == {"x": value}
    assert frozen(study, 1).user_attrs[INDEX] == 0
    assert frozen(study, 1).user_attrs[TUNER_VALUES] == {"tuner/epochs": 2}
    assert [trial_index(trial) for trial in counted_trials(study)] == [0, 1]


def test_a_trial_lost_while_its_values_were_drawn_is_asked_for_all_of_them(
    study: optuna.Study,
) -> None:
    for is_drawn in (False, True):
        trial = take(study)
        trial.set_user_attr(PROCESS_START, "1 2 3")
        trial.suggest_float("x", 0, 1)
        if is_drawn:
            trial.set_user_attr(SAMPLED, True)
        lose(study, trial.number)
        (waiting,) = [t for t in study.get_trials() if t.user_attrs.get(RETRY_OF) == trial.number]
        assert is_fixed(waiting) == is_drawn


def test_a_trial_lost_twice_is_put_back_twice(study: optuna.Study) -> None:
    value = take(study, 1).suggest_float("x", 0, 1)
    lose(study, 0)
    take(study, 1)
    lose(study, 1)
    assert run(study, 1) == [2]
    assert frozen(study, 2).params == {"x": value}
    assert [trial.number for trial in counted_trials(study)] == [2]


def test_a_trial_put_back_without_its_values_is_asked_anew(study: optuna.Study) -> None:
    value = take(study, 1).suggest_float("x", 0, 1)
    lose(study, 0, "again", same_values=False)
    assert run(study, 1) == [1]
    assert frozen(study, 1).params != {"x": value}


def test_two_sweeps_at_once_put_a_trial_back_once(study: optuna.Study) -> None:
    """The second sweep looked before the first one wrote: both add, the later copy is dropped."""
    trial = take(study, 1)
    trial.suggest_float("x", 0, 1)
    attributes = {RETRY_OF: 0}
    study.enqueue_trial(trial.params, user_attrs=attributes)
    study.enqueue_trial(trial.params, user_attrs=attributes)
    claims.fail_trial(study, 0, "lost")
    assert claims.read_queue(study).remaining(1) == 1
    assert run(study, 1) == [1]
    assert DUPLICATE in frozen(study, 2).user_attrs
    assert [trial.number for trial in counted_trials(study)] == [1]


def test_a_budget_that_an_earlier_version_wrote_twice_runs_once(study: optuna.Study) -> None:
    fill(study, 3)
    fill(study, 3)
    assert claims.read_queue(study).remaining(3) == 3
    take(study, 3).suggest_float("x", 0, 1)
    lose(study, 0)
    assert run(study, 3) == [6, 1, 2]
    assert [trial_index(frozen(study, number)) for number in (6, 1, 2)] == [0, 1, 2]
    assert len(run(study, 4)) == 1


def test_a_finished_trial_is_not_failed(study: optuna.Study) -> None:
    run(study, 1)
    claims.fail_trial(study, 0, "too late")
    assert frozen(study, 0).state == TrialState.COMPLETE
    assert REASON not in frozen(study, 0).user_attrs


class Broken(optuna.samplers.RandomSampler):
    """Fails before it samples anything."""

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        raise ConnectionError("no answer")


def test_a_slot_is_not_lost_to_a_sampler_that_breaks(study: optuna.Study) -> None:
    study.sampler = Broken()
    with pytest.raises(ConnectionError, match="no answer"):
        claims.claim_trial(study, 1)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    assert run(study, 1) == [1]
    assert len(counted_trials(study)) == 1


# ---- several processes -------------------------------------------------------------------------

PROCESSES, TRIALS = 3, 30


def serve(path: Path) -> None:
    """Run, as one of several processes that start together."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="study", storage=journal(path), sampler=optuna.samplers.RandomSampler()
    )
    run(study, TRIALS)


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
    trials = counted_trials(study)
    assert Counter(trial.state.name for trial in trials) == {"COMPLETE": TRIALS}
    assert sorted(trial.user_attrs[INDEX] for trial in trials) == list(range(TRIALS))
    others = {trial.number for trial in study.get_trials()} - {trial.number for trial in trials}
    assert all(DUPLICATE in frozen(study, number).user_attrs for number in others)
