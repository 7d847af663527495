"""Whose worker is gone, told by the process itself; its trials are repeated, but not for ever."""

import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState

from results.study import DEATHS, PROCESS_START, WORKER, counted_trials
from search.queue import queue as slots, stale_trials as lost
from search.queue.heartbeat import send_heartbeats
from search.queue.stale_trials import (
    MOST_DEATHS,
    birth,
    describe_exit,
    describe_wait,
    is_lost,
    retry_stale,
    wait_for_heartbeats,
    worker_name,
)
from tests.search import processes
from tests.search.journals import journalled
from tests.search.processes import Start, check_exact

BUDGET = 2
PID = 2**22 + 1  # Above what Linux gives: nobody's.


def running(**attributes: str | None) -> FrozenTrial:
    return optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs=attributes)


@pytest.fixture(params=["proc", "elsewhere"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "elsewhere":

        def refuse(path: Path) -> str:
            raise FileNotFoundError(path)

        monkeypatch.setattr(Path, "read_text", refuse)


@pytest.mark.usefixtures("system")
def test_a_process_that_lives_has_one_birth() -> None:
    assert birth(os.getpid()) == birth(os.getpid()) != birth(os.getppid())
    assert birth(2**22 + 1) is None


@pytest.mark.usefixtures("system")
def test_a_living_worker_is_not_lost() -> None:
    pid = os.getpid()
    assert not is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: birth(pid)}))
    # As an older version signed, or a system without /proc.
    assert not is_lost(running(**{WORKER: worker_name(pid)}))
    assert not is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: None}))


@pytest.mark.usefixtures("system")
def test_another_process_with_the_id_of_a_dead_worker_does_not_keep_its_trial() -> None:
    pid = os.getpid()
    before = f"{birth(pid)}0"
    assert is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: before}))


@pytest.mark.usefixtures("system")
def test_a_dead_worker_that_nobody_has_buried_is_lost() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        trial = running(**{WORKER: worker_name(process.pid), PROCESS_START: birth(process.pid)})
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


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def begin(study: optuna.Study, pid: int = PID) -> optuna.Trial:
    trial = slots.claim(study, BUDGET)
    assert trial is not None
    trial.set_user_attr(WORKER, worker_name(pid))
    trial.suggest_int("width", 1, 9)
    return trial


def remaining(study: optuna.Study) -> int:
    return slots.look(study).remaining(BUDGET)


def begin_again(study: optuna.Study, values: dict[str, int]) -> optuna.Trial:
    """Claim trials until the one with these values comes."""
    trial = slots.claim(study, only_fixed=True)
    assert trial is not None
    trial.set_user_attr(WORKER, worker_name(PID))
    trial.suggest_int("width", 1, 9)
    assert trial.params == values
    return trial


def test_a_trial_that_kills_its_worker_each_time_fails_for_good(study: optuna.Study) -> None:
    first = begin(study)
    values = dict(first.params)
    for _ in range(MOST_DEATHS - 1):
        assert retry_stale(study, dead=PID, exitcode=-signal.SIGKILL) == 1
        assert remaining(study) == 2
        begin_again(study, values)
    assert retry_stale(study, dead=PID, exitcode=-signal.SIGKILL) == 1
    (failed,) = [trial for trial in counted_trials(study) if trial.state == TrialState.FAIL]
    assert failed.user_attrs["reason"] == (
        "its worker died 3 times (signal 9: perhaps out of memory)"
    )
    assert failed.params == values
    assert remaining(study) == 1


def test_deaths_that_nobody_saw_are_not_counted(study: optuna.Study) -> None:
    values = dict(begin(study).params)
    for _ in range(2 * MOST_DEATHS):
        # The whole run was killed: the next one asks the system.
        assert retry_stale(study) == 1
        begin_again(study, values)
    assert remaining(study) == 1
    assert retry_stale(study, dead=PID, exitcode=1) == 1
    assert remaining(study) == 2


