"""The budget of trials, kept in the study itself so that any number of processes share it exactly.

Each trial of the budget is a numbered slot: a trial in the state WAITING. Claiming one is the
storage's own compare-and-swap from WAITING to RUNNING, so nobody counts and no slot runs twice. A
slot whose trial was lost is put back as a new WAITING trial with the same values. Filling twice at
once can add a slot twice; the later copy is then dropped at its claim.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.store import REASON, REPLACES, SLOT, SURPLUS, counted

# Where Optuna keeps the values of an enqueued trial.
FIXED = "fixed_params"


def fill(study: optuna.Study, trials: int) -> None:
    """Add the slots that a budget lacks.

    Args:
        study: The study.
        trials: How many slots it shall have in all.
    """
    present = {trial.user_attrs.get(SLOT) for trial in study.get_trials(deepcopy=False)}
    for slot in range(trials):
        if slot not in present:
            study.enqueue_trial({}, user_attrs={SLOT: slot})


def claim(study: optuna.Study, starts: Sequence[Mapping[str, Any]] = ()) -> optuna.Trial | None:
    """Take one waiting trial.

    Args:
        study: The study.
        starts: Values (as the study holds them) of the first slots: the starting points.

    Returns:
        The trial, now RUNNING and this process's own; None when none waits.
    """
    storage = study._storage
    waiting = storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.WAITING,))
    for frozen in waiting:
        try:
            taken = storage.set_trial_state_values(frozen._trial_id, state=TrialState.RUNNING)
        except optuna.exceptions.UpdateFinishedTrialError:
            continue
        if not taken:
            continue
        if _is_surplus(study, frozen):
            storage.set_trial_user_attr(frozen._trial_id, SURPLUS, True)
            fail(study, frozen.number, "this slot of the budget was filled twice")
            continue
        slot = frozen.user_attrs.get(SLOT, len(starts))
        if slot < len(starts) and not frozen.system_attrs.get(FIXED):
            storage.set_trial_system_attr(frozen._trial_id, FIXED, dict(starts[slot]))
        # A sampler reads the trials through this cache; without a reset it would miss what other
        # processes added since this one's last trial. `study.ask` does the same.
        study._thread_local.cached_all_trials = None
        return optuna.Trial(study, frozen._trial_id)
    return None


def _is_surplus(study: optuna.Study, claimed: FrozenTrial) -> bool:
    slot = claimed.user_attrs.get(SLOT)
    return slot is not None and any(
        trial.user_attrs.get(SLOT) == slot and trial.number < claimed.number
        for trial in counted(study)
    )


def replace(study: optuna.Study, lost: FrozenTrial, reason: str, *, same_values: bool) -> None:
    """End a running trial as failed and put its place in the budget back, once.

    The replacement is added first: if this process dies in between, the next sweep finds the lost
    trial still running and only has to end it.

    Args:
        study: The study.
        lost: The trial that will not be finished.
        reason: Why, in a few words.
        same_values: Whether the replacement repeats its values or asks the sampler anew.
    """
    trials = study.get_trials(deepcopy=False)
    if all(trial.user_attrs.get(REPLACES) != lost.number for trial in trials):
        attributes = {REPLACES: lost.number}
        if SLOT in lost.user_attrs:
            attributes[SLOT] = lost.user_attrs[SLOT]
        values = {**lost.system_attrs.get(FIXED, {}), **lost.params}
        study.enqueue_trial(values if same_values else {}, user_attrs=attributes)
    fail(study, lost.number, reason)


def fail(study: optuna.Study, number: int, reason: str) -> None:
    """End a running trial as failed, with the reason beside it; a finished one is left alone.

    Args:
        study: The study.
        number: The trial's number.
        reason: Why, in a few words.
    """
    trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    try:
        study._storage.set_trial_user_attr(trial_id, REASON, reason)
    except optuna.exceptions.UpdateFinishedTrialError:
        return
    study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
