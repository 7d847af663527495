"""When a monitor gives a search up: counted over the study, whoever ran the trials."""

import optuna
import pytest
from optuna.trial import TrialState

from results.study import RESULT, Result
from search.queue import claims
from search.queue.monitor import REFUSALS_A_FAILURE, QueueMonitor, are_too_many


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def fail(study: optuna.Study, reason: str = "no") -> None:
    claims.fail_trial(study, study.ask().number, reason)


def problem(study: optuna.Study, most: int) -> str | None:
    return QueueMonitor(study, max_failures=most).problem()


def refuse(study: optuna.Study) -> None:
    trial = study.ask()
    result = Result(f"trial {trial.number}", "trial", "failed", "too large", trial.number)
    trial.set_user_attr(RESULT, result.to_json())
    study.tell(trial.number, state=TrialState.PRUNED)


def test_failures_in_a_row_end_it_with_the_last_reason(study: optuna.Study) -> None:
    for reason in ("a", "b", "c"):
        assert problem(study, 3) is None
        fail(study, reason)
    assert problem(study, 3) == "3 trials in a row failed (--max-failures 3), the last with: c"
    assert problem(study, 4) is None


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED])
def test_any_other_end_begins_the_row_anew(study: optuna.Study, state: TrialState) -> None:
    fail(study)
    fail(study)
    value = 1.0 if state == TrialState.COMPLETE else None
    study.tell(study.ask().number, value, state=state)
    fail(study)
    fail(study)
    assert problem(study, 3) is None
    fail(study)
    assert problem(study, 3) is not None


def test_the_order_is_that_of_the_ends(study: optuna.Study) -> None:
    early = study.ask()
    fail(study)
    study.tell(early.number, 1.0)
    fail(study)
    assert problem(study, 2) is None


def test_running_trials_and_those_put_back_are_no_failures(study: optuna.Study) -> None:
    for _ in range(3):
        lost = study.ask()
        claims.retry_trial(study, study.trials[lost.number], "its worker died", same_values=True)
    assert problem(study, 1) is None


def test_a_trial_that_is_about_to_end_is_counted_once(study: optuna.Study) -> None:
    fail(study)
    ending = study.ask().number
    assert not are_too_many(study, 2)
    assert are_too_many(study, 2, ending)
    claims.fail_trial(study, ending, "no")
    assert are_too_many(study, 2, ending)
    assert not are_too_many(study, 3, ending)


def test_models_too_large_count_for_a_tenth(study: optuna.Study) -> None:
    fail(study)
    for _ in range(2 * REFUSALS_A_FAILURE - 2):
        refuse(study)
    assert problem(study, 2) is None
    refuse(study)
    assert problem(study, 2) == (
        "20 trials in a row failed (--max-failures 2), the last with: too large"
    )
