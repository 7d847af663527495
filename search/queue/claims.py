"""The budget of trials, kept in the study itself so that any number of processes share it exactly.

A trial belongs to a budget of N if fewer than N of the trials with lower numbers count. The storage
gives the numbers and never changes them, so all processes agree: no trial is written before its
time, and a budget can be lowered or raised whenever a search is resumed. A trial that repeats a
lost one takes its place, and one that was begun or added once too often does not count.

Waiting trials are taken first: one that was lost, one that a user enqueued, or one of those that an
earlier version wrote for the whole budget. The storage's compare-and-swap from WAITING to RUNNING
sees to it that none runs twice.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
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
    TUNER_VALUES,
    counted_trials,
    trial_index,
)
from search.optuna_private import (
    FIXED,
    create_running,
    fix_values,
    is_fixed,
    open_trial,
    set_attribute,
    take_waiting,
)

# Gives the values, as the study holds them, of the trial with an index in the budget.
StartingValues = Callable[[int], Mapping[str, Any] | None]


class QueueState:
    """A study's trials in the order of its budget.

    Args:
        trials: All trials of the study by number, or the first ones.

    Attributes:
        trials: All that were given, by number.
        counted: Those that count, each lost one represented by its latest repetition.
        count: How many places of a budget they take.
        next_index: The index of the next trial.
    """

    def __init__(self, trials: Sequence[FrozenTrial]) -> None:
        self.trials = trials
        self.counted = counted_trials(trials)
        by_origin: dict[int, list[FrozenTrial]] = {}
        for trial in self.counted:
            by_origin.setdefault(self._origin(trial), []).append(trial)
        self.count = len(by_origin)
        self.next_index = _next_index(trials)
        self._in_order = [by_origin[number] for number in sorted(by_origin)]

    def _origin(self, trial: FrozenTrial) -> int:
        while RETRY_OF in trial.user_attrs:
            trial = self.trials[trial.user_attrs[RETRY_OF]]
        return trial.number

    def has_room(self, budget: int | None) -> bool:
        """Return whether a budget (None: no bound) has trials that are yet to be made."""
        return budget is None or self.count < budget

    def in_state(self, budget: int | None, state: TrialState) -> list[FrozenTrial]:
        """Return the trials of a budget that are in a state, by number."""
        within = [alike[0] for alike in self._in_order[:budget] if alike[0].state == state]
        return sorted(within, key=lambda trial: trial.number)

    def copies(self, budget: int | None) -> list[FrozenTrial]:
        """Return waiting trials that repeat what another one repeats: two processes added them."""
        others = [trial for alike in self._in_order[:budget] for trial in alike[1:]]
        return [trial for trial in others if trial.state == TrialState.WAITING]

    def remaining(self, budget: int) -> int:
        """Count the trials of a budget that wait, and those that are yet to be made."""
        return len(self.in_state(budget, TrialState.WAITING)) + max(0, budget - self.count)


def _next_index(trials: Sequence[FrozenTrial]) -> int:
    taken: set[int] = set()
    for trial in trials:
        index = trial.user_attrs.get(INDEX)
        if index is None or RETRY_OF in trial.user_attrs:
            continue
        # Of two that were begun at once, the later one is about to correct its index.
        if index in taken and trial.state == TrialState.RUNNING:
            index = max(taken) + 1
        taken.add(index)
    return max(taken, default=-1) + 1


def read_queue(study: optuna.Study) -> QueueState:
    """Read a study's trials as they are now."""
    return QueueState(study.get_trials(deepcopy=False))


def claim_trial(
    study: optuna.Study,
    budget: int | None = None,
    starting_values: StartingValues = lambda index: None,
    *,
    queue: QueueState | None = None,
    only_fixed: bool = False,
    signature: Mapping[str, Any] = MappingProxyType({}),
) -> optuna.Trial | None:
    """Take a trial: one that waits, else a new one.

    Args:
        study: The study.
        budget: How many trials the study shall have in all; None for no bound.
        starting_values: Gives the values of the first trials.
        queue: What was read of the study just now, if it was.
        only_fixed: Whether to take only a trial that has its values, such as one that is repeated.
        signature: The attributes that say whose a new trial is, from its first moment on.

    Returns:
        The trial, now RUNNING and this process's own; None if the budget has no other.
    """
    while True:
        queue = queue or read_queue(study)
        for copy in queue.copies(budget):
            if take_waiting(study, copy):
                discard_trial(study, copy.number, "it was added twice")
        waiting = queue.in_state(budget, TrialState.WAITING)
        # One that was lost goes first, as in a search that lost none.
        waiting.sort(key=lambda t: (0, trial_index(t)) if RETRY_OF in t.user_attrs else (1, 0))
        for trial in waiting:
            if (is_fixed(trial) or not only_fixed) and take_waiting(study, trial):
                return _begin(study, trial, starting_values)
        if only_fixed or not queue.has_room(budget):
            return None
        created = _create(study, queue, budget, signature)
        if created is not None:
            return _begin(study, created, starting_values)
        queue = None


