"""Trials whose worker is gone: found by their owner's name and heartbeats, and given back."""

import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
from optuna.trial import FrozenTrial, TrialState

from results.study import DEATHS, PROCESS_START, SILENT_BEATS, WORKER
from search.optuna_private import ALIVE, keeps_heartbeats, silent_trials
from search.queue import claims

log = logging.getLogger(__name__)

# A trial is claimed first and signed right after; one without a name for longer lost its owner.
_SIGNED_WITHIN = timedelta(seconds=10)
# A trial that so many workers died of is not tried again.
MOST_DEATHS = 3
# Of a trial that never gave a sign, and so did not say how often it would.
_USUAL_SECONDS = 15
# No two machines' clocks differ by so much.
_LONG_AGO = 3600.0
# Windows has none, and no sign of who ended a process.
_KILLED = getattr(signal, "SIGKILL", None)


@dataclass(frozen=True)
class _Sign:
    """The latest sign of life of a trial.

    Attributes:
        sign: What stands in the trial; None if it has never given one.
        since: When this process first saw it, by its own clock.
        is_new: Whether this process has seen an earlier one.
    """

    sign: tuple[float, float] | None
    since: float
    is_new: bool


class StaleTrials:
    """Finds the running trials of a study whose worker is gone, and gives them back.

    A worker of this machine is dead when its process is gone; one of another machine, or of this
    one when it had another name, when its trial has had no sign of life for too long.

    Args:
        study: The study.
        all_signal: Whether all who run trials of this study give signs of life, as the workers of
            `search.run` do.
        clock: Gives seconds; of two machines the clocks may differ, and be set.
    """

    def __init__(
        self,
        study: optuna.Study,
        *,
        all_signal: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._all_signal = all_signal
        self._clock = clock
        self._seen: dict[int, _Sign] = {}

    def retry(self, dead: int | None = None, exitcode: int | None = None) -> int:
        """End the running trials of dead workers, enqueue them to be repeated, and return how many.

        The worker whose process id is `dead` was seen to die, with `exitcode`; None asks the system
        for each. A trial may have killed its worker itself, e.g. by asking for all memory: after
        `MOST_DEATHS` workers that were seen to die of it, it fails for good.
        """
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        silent = silent_trials(self._study) if running else set()
        silent |= {number for number, left in self.patience(running).items() if left <= 0}
        # A process of this machine that lives may have taken up its trial just now.
        stale = [t for t in running if is_lost(t, dead) or (t.number in silent and not _is_here(t))]
        for trial in stale:
            # If the whole run was killed, or a machine switched off, that is no trial's fault.
            seen = dead is not None and trial.user_attrs.get(WORKER) == worker_name(dead)
            deaths = trial.user_attrs.get(DEATHS, 0) + 1 if seen else 0
            if deaths >= MOST_DEATHS:
                died = f"its worker died {deaths} times ({describe_exit(exitcode)})"
                claims.fail_trial(self._study, trial.number, died)
            else:
                claims.retry_trial(
                    self._study, trial, "its worker died", same_values=True, deaths=deaths
                )
        return len(stale)

    def patience(
        self, running: Sequence[FrozenTrial], *, all_signal: bool | None = None
    ) -> dict[int, float]:
        """Return how many seconds to wait for the next signs of other machines' trials, by number.

        What counts is how long this process has waited for a new one; one that is hours old is not
        waited for. 0 or less is too late. A trial whose signs go another way than into the trial,
        or that may give none, is not among them.
        """
        all_signal = self._all_signal if all_signal is None else all_signal
        if keeps_heartbeats(self._study):
            return {}
        left, now = {}, self._clock()
        for trial in running:
            alive = trial.system_attrs.get(ALIVE)
            if _is_here(trial) or (alive is None and not all_signal):
                continue
            sign = None if alive is None else (float(alive[0]), float(alive[1]))
            known = self._seen.get(trial.number)
            if known is None or known.sign != sign:
                known = self._seen[trial.number] = _Sign(sign, now, known is not None)
            allowed = SILENT_BEATS * (_USUAL_SECONDS if sign is None else sign[1])
            left[trial.number] = known.since + allowed - now
            if sign is not None and time.time() - sign[0] > allowed + _LONG_AGO:
                left[trial.number] = 0.0
        return left

    def unheard(self, running: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials of other machines that have given no new sign since this one looked."""
        left = self.patience(running)
        return [t for t in running if t.number in left and not self._seen[t.number].is_new]

    def describe_wait(self, running: Sequence[FrozenTrial], heartbeat: int) -> str:
        """Describe in one line what a search waits for if all it has is other machines' trials."""
        left = self.patience(running, all_signal=True).values()
        seconds = max(left, default=float(SILENT_BEATS * heartbeat))
        trials = ", ".join(
            f"trial {trial.number} ({trial.user_attrs.get(WORKER, 'not signed yet')})"
            for trial in running
        )
        return (
            f"waiting for {trials}: one whose worker gives no sign of life for another "
            f"{max(seconds, 1):.0f} s is repeated here"
        )


def worker_name(pid: int) -> str:
    """Name a worker by its host and process id, so that all machines' trials can be told apart."""
    return f"{socket.gethostname()}-{pid}"


def process_identity(pid: int) -> str | None:
    """Identify a process among all that have had its id before, or will have it.

    After a restart of the machine ids are given out again. So the id comes with the system's start
    and the process's, in ticks of a clock that nobody sets; outside Linux with the time of day at
    which it began. None if the process has exited, even if not yet reaped, or nobody can tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Behind the name, which may hold anything: the state, and 19 fields later the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return _identity_elsewhere(pid)
    return None if fields[0] in "ZX" else f"{pid} {boot} {fields[19]}"


def _identity_elsewhere(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if ended else f"{pid} {process.create_time()}"
    except psutil.Error:
        return None


def is_lost(trial: FrozenTrial, dead: int | None = None) -> bool:
    """Return True if a running trial was never signed, or its worker on this machine has ended.

    Args:
        trial: A running trial.
        dead: Process id of a worker of this machine that is dead; None asks the system.
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
    identity = trial.user_attrs.get(PROCESS_START)
    if identity is not None and identity.startswith(f"{pid} "):
        return bool(identity != process_identity(int(pid)))
    return not psutil.pid_exists(int(pid))


def _is_here(trial: FrozenTrial) -> bool:
    host, _, pid = str(trial.user_attrs.get(WORKER, "")).rpartition("-")
    return host == socket.gethostname() and pid.isdigit()


def describe_exit(exitcode: int | None) -> str:
    """Describe in a few words what a process died of; an exit code below 0 is a signal's number."""
    if exitcode is None or exitcode >= 0:
        return f"exit code {exitcode}"
    hint = ": perhaps out of memory" if -exitcode == _KILLED else ""
    return f"signal {-exitcode}{hint}"
