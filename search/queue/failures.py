"""When a search is given up: too many trials in a row have failed, whoever ran them."""

from datetime import datetime
from itertools import takewhile

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.study import RESULT, counted_trials, trial_result

# A model that is refused for its size costs no training, and a user may well bound a space's models
# by their size: so many of them count for one failure.
REFUSALS_A_FAILURE = 10

# Marks a refused trial that has no result of this project's.
REFUSED = "refused"


class TooManyFailures(RuntimeError):
    """So many trials in a row have failed that the search is given up."""


def are_too_many(study: optuna.Study, most: int, ending: int | None = None) -> bool:
    """Return True if `most` trials in a row have failed.

    Args:
        study: The study.
        most: How many failed trials in a row are too many.
        ending: Number of a trial that has failed, of which the study is yet to be told.
    """
    told = [trial for trial in _latest_failures(study) if trial.number != ending]
    failures = sum(not is_refused(trial) for trial in told) + (ending is not None)
    return failures >= most or len(told) >= most * REFUSALS_A_FAILURE


def failure_problem(study: optuna.Study, most: int) -> str | None:
    """Say in a line why a search is to be given up; None if it can go on."""
    if not are_too_many(study, most):
        return None
    failed = _latest_failures(study)
    last = trial_result(failed[0]).reason
    return f"{len(failed)} trials in a row failed (--max-failures {most}), the last with: {last}"


def is_refused(trial: FrozenTrial) -> bool:
    """Return True if a trial's model was refused for its size.

    Samplers learn nothing from a failure, but that a pruned trial is no good: so it ends as pruned
    in the study, while its result says that it failed.
    """
    failed = trial.user_attrs.get(RESULT, {}).get("status") == "failed"
    return trial.state == TrialState.PRUNED and (failed or REFUSED in trial.user_attrs)


def _latest_failures(study: optuna.Study) -> list[FrozenTrial]:
    """Give the failed trials since the last that did not fail, the latest first."""
    ended = [trial for trial in counted_trials(study) if trial.state.is_finished()]
    ended.sort(key=lambda trial: (trial.datetime_complete or datetime.min, trial.number))
    return list(takewhile(lambda t: t.state == TrialState.FAIL or is_refused(t), reversed(ended)))