def _create(
    study: optuna.Study,
    queue: QueueState,
    budget: int | None,
    signature: Mapping[str, Any] = MappingProxyType({}),
) -> FrozenTrial | None:
    created = create_running(study, {**signature, INDEX: queue.next_index})
    # Mostly nobody else has begun one since the study was read.
    if created.number > len(queue.trials):
        before = QueueState(study.get_trials(deepcopy=False)[: created.number])
        if not before.has_room(budget):
            discard_trial(study, created.number, "others have begun the last trials of the budget")
            return None
        if before.next_index != queue.next_index:
            set_attribute(study, created.number, INDEX, before.next_index)
            created.user_attrs[INDEX] = before.next_index
    return created


def _begin(
    study: optuna.Study, running: FrozenTrial, starting_values: StartingValues
) -> optuna.Trial:
    index = running.user_attrs.get(INDEX)
    values = None if index is None or is_fixed(running) else starting_values(index)
    return resample_trial(study, running, values)


def resample_trial(
    study: optuna.Study, running: FrozenTrial, values: Mapping[str, Any] | None
) -> optuna.Trial:
    """Begin a running trial that has no values yet, with the given ones or the sampler's."""
    if values is not None:
        fix_values(study, running, values)
    try:
        return open_trial(study, running)
    except BaseException:
        retry_trial(study, running, "no values", same_values=False)
        raise


def retry_trial(
    study: optuna.Study, lost: FrozenTrial, reason: str, *, same_values: bool, deaths: int = 0
) -> None:
    """End a running trial as failed, and enqueue another one in its place, once.

    The other one is added first: if this process dies in between, the next sweep finds the lost
    trial still running and only has to end it.

    Args:
        study: The study.
        lost: The trial that will not be finished.
        reason: Why, in a few words.
        same_values: Whether the other one repeats its values or asks the sampler anew.
        deaths: How many workers have died of these values; 0 leaves the count as it is.
    """
    attributes, trials = lost.user_attrs, study.get_trials(deepcopy=False)
    if all(trial.user_attrs.get(RETRY_OF) != lost.number for trial in trials):
        # If it was lost while its values were sampled, all are sampled again: the same ones, if
        # the study is what it was.
        is_sampled = SAMPLED in attributes or PROCESS_START not in attributes
        values, kept = {}, [INDEX]
        if same_values:
            values = {**lost.system_attrs.get(FIXED, {}), **(lost.params if is_sampled else {})}
            kept += [DEATHS, TUNER_VALUES] if values else [DEATHS]
        inherited = {name: attributes[name] for name in kept if name in attributes}
        died = {DEATHS: deaths} if deaths else {}
        study.enqueue_trial(values, user_attrs={RETRY_OF: lost.number, **inherited, **died})
    fail_trial(study, lost.number, reason)


def discard_trial(study: optuna.Study, number: int, reason: str) -> None:
    """End a running trial that is not to count.

    As failed, though nothing went wrong: a sampler learns nothing from it. Of a pruned trial TPE
    would learn that its point is bad, and of one without values that the space is empty.
    """
    set_attribute(study, number, DUPLICATE, True)
    fail_trial(study, number, reason)


def fail_trial(study: optuna.Study, number: int, reason: str) -> None:
    """End a running trial as failed, with the reason beside it; a finished one is left alone."""
    try:
        set_attribute(study, number, REASON, reason)
    except optuna.exceptions.UpdateFinishedTrialError:
        return
    study.tell(number, state=TrialState.FAIL, skip_if_finished=True)


def finish_trial(
    study: optuna.Study, number: int, values: Sequence[float] | None, state: TrialState
) -> bool:
    """End a trial unless it is finished; return whether the sampler can go on."""
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
