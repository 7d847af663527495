"""What the search needs of Optuna beyond its public API, in one place; a test names each part."""

import contextlib
import copy
import logging
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.storages._heartbeat import BaseHeartbeat, get_heartbeat_thread, is_heartbeat_enabled
from optuna.trial import FrozenTrial, TrialState

# Called with the study and a trial that has ended, as Optuna's Terminator, MLflow's or W&B's are.
StudyCallback = Callable[[optuna.Study, FrozenTrial], Any]

log = logging.getLogger(__name__)

# Optuna's system attribute with the values of an enqueued trial.
FIXED = "fixed_params"
# Ours, with the latest sign of life: the writer's clock, and the seconds between two signs.
ALIVE = "alive"


def frozen(trial: optuna.Trial) -> FrozenTrial:
    """Read a running trial as the storage has it."""
    return trial.study._storage.get_trial(trial._trial_id)


def all_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Read all trials, also those that a pruner's view of the study hides."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def study_attributes(study: optuna.Study) -> dict[str, Any]:
    """Read a study's user attributes, also through a pruner's view of it, which hides them."""
    return study._storage.get_study_user_attrs(study._study_id)


def call_callbacks(study: optuna.Study, number: int, callbacks: Iterable[StudyCallback]) -> bool:
    """Call Optuna's callbacks of an ended trial as `Study.optimize` does.

    Returns:
        Whether one of them called `study.stop()`.
    """
    was_in_loop = study._thread_local.in_optimize_loop
    study._thread_local.in_optimize_loop = True
    study._stop_flag = False
    try:
        for callback in callbacks:
            callback(study, study.get_trials()[number])
        return study._stop_flag
    finally:
        study._thread_local.in_optimize_loop = was_in_loop
        study._stop_flag = False


class WithSampler(optuna.Study):
    """A study with another sampler; all else is the study's own, what is changed later too."""

    __slots__ = ("_sampler_now",)

    def __init__(self, study: optuna.Study, sampler_now: Callable[[], BaseSampler]) -> None:
        self.__dict__ = study.__dict__
        self._sampler_now = sampler_now

    @property
    def sampler(self) -> BaseSampler:  # type: ignore[override]
        """The sampler, whoever asks."""
        return self._sampler_now()


class WithTrials:
    """A study as it is shown to a sampler: each trial as a function changes it."""

    def __init__(self, study: optuna.Study, change: Callable[[FrozenTrial], FrozenTrial]) -> None:
        self._study = study
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials."""
        return self.get_trials()

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials in some states, as `optuna.Study.get_trials` does."""
        return self._get_trials(deepcopy, states)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        found = self._study._get_trials(deepcopy, states, use_cache)
        return [self._change(trial) for trial in found]


def take_waiting(study: optuna.Study, waiting: FrozenTrial) -> bool:
    """Turn a waiting trial into a running one; False if another process was faster."""
    try:
        return study._storage.set_trial_state_values(waiting._trial_id, state=TrialState.RUNNING)
    except optuna.exceptions.UpdateFinishedTrialError:
        return False


def create_running(study: optuna.Study, user_attrs: Mapping[str, Any]) -> FrozenTrial:
    """Add a running trial together with its attributes, in one write."""
    template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs=dict(user_attrs))
    storage = study._storage
    return storage.get_trial(storage.create_new_trial(study._study_id, template_trial=template))


def open_trial(study: optuna.Study, running: FrozenTrial) -> optuna.Trial:
    """Make the trial that asks the sampler, as `study.ask` does."""
    # A sampler reads the trials through this cache; without a reset it would miss what other
    # processes added since this one's last trial.
    study._thread_local.cached_all_trials = None
    return optuna.Trial(study, running._trial_id)


def fix_values(study: optuna.Study, running: FrozenTrial, values: Mapping[str, Any]) -> None:
    """Set a running trial's values before a sampler is asked."""
    study._storage.set_trial_system_attr(running._trial_id, FIXED, dict(values))


def is_fixed(trial: FrozenTrial) -> bool:
    """Return whether a trial was given values before a sampler was asked."""
    return bool(trial.system_attrs.get(FIXED))


def fixed_values(trial: optuna.Trial) -> dict[str, Any]:
    """Return the values that a trial has before a sampler is asked."""
    return dict(trial._fixed_params)


def fix_value(trial: optuna.Trial, name: str, value: Any) -> None:
    """Let a trial take a value instead of asking the sampler."""
    trial._fixed_params = {**trial._fixed_params, name: value}


def set_attribute(study: optuna.Study, number: int, name: str, value: Any) -> None:
    """Set a user attribute of any unfinished trial."""
    trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    study._storage.set_trial_user_attr(trial_id, name, value)


class Draft:
    """A trial's storage that keeps the trial's values to itself until they are wanted.

    A value that is written can never be taken back: a trial whose point was tried before would have
    to end for it.
    """

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self._storage = trial.storage
        self._values: list[tuple[Any, ...]] = []
        trial.storage = self
        # What it knows of itself may be the very object that a storage in memory holds.
        trial._cached_frozen_trial = copy.deepcopy(trial._cached_frozen_trial)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_param(self, *value: Any) -> None:
        """Keep a value back."""
        self._values.append(value)

    def write(self) -> None:
        """Write the values; what the trial is asked for from now on is written at once."""
        for value in self._values:
            self._storage.set_trial_param(*value)
        self._trial.storage = self._storage


# ---- heartbeats --------------------------------------------------------------------------------


def keeps_heartbeats(study: optuna.Study) -> bool:
    """Return whether heartbeats go another way than into the trials: a database has its own."""
    return isinstance(study._storage, InMemoryStorage) or is_heartbeat_enabled(study._storage)


def silent_trials(study: optuna.Study) -> set[int]:
    """Return the numbers of trials that a database has had no heartbeat of for too long."""
    storage = study._storage
    if not (isinstance(storage, BaseHeartbeat) and is_heartbeat_enabled(storage)):
        return set()
    return {
        storage.get_trial_number_from_id(trial_id)
        for trial_id in storage._get_stale_trial_ids(study._study_id)
    }


@contextlib.contextmanager
def send_heartbeats(trial: optuna.Trial, seconds: float) -> Iterator[None]:
    """Send heartbeats of a trial while the block runs.

    A database keeps them itself, by its own clock. A journal does not, and Optuna's proxy does not
    pass them on; there they are written into the trial, as often as `seconds` says.
    """
    storage, trial_id = trial.study._storage, trial._trial_id
    if keeps_heartbeats(trial.study):
        with get_heartbeat_thread(trial_id, storage):
            yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(storage, trial_id, seconds, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(storage: BaseStorage, trial_id: int, seconds: float, ended: threading.Event) -> None:
    while True:
        try:
            storage.set_trial_system_attr(trial_id, ALIVE, [time.time(), seconds])
        except optuna.exceptions.UpdateFinishedTrialError:
            return
        except Exception as error:  # The trial itself will meet it, if it lasts.
            log.debug("trial %d could give no sign of life: %s", trial_id, error)
        if ended.wait(seconds):
            return
