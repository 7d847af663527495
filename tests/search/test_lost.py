"""Whose worker is gone: told by the process itself, not by its number or the clock alone."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState

from results.trials import BORN, WORKER
from search.lost import birth, is_lost, worker_name

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are told apart by Linux's /proc"
)


def running(**attributes: str | None) -> FrozenTrial:
    return optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs=attributes)


def test_a_process_that_lives_has_one_birth() -> None:
    assert birth(os.getpid()) == birth(os.getpid()) != birth(os.getppid())
    assert birth(2**22 + 1) is None


def test_a_living_worker_is_not_lost() -> None:
    pid = os.getpid()
    assert not is_lost(running(**{WORKER: worker_name(pid), BORN: birth(pid)}))
    # As an older version signed, or a system without /proc.
    assert not is_lost(running(**{WORKER: worker_name(pid)}))
    assert not is_lost(running(**{WORKER: worker_name(pid), BORN: None}))


def test_another_process_with_the_id_of_a_dead_worker_does_not_keep_its_trial() -> None:
    pid = os.getpid()
    before = f"{birth(pid)}0"
    assert is_lost(running(**{WORKER: worker_name(pid), BORN: before}))


def test_a_dead_worker_that_nobody_has_buried_is_lost() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        trial = running(**{WORKER: worker_name(process.pid), BORN: birth(process.pid)})
        assert not is_lost(trial)
        process.kill()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert psutil.pid_exists(process.pid)
        assert is_lost(trial)


@pytest.mark.parametrize(
    ("hours", "lost"),
    [(0, False), (-1, True), (1, True)],
    ids=["now", "long ago", "clock set back"],
)
def test_an_unsigned_trial_is_lost_after_a_while(hours: int, lost: bool) -> None:
    trial = running()
    trial.datetime_start = datetime.now() + timedelta(hours=hours)
    assert is_lost(trial) == lost
