"""Trials whose worker is gone: found by their owner's name, and put back."""

import socket
from datetime import datetime, timedelta

import optuna
import psutil
from optuna.trial import FrozenTrial, TrialState

from results.trials import WORKER
from search import slots
from search.heartbeat import silent

# A trial is claimed first and signed right after; one without a name for longer lost its owner.
_SIGNED_WITHIN = timedelta(seconds=10)


def worker_name(pid: int) -> str:
    """Name a worker so that its trials can be told from those of other machines.

    Args:
        pid: The worker's process id.

    Returns:
        Host and process id.
    """
    return f"{socket.gethostname()}-{pid}"


def put_back(study: optuna.Study, dead: int | None = None) -> int:
    """End the running trials of dead workers, and put them back to be repeated.

    A worker of this machine is dead when its process is gone; one of another machine when its
    database has had no sign of life from it for too long.

    Args:
        study: The study.
        dead: Process id of a worker known to be dead; None asks the system for each owner.

    Returns:
        How many were put back.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    overdue = silent(study, running)
    lost = [trial for trial in running if trial.number in overdue or is_lost(trial, dead)]
    for trial in lost:
        slots.replace(study, trial, "its worker died", same_values=True)
    return len(lost)


def is_lost(trial: FrozenTrial, dead: int | None = None) -> bool:
    """Say whether a running trial's worker is known to be gone.

    Args:
        trial: A running trial.
        dead: Process id of a worker of this machine that is dead; None asks the system.

    Returns:
        Whether it is one of this machine that has ended, or the trial was never signed.
    """
    owner = trial.user_attrs.get(WORKER)
    if owner is None:
        started = trial.datetime_start
        return started is not None and datetime.now() - started > _SIGNED_WITHIN
    if dead is not None:
        return bool(owner == worker_name(dead))
    host, _, pid = owner.rpartition("-")
    return host == socket.gethostname() and pid.isdigit() and not psutil.pid_exists(int(pid))
