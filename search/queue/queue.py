"""The budget of trials, kept in the study itself so that any number of processes share it exactly.

A trial belongs to a budget of N if fewer than N of the trials with lower numbers count. The storage
gives the numbers and never changes them, so all processes agree: no trial is written before its
time, and a budget can be lowered or raised whenever a search is resumed. What does not count is a
trial that repeats a lost one, for it takes that one's place, and one that was begun or added once
too often.

What waits is taken first: a trial that was lost, one that a user enqueued, or one of those that an
earlier version wrote for the whole budget. Taking it is the storage's own compare-and-swap from
WAITING to RUNNING, so none runs twice.
"""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.study import (
    DEATHS,
    DUPLICATE,
    INDEX,
    PROCESS_START,
    REASON,
    RETRY_OF,
    SAMPLED,
    trial_index,
)

# Where Optuna keeps the values of an enqueued trial.
FIXED = "fixed_params"

# What belongs to a trial's values, and goes with them when the trial is repeated.
EXTRA = "kt_values"


class Queue:
    """A study's trials in the order of its budget.

    Args:
        trials: All trials of the study by number, or the first ones.

    Attributes:
        count: How many of them count.
        slot: The place of the next trial.
    """

    def __init__(self, trials: Sequence[FrozenTrial]) -> None:
        self.count = self.slot = 0
        self._trials = trials
        # By number: how many trials that count come before it. A trial that repeats a lost one has
        # that one's index; one that does not count has none.
        self._indices: dict[int, int] = {}
        self._copies: set[int] = set()
        self._slots: dict[int, int] = {}
        self._repeated: set[int] = set()
        for trial in trials:
            if DUPLICATE not in trial.user_attrs:
                self._add(trial)

    def _add(self, trial: FrozenTrial) -> None:
        lost, slot = trial.user_attrs.get(RETRY_OF), trial.user_attrs.get(INDEX)
        waits = trial.state == TrialState.WAITING
        if lost is not None:
            if waits and lost in self._repeated:
                self._copies.add(trial.number)
            self._repeated.add(lost)
            if lost in self._indices:
                self._indices[trial.number] = self._indices[lost]
        elif waits and slot in self._slots:
            # An earlier version wrote the budget twice at once.
            self._copies.add(trial.number)
            self._indices[trial.number] = self._slots[slot]
        else:
            self._indices[trial.number] = self.count
            self.count += 1
            if slot is not None:
                self._slots[slot] = self._indices[trial.number]
                self.slot = max(len(self._slots), self.slot, slot + 1)

    def __len__(self) -> int:
        """How many trials there are, those included that do not count."""
        return len(self._trials)

    def room(self, budget: int | None) -> bool:
        """Say whether a budget has trials that are yet to be made.

        Args:
            budget: How many trials the study shall have in all; None for no bound.

        Returns:
            Whether it has.
        """
        return budget is None or self.count < budget

    def of(self, budget: int | None, state: TrialState) -> list[FrozenTrial]:
        """Give the trials of a budget that are in a state.

        Args:
            budget: How many trials the study shall have in all; None for no bound.
            state: The state.

        Returns:
            The trials by number, without copies of others.
        """
        return [
            trial
            for trial in self._trials
            if trial.state == state and trial.number not in self._copies
            if self._is_within(trial, budget)
        ]

    def copies(self, budget: int | None) -> list[FrozenTrial]:
        """Give the waiting trials of a budget that stand for what another trial stands for.

        Args:
            budget: How many trials the study shall have in all; None for no bound.

        Returns:
            The trials by number.
        """
        if not self._copies:
            return []
        copies = [trial for trial in self._trials if trial.number in self._copies]
        return [trial for trial in copies if self._is_within(trial, budget)]

    def _is_within(self, trial: FrozenTrial, budget: int | None) -> bool:
        index = self._indices.get(trial.number)
        return index is not None and (budget is None or index < budget)

    def remaining(self, budget: int) -> int:
        """Count the trials of a budget that nobody has begun.

        Args:
            budget: How many trials the study shall have in all.

        Returns:
            Those that wait, and those that are yet to be made.
        """
        return len(self.of(budget, TrialState.WAITING)) + max(0, budget - self.count)


def look(study: optuna.Study) -> Queue:
    """Look at a study's trials as they are now.

    Args:
        study: The study.

    Returns:
        Them.
    """
    return Queue(_trials(study))


def _trials(study: optuna.Study) -> list[FrozenTrial]:
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def claim(
    study: optuna.Study,
    budget: int | None = None,
    starts: Sequence[Mapping[str, Any]] = (),
    *,
    only_fixed: bool = False,
) -> optuna.Trial | None:
    """Take a trial: one that waits, else a new one.

    Args:
        study: The study.
        budget: How many trials the study shall have in all; None for no bound.
        starts: Values (as the study holds them) of the first trials: the starting points.
        only_fixed: Whether to take only a trial that has its values, such as one that is repeated.

    Returns:
        The trial, now RUNNING and this process's own; None where the budget has no other.
    """
    while True:
        queue = look(study)
        for copy in queue.copies(budget):
            if _take(study, copy):
                drop(study, copy.number, "it was added twice")
        for waiting in _in_turn(queue.of(budget, TrialState.WAITING)):
            if (is_fixed(waiting) or not only_fixed) and _take(study, waiting):
                return _begin(study, waiting._trial_id, starts)
        if only_fixed or not queue.room(budget):
            return None
        trial_id = _create(study, queue, budget)
        if trial_id is not None:
            return _begin(study, trial_id, starts)


