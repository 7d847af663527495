"""Signs of life of a running trial, so that other machines can tell when its worker is gone."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from weakref import WeakKeyDictionary

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.storages._heartbeat import BaseHeartbeat, get_heartbeat_thread, is_heartbeat_enabled
from optuna.trial import FrozenTrial

from results.study import SILENT_BEATS

log = logging.getLogger(__name__)

_ALIVE = "alive"
# Of a trial that never gave a sign, and so did not say how often it would.
_USUAL_SECONDS = 15
# No two machines' clocks differ by so much.
_LONG_AGO = 3600.0

# By study and trial: its latest sign, when this process first saw that one, and whether it has seen
# an earlier one.
_seen: WeakKeyDictionary[optuna.Study, dict[int, tuple[object, float, bool]]] = WeakKeyDictionary()


@contextlib.contextmanager
def send_heartbeats(storage: BaseStorage, trial_id: int, seconds: float) -> Iterator[None]:
    """Give signs of life of a trial while the block runs.

    A database keeps them itself, by its own clock. A journal does not, and Optuna's proxy does not
    pass them on; there they are written into the trial.

    Args:
        storage: Where the trial's study lives.
        trial_id: The storage's id of the trial.
        seconds: The time between two signs, where the storage has none of its own.
    """
    if isinstance(storage, InMemoryStorage) or is_heartbeat_enabled(storage):
        with get_heartbeat_thread(trial_id, storage):
            yield
        return
    ended = threading.Event()

    def beat() -> None:
        while True:
            try:
                storage.set_trial_system_attr(trial_id, _ALIVE, [time.time(), seconds])
            except optuna.exceptions.UpdateFinishedTrialError:
                return
            except Exception as error:  # The trial itself will meet it, if it lasts.
                log.debug("trial %d could give no sign of life: %s", trial_id, error)
            if ended.wait(seconds):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def silent(study: optuna.Study) -> set[int]:
    """Ask a database that keeps signs of life which trials have given none for too long.

    Args:
        study: The study.

    Returns:
        The storage's ids of the trials; none, where the storage keeps no signs.
    """
    storage = study._storage
    if isinstance(storage, BaseHeartbeat) and is_heartbeat_enabled(storage):
        return set(storage._get_stale_trial_ids(study._study_id))
    return set()


def patience(
    study: optuna.Study,
    running: Sequence[FrozenTrial],
    *,
    all_sign: bool,
    now: Callable[[], float] = time.monotonic,
) -> dict[int, float]:
    """Say how long to wait for the next signs of life that are written into trials.

    What counts is how long this process has waited for a new one, by its own clock: those of two
    machines may differ, and be set. One that is hours old is not waited for.

    Args:
        study: The study.
        running: Running trials.
        all_sign: Whether a trial that has never given a sign should have done so.
        now: The clock.

    Returns:
        Seconds by the trials' numbers; 0 or less is too late. A trial whose signs go another way,
        or that may give none, is not among them.
    """
    storage = study._storage
    if isinstance(storage, InMemoryStorage) or is_heartbeat_enabled(storage):
        return {}
    before, seen = _seen.get(study, {}), {}
    left = {}
    for trial in running:
        sign = trial.system_attrs.get(_ALIVE)
        if sign is None and not all_sign:
            continue
        known = before.get(trial.number)
        if known is None or known[0] != sign:
            known = sign, now(), known is not None
        seen[trial.number], since = known, known[1]
        seconds = _USUAL_SECONDS if sign is None else sign[1]
        left[trial.number] = since + SILENT_BEATS * seconds - now()
        if sign is not None and time.time() - sign[0] > SILENT_BEATS * seconds + _LONG_AGO:
            left[trial.number] = 0.0
    _seen[study] = {**before, **seen}
    return left


def is_heard(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Say whether a trial has given a sign of life since this process first looked.

    Args:
        study: The study.
        trial: A trial that `patience` was asked about.

    Returns:
        Whether it has.
    """
    known = _seen.get(study, {}).get(trial.number)
    return known is not None and known[2]
