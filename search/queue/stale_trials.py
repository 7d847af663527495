"""Trials whose worker is gone: found by their owner's name, and put back."""

import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
from optuna.trial import FrozenTrial, TrialState

from results.study import DEATHS, PROCESS_START, SILENT_BEATS, WORKER
from search.queue import queue as slots
from search.queue.heartbeat import is_heard, patience, silent

log = logging.getLogger(__name__)

# A trial is claimed first and signed right after; one without a name for longer lost its owner.
_SIGNED_WITHIN = timedelta(seconds=10)

# Windows has none, and no sign of who ended a process.
_KILLED = getattr(signal, "SIGKILL", None)

# A trial that so many workers died of is not tried again.
MOST_DEATHS = 3


def worker_name(pid: int) -> str:
    """Name a worker so that its trials can be told from those of other machines.

    Args:
        pid: The worker's process id.

    Returns:
        Host and process id.
    """
    return f"{socket.gethostname()}-{pid}"


def birth(pid: int) -> str | None:
    """Tell a process from all that have had its id before, or will have it.

    After a restart of the machine ids are given out again, and soon one that a worker had.

    Args:
        pid: A process id.

    Returns:
        The id, the system's start and the process's, in ticks of a clock that nobody sets; outside
        Linux the id and the time of day at which it began. None where the process has ended, be
        it that nobody has asked how, or the system does not tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Behind the name, which may hold anything: the state, and 19 fields later the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return _birth_elsewhere(pid)
    return None if fields[0] in "ZX" else f"{pid} {boot} {fields[19]}"


def _birth_elsewhere(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if ended else f"{pid} {process.create_time()}"
    except psutil.Error:
        return None


def retry_stale(
    study: optuna.Study,
    dead: int | None = None,
    exitcode: int | None = None,
    *,
    all_sign: bool = False,
) -> int:
    """End the running trials of dead workers, and put them back to be repeated.

    A worker of this machine is dead when its process is gone; one of another machine, or of this
    one when it had another name, when its trial has had no sign of life for too long.

    A trial may have killed its worker itself, e.g. by asking for all memory: after `MOST_DEATHS`
    workers that were seen to die of it, it fails for good.

    Args:
        study: The study.
        dead: Process id of a worker seen to die; None asks the system for each owner.
        exitcode: What it died with, as `multiprocessing` gives it.
        all_sign: Whether all who run trials of this study give signs of life, as the workers of
            `search.run` do.

    Returns:
        How many were ended.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    stale, left = silent(study), awaited(study, running, all_sign=all_sign)
    lost = [
        trial
        for trial in running
        if trial._trial_id in stale or left.get(trial.number, 1.0) <= 0 or is_lost(trial, dead)
    ]
    for trial in lost:
        # Where the whole run was killed, or a machine switched off, that is no trial's fault.
        seen = dead is not None and trial.user_attrs.get(WORKER) == worker_name(dead)
        deaths = trial.user_attrs.get(DEATHS, 0) + 1 if seen else 0
        if deaths >= MOST_DEATHS:
            died = f"its worker died {deaths} times ({describe_exit(exitcode)})"
            slots.fail(study, trial.number, died)
        else:
            slots.replace(study, trial, "its worker died", same_values=True, deaths=deaths)
    return len(lost)


def awaited(
    study: optuna.Study, running: Sequence[FrozenTrial], *, all_sign: bool
) -> dict[int, float]:
    """Say how long to wait for signs of life of other machines' trials.

    Args:
        study: The study.
        running: Running trials.
        all_sign: As for `retry_stale`.

    Returns:
        Seconds by the trials' numbers, where signs are written into trials; 0 or less is too late.
    """
    elsewhere = [trial for trial in running if not _is_here(trial)]
    return patience(study, elsewhere, all_sign=all_sign)


def wait_for_heartbeats(
    study: optuna.Study, budget: int | None, is_late: Callable[[], bool]
) -> None:
    """Wait, where a budget has no other trial, until those of other machines have shown who lives.

    Args:
        study: The study.
        budget: How many trials the study shall have in all; None for no bound.
        is_late: Whether no trial is to be begun any more.
    """
    told = False
    while not is_late():
        queue = slots.look(study)
        if queue.room(budget) or queue.of(budget, TrialState.WAITING):
            return
        running = queue.of(budget, TrialState.RUNNING)
        left = awaited(study, running, all_sign=False)
        unheard = [t for t in running if t.number in left and not is_heard(study, t)]
        if not unheard:
            return
        if not told:
            log.warning("%s", describe_wait(study, unheard, 0))
            told = True
        time.sleep(0.5)
        retry_stale(study)


def describe_wait(study: optuna.Study, running: Sequence[FrozenTrial], heartbeat: int) -> str:
    """Say what a search waits for that has nothing else to do.

    Args:
        study: The study.
        running: Running trials of other machines' workers.
        heartbeat: Seconds between two signs of life, where the database keeps them.

    Returns:
        A line.
    """
    left = awaited(study, running, all_sign=True).values()
    seconds = max(left, default=float(SILENT_BEATS * heartbeat))
    trials = ", ".join(
        f"trial {trial.number} ({trial.user_attrs.get(WORKER, 'not signed yet')})"
        for trial in running
    )
    return (
        f"waiting for {trials}: one whose worker gives no sign of life for another "
        f"{max(seconds, 1):.0f} s is repeated here"
    )


def _is_here(trial: FrozenTrial) -> bool:
    host, _, pid = str(trial.user_attrs.get(WORKER, "")).rpartition("-")
    return host == socket.gethostname() and pid.isdigit()


def describe_exit(exitcode: int | None) -> str:
    """Say what a process died of.

    Args:
        exitcode: As `multiprocessing` gives it: below 0 a signal's number.

    Returns:
        A few words.
    """
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    hint = ": perhaps out of memory" if -exitcode == _KILLED else ""
    return f"signal {-exitcode}{hint}"


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
        # Or it starts in the future: the clock has been set back since.
        return started is not None and abs(datetime.now() - started) > _SIGNED_WITHIN
    if dead is not None:
        return bool(owner == worker_name(dead))
    if not _is_here(trial):
        return False
    pid = owner.rpartition("-")[2]
    born = trial.user_attrs.get(PROCESS_START)
    if born is not None and born.startswith(f"{pid} "):
        return bool(born != birth(int(pid)))
    return not psutil.pid_exists(int(pid))