def test_a_trial_that_was_interrupted_in_between_keeps_its_count(study: optuna.Study) -> None:
    values = dict(begin(study).params)
    retry_stale(study, dead=PID, exitcode=1)
    trial = begin_again(study, values)
    slots.replace(study, study.trials[trial.number], "interrupted", same_values=True)
    assert begin_again(study, values).user_attrs[DEATHS] == 1


def test_deaths_of_different_trials_do_not_add_up(study: optuna.Study) -> None:
    for pid in (PID, PID + 1):
        begin(study, pid)
    for pid in (PID, PID + 1):
        assert retry_stale(study, dead=pid, exitcode=1) == 1
    assert [trial.user_attrs[DEATHS] for trial in counted_trials(study)] == [1, 1]


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [
        (-9, "signal 9: perhaps out of memory"),
        (-6, "signal 6"),
        (0, "exit code 0"),
        (1, "exit code 1"),
        (None, "exit code None"),
    ],
)
def test_the_cause_is_told(exitcode: int | None, said: str) -> None:
    assert describe_exit(exitcode) == said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_search_goes_on_on_a_machine_of_another_name(start: Start, tmp_path: Path) -> None:
    """As in a container that was made anew, on the same folder."""
    (tmp_path / "sitecustomize.py").write_text(
        'import os, socket\nsocket.gethostname = lambda: os.environ["TOLD_HOST"]\n'
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    options = ("--budget", "3", "--workers", "1", "--heartbeat", "1")
    for host in ("old", "new"):
        told = {"PYTHONPATH": path, "TOLD_HOST": host}
        search = start(tmp_path, "moved", *options, environment=told)
        if host == "old":
            search.wait_for(lambda study: bool(signed(study)))
            search.kill()
    with search.study() as study:
        (lost,) = signed(study)
    assert lost.user_attrs[WORKER].startswith("old-")
    status, _, err = search.end()
    assert status == 0, err
    with search.study() as study:
        check_exact(study, 3)


def test_what_is_awaited_is_told_with_how_long(tmp_path: Path) -> None:
    study = journalled(tmp_path / "journal.log")
    for host in ("here", "there"):
        study.ask().set_user_attr(WORKER, f"{host}-7")
    assert describe_wait(study, study.trials, 15) == (
        "waiting for trial 0 (here-7), trial 1 (there-7): one whose worker gives no sign of life "
        "for another 60 s is repeated here"
    )


@pytest.mark.parametrize("lives", [True, False])
def test_the_last_trial_of_another_machine_is_waited_for_until_it_is_known_to_live(
    lives: bool, tmp_path: Path
) -> None:
    study = journalled(tmp_path / "journal.log")
    begin(study).set_user_attr(WORKER, "elsewhere-7")
    trial = begin(study)
    trial.set_user_attr(WORKER, "elsewhere-7")
    study.tell(0, 1.0)
    beat = 0.25
    study._storage.set_trial_system_attr(trial._trial_id, "alive", [time.time(), beat])
    signs = send_heartbeats(study._storage, trial._trial_id, beat) if lives else nullcontext()
    with signs:
        wait_for_heartbeats(study, BUDGET, lambda: False)
    assert slots.look(study).remaining(BUDGET) == (0 if lives else 1)
    # There is something to do already, or too little time to do it.
    wait_for_heartbeats(study, BUDGET + 1, lambda: False)
    wait_for_heartbeats(study, BUDGET, lambda: True)


def signed(study: optuna.Study) -> list[FrozenTrial]:
    """Give the running trials that have values and have given a sign of life."""
    return [trial for trial in processes.running(study) if "alive" in trial.system_attrs]


def test_a_system_without_sigkill_tells_the_cause_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGKILL")
    module = runpy.run_path(str(Path(lost.__file__)))
    assert module["describe_exit"](-signal.SIGTERM) == "signal 15"
