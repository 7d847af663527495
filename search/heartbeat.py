"""Signs of life of a running trial, so that other machines can tell when its worker is gone."""

import contextlib
import threading
import time
from collections.abc import Iterator

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy
from optuna.storages._heartbeat import BaseHeartbeat, get_heartbeat_thread, is_heartbeat_enabled
from optuna.trial import FrozenTrial

from results.storage import SILENT_BEATS

_ALIVE = "alive"


@contextlib.contextmanager
def beating(storage: BaseStorage, trial_id: int, seconds: int) -> Iterator[None]:
    """Give signs of life of a trial while the block runs.

    A database keeps them itself, by its own clock. Optuna's proxy does not pass them on; there the
    time is written into the trial, by this machine's clock. A journal needs none: its workers are
    on one machine, which knows its processes.

    Args:
        storage: Where the trial's study lives.
        trial_id: The storage's id of the trial.
        seconds: The time between two signs, where the storage has none of its own.
    """
    if not isinstance(storage, GrpcStorageProxy):
        with get_heartbeat_thread(trial_id, storage):
            yield
        return
    ended = threading.Event()

    def beat() -> None:
        while True:
            with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
                storage.set_trial_system_attr(trial_id, _ALIVE, [time.time(), seconds])
            if ended.wait(seconds):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def silent(study: optuna.Study, running: list[FrozenTrial]) -> set[int]:
    """Find the running trials without a sign of life for too long.

    Args:
        study: The study.
        running: Its running trials.

    Returns:
        Their numbers; those of trials that never gave one are not among them.
    """
    storage = study._storage
    ids: set[int] = set()
    if isinstance(storage, BaseHeartbeat) and is_heartbeat_enabled(storage):
        ids = set(storage._get_stale_trial_ids(study._study_id))
    return {trial.number for trial in running if trial._trial_id in ids or _is_overdue(trial)}


def _is_overdue(trial: FrozenTrial) -> bool:
    last, seconds = trial.system_attrs.get(_ALIVE, (float("inf"), 0))
    return bool(time.time() - last > SILENT_BEATS * seconds)
