"""The budget of trials, kept in the study itself so that any number of processes share it exactly.

Each trial of the budget is a numbered slot: a trial in the state WAITING. Claiming one is the
storage's own compare-and-swap from WAITING to RUNNING, so nobody counts and no slot runs twice. A
slot whose trial was lost is put back as a new WAITING trial with the same values. Filling twice at
once can add a slot twice; the later copy is then dropped at its claim.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.trials import BORN, DEATHS, DRAWN, REASON, REPLACES, SLOT, SURPLUS, counted, place

# Where Optuna keeps the values of an enqueued trial.
FIXED = "fixed_params"

# What belongs to a trial's values, and goes with them when the trial is repeated.
EXTRA = "kt_values"


def fill(study: optuna.Study, trials: int) -> None:
    """Add the slots that a budget lacks.

    Trials that came from elsewhere, such as one that a user enqueued, count as well.

    Args:
        study: The study.
        trials: How many trials the study shall have in all.
    """
    present = counted(study)
    taken = {trial.user_attrs[SLOT] for trial in present if SLOT in trial.user_attrs}
    others = sum(SLOT not in trial.user_attrs for trial in present)
    # The lowest free numbers: whoever fills at the same time adds the same ones.
    free = (slot for slot in range(trials) if slot not in taken)
    for slot in islice(free, max(trials - len(taken) - others, 0)):
        study.enqueue_trial({}, user_attrs={SLOT: slot})


def claim(
    study: optuna.Study,
    starts: Sequence[Mapping[str, Any]] = (),
    *,
    only_fixed: bool = False,
) -> optuna.Trial | None:
    """Take one waiting trial.

    Args:
        study: The study.
        starts: Values (as the study holds them) of the first slots: the starting points.
        only_fixed: Whether to take only a trial that has its values, such as one that is repeated.

    Returns:
        The trial, now RUNNING and this process's own; None when none waits.
    """
    storage = study._storage
    waiting = storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.WAITING,))
    for frozen in sorted(waiting, key=_turn):
        if only_fixed and not is_fixed(frozen):
            continue
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
        if slot < len(starts) and not is_fixed(frozen):
            storage.set_trial_system_attr(frozen._trial_id, FIXED, dict(starts[slot]))
        return _begin(study, frozen._trial_id)
    return None


def _turn(trial: FrozenTrial) -> tuple[bool, int, int]:
    """Order the waiting trials: one that was put back goes first, as in a search that lost none."""
    is_new = REPLACES not in trial.user_attrs
    return is_new, 0 if is_new else place(trial), trial.number


def create(study: optuna.Study) -> optuna.Trial:
    """Take a trial that no budget counts.

    Args:
        study: The study.

    Returns:
        The trial, RUNNING.
    """
    # `study.ask` does the same, and warns of a storage with heartbeats.
    return _begin(study, study._storage.create_new_trial(study._study_id))


def _begin(study: optuna.Study, trial_id: int) -> optuna.Trial:
    # A sampler reads the trials through this cache; without a reset it would miss what other
    # processes added since this one's last trial. `study.ask` does the same.
    study._thread_local.cached_all_trials = None
    try:
        return optuna.Trial(study, trial_id)
    except BaseException:
        replace(study, study._storage.get_trial(trial_id), "no values", same_values=False)
        raise


def is_fixed(trial: FrozenTrial) -> bool:
    """Say whether a trial was given values before a sampler was asked.

    Args:
        trial: Any trial.

    Returns:
        Whether at least one hyperparameter has such a value.
    """
    return bool(trial.system_attrs.get(FIXED))


def _is_surplus(study: optuna.Study, claimed: FrozenTrial) -> bool:
    part = _stands_for(claimed)
    return part is not None and any(
        _stands_for(trial) == part and trial.number < claimed.number for trial in counted(study)
    )


def _stands_for(trial: FrozenTrial) -> tuple[str, int] | None:
    """Name what a trial stands for: of two trials that stand for the same, the later is not run."""
    for name in (SLOT, REPLACES):
        if name in trial.user_attrs:
            return name, trial.user_attrs[name]
    return None


def restart(study: optuna.Study, trial: FrozenTrial, values: Mapping[str, Any]) -> optuna.Trial:
    """Go on in a running trial's place with other values.

    Args:
        study: The study.
        trial: The running trial, this process's own; it ends as failed.
        values: The values to try instead, as the study holds them.

    Returns:
        The trial that goes on, RUNNING.
    """
    template = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        user_attrs=_successor(trial),
        system_attrs={FIXED: dict(values)},
    )
    trial_id = study._storage.create_new_trial(study._study_id, template_trial=template)
    fail(study, trial.number, "proposed before")
    return _begin(study, trial_id)


def replace(
    study: optuna.Study, lost: FrozenTrial, reason: str, *, same_values: bool, deaths: int = 0
) -> None:
    """End a running trial as failed and put its place in the budget back, once.

    The replacement is added first: if this process dies in between, the next sweep finds the lost
    trial still running and only has to end it.

    Args:
        study: The study.
        lost: The trial that will not be finished.
        reason: Why, in a few words.
        same_values: Whether the replacement repeats its values or asks the sampler anew.
        deaths: How many workers have died of these values; 0 leaves the count as it is.
    """
    trials = study.get_trials(deepcopy=False)
    if all(trial.user_attrs.get(REPLACES) != lost.number for trial in trials):
        # Of a trial that was lost while its values were drawn, all are drawn again: the same ones,
        # where the study is what it was.
        drawn = lost.params if DRAWN in lost.user_attrs or BORN not in lost.user_attrs else {}
        values = {**lost.system_attrs.get(FIXED, {}), **drawn} if same_values else {}
        extra = {EXTRA: lost.user_attrs[EXTRA]} if values and EXTRA in lost.user_attrs else {}
        known = lost.user_attrs.get(DEATHS, 0) if same_values else 0
        died = {DEATHS: deaths or known} if deaths or known else {}
        study.enqueue_trial(values, user_attrs={**_successor(lost), **extra, **died})
    fail(study, lost.number, reason)


def _successor(trial: FrozenTrial) -> dict[str, int]:
    inherited = {SLOT: trial.user_attrs[SLOT]} if SLOT in trial.user_attrs else {}
    return {REPLACES: trial.number, **inherited}


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