def _in_turn(waiting: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Order the waiting trials: one that was put back goes first, as in a search that lost none."""
    put_back = [trial for trial in waiting if RETRY_OF in trial.user_attrs]
    others = [trial for trial in waiting if RETRY_OF not in trial.user_attrs]
    return sorted(put_back, key=trial_index) + others


def _take(study: optuna.Study, waiting: FrozenTrial) -> bool:
    try:
        return study._storage.set_trial_state_values(waiting._trial_id, state=TrialState.RUNNING)
    except optuna.exceptions.UpdateFinishedTrialError:
        return False


def _create(study: optuna.Study, queue: Queue, budget: int | None) -> int | None:
    storage = study._storage
    # Together with the trial, in one write: mostly nobody else begins one at this moment.
    template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs={INDEX: queue.slot})
    trial_id = storage.create_new_trial(study._study_id, template_trial=template)
    number = storage.get_trial_number_from_id(trial_id)
    before = Queue(_trials(study)[:number]) if number > len(queue) else queue
    if not before.room(budget):
        drop(study, number, "others have begun the last trials of the budget")
        return None
    if before.slot != queue.slot:
        storage.set_trial_user_attr(trial_id, INDEX, before.slot)
    return trial_id


def _begin(study: optuna.Study, trial_id: int, starts: Sequence[Mapping[str, Any]]) -> optuna.Trial:
    frozen = study._storage.get_trial(trial_id)
    slot = frozen.user_attrs.get(INDEX, len(starts))
    if slot < len(starts) and not is_fixed(frozen):
        return begin_with(study, trial_id, starts[slot])
    return _start(study, trial_id)


def begin_with(study: optuna.Study, trial_id: int, values: Mapping[str, Any]) -> optuna.Trial:
    """Give a running trial its values before a sampler is asked.

    Args:
        study: The study.
        trial_id: The storage's id of the trial, which has no values yet.
        values: The values, as the study holds them.

    Returns:
        The trial.
    """
    study._storage.set_trial_system_attr(trial_id, FIXED, dict(values))
    return _start(study, trial_id)


def _start(study: optuna.Study, trial_id: int) -> optuna.Trial:
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
    return _start(study, trial_id)


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
    if all(trial.user_attrs.get(RETRY_OF) != lost.number for trial in trials):
        # Of a trial that was lost while its values were drawn, all are drawn again: the same ones,
        # where the study is what it was.
        drawn = (
            lost.params
            if SAMPLED in lost.user_attrs or PROCESS_START not in lost.user_attrs
            else {}
        )
        values = {**lost.system_attrs.get(FIXED, {}), **drawn} if same_values else {}
        extra = {EXTRA: lost.user_attrs[EXTRA]} if values and EXTRA in lost.user_attrs else {}
        known = lost.user_attrs.get(DEATHS, 0) if same_values else 0
        died = {DEATHS: deaths or known} if deaths or known else {}
        study.enqueue_trial(values, user_attrs={**_successor(lost), **extra, **died})
    fail(study, lost.number, reason)


def _successor(trial: FrozenTrial) -> dict[str, int]:
    inherited = {INDEX: trial.user_attrs[INDEX]} if INDEX in trial.user_attrs else {}
    return {RETRY_OF: trial.number, **inherited}


def drop(study: optuna.Study, number: int, reason: str) -> None:
    """End a running trial that is not to count.

    As failed, though nothing went wrong: a sampler learns nothing from it. Of a pruned trial TPE
    would learn that its point is bad, and of one without values that the space is empty.

    Args:
        study: The study.
        number: The trial's number.
        reason: Why, in a few words.
    """
    trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    study._storage.set_trial_user_attr(trial_id, DUPLICATE, True)
    fail(study, number, reason)


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


def tell(
    study: optuna.Study, number: int, values: Sequence[float] | None, state: TrialState
) -> bool:
    """End a trial as complete or pruned; a finished one is left alone.

    Args:
        study: The study.
        number: The trial's number.
        values: Its values, if it is complete.
        state: Its state.

    Returns:
        Whether the sampler can go on.
    """
    try:
        study.tell(number, values, state=state, skip_if_finished=True)
    except RuntimeError as error:
        # Samplers that enumerate end `Study.optimize` by `Study.stop`, which refuses to be called
        # outside of it. The trial itself has been stored by then.
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_code is not optuna.Study.stop.__code__:
            raise
        return False
    return True
