"""Trials of the study as results: which of them count, what they left, which is the best."""

import warnings
from collections.abc import Sequence
from functools import partial

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.study.objectives import ACCURACY, OBJECTIVES, Objective, rank_key
from results.study.result import Result, Status

# Attributes of a trial that the queue writes while it runs. Studies of earlier versions have the
# same names.
INDEX = "slot"
RETRY_OF = "replaces"
DUPLICATE = "surplus"
REASON = "reason"
WORKER = "worker"
PROCESS_START = "born"
DEATHS = "deaths"
SAMPLED = "drawn"
# Values that belong to KerasTuner and are no hyperparameters, such as Hyperband's `tuner/epochs`.
# They stay with the trial when it is repeated.
TUNER_VALUES = "kt_values"
# The one that the store writes at its end.
RESULT = "result"

# An attribute of the study: the names of the objectives that its trials' values are of.
OBJECTIVE_NAMES = "objectives"


def agreed_objectives(
    study: optuna.Study, names: Sequence[str], *, corrects: bool = False
) -> list[str]:
    """Return of which objectives a study's values are; whoever opens it first decides.

    Optuna compares directions alone: `val_accuracy` and `val_auc` would be ranked together. Its
    metric names do not serve as the record, since users may choose them in other words.

    Args:
        study: The study. One without a record, of an earlier version too, is given these names.
        names: The names of the objectives that it is opened with, in order.
        corrects: Whether they replace the known ones as long as there is no value: the first ones
            may be mistyped.

    Returns:
        The study's own names: those given, or the other ones that it was begun with.
    """
    known = study.user_attrs.get(OBJECTIVE_NAMES)
    if known is None or (corrects and known != list(names) and not _has_values(study)):
        known = list(names)
        study.set_user_attr(OBJECTIVE_NAMES, known)
    return list(known)


def show_objectives(study: optuna.Study, names: Sequence[str]) -> None:
    """Let Optuna's plots, tables and dashboard call a new study's values by their names.

    A study that has values stays as it is. Only for one that the project itself makes: with names,
    the column `value` of `study.trials_dataframe()` becomes `value_val_loss`, which a user's
    program may not expect.
    """
    if study.metric_names != list(names) and not _has_values(study):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(names))


def _has_values(study: optuna.Study) -> bool:
    ranked = (TrialState.COMPLETE, TrialState.PRUNED)
    return bool(study.get_trials(deepcopy=False, states=ranked))


def counted_trials(study: optuna.Study | Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that a budget counts, by number: without retried ones and duplicates."""
    trials = study.get_trials(deepcopy=False) if isinstance(study, optuna.Study) else study
    retried = {trial.user_attrs.get(RETRY_OF) for trial in trials}
    return [
        trial
        for trial in trials
        if trial.number not in retried and DUPLICATE not in trial.user_attrs
    ]


def trial_index(trial: FrozenTrial) -> int:
    """Return a trial's index in the order of a search, which a retry shares; else its number."""
    return int(trial.user_attrs.get(INDEX, trial.number))


def first_objective(study: optuna.Study) -> Objective:
    """Return the objective that ranks trials; earlier versions took accuracy, and did not say."""
    return OBJECTIVES[study.user_attrs.get(OBJECTIVE_NAMES, [ACCURACY.name])[0]]


def best_first(study: optuna.Study) -> list[Result]:
    """Sort the counted complete trials by the first objective, on validation data alone."""
    ended = [trial for trial in counted_trials(study) if trial.state == TrialState.COMPLETE]
    complete = [result for result in map(trial_result, ended) if result.status == "complete"]
    return sorted(complete, key=partial(rank_key, first_objective(study)))


def trial_result(trial: FrozenTrial) -> Result:
    """Read a finished trial as a result; one that recorded nothing has failed, and says why."""
    if RESULT in trial.user_attrs:
        return Result.from_json(trial.user_attrs[RESULT])
    status: Status = "pruned" if trial.state == TrialState.PRUNED else "failed"
    return Result(
        name=f"trial {trial.number}",
        kind="trial",
        status=status,
        reason=trial.user_attrs.get(REASON, "it ended without recording a result"),
        number=trial.number,
        hyperparameters=dict(trial.params),
        worker=trial.user_attrs.get(WORKER, ""),
    )
