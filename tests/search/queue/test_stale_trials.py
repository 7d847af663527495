"""Whose worker is gone, told by the process itself; its trials are repeated, but not for ever."""

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.storages._grpc.server import make_server
from optuna.trial import FrozenTrial, TrialState

from results.study import (
    DEATHS,
    PROCESS_START,
    SILENT_BEATS,
    WORKER,
    close_storage,
    counted_trials,
    open_storage,
)
from search.optuna_private import ALIVE, send_heartbeats
from search.queue import claims, stale_trials as lost
from search.queue.monitor import QueueMonitor
from search.queue.stale_trials import (
    MOST_DEATHS,
    StaleTrials,
    describe_exit,
    is_lost,
    process_identity,
    worker_name,
)
from tests.search import processes
from tests.search.journals import journalled
from tests.search.processes import Start, check_exact

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]
SECONDS = 1
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
def test_a_process_that_lives_has_one_identity() -> None:
    assert (
        process_identity(os.getpid())
        == process_identity(os.getpid())
        != process_identity(os.getppid())
    )
    assert process_identity(2**22 + 1) is None


@pytest.mark.usefixtures("system")
def test_a_living_worker_is_not_lost() -> None:
    pid = os.getpid()
    assert not is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: process_identity(pid)}))
    # As an older version signed, or a system without /proc.
    assert not is_lost(running(**{WORKER: worker_name(pid)}))
    assert not is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: None}))


@pytest.mark.usefixtures("system")
def test_another_process_with_the_id_of_a_dead_worker_does_not_keep_its_trial() -> None:
    pid = os.getpid()
    before = f"{process_identity(pid)}0"
    assert is_lost(running(**{WORKER: worker_name(pid), PROCESS_START: before}))


@pytest.mark.usefixtures("system")
def test_a_dead_worker_that_nobody_has_buried_is_lost() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        trial = running(
            **{WORKER: worker_name(process.pid), PROCESS_START: process_identity(process.pid)}
        )
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
    trial = claims.claim_trial(study, BUDGET)
    assert trial is not None
    trial.set_user_attr(WORKER, worker_name(pid))
    trial.suggest_int("width", 1, 9)
    return trial


def remaining(study: optuna.Study) -> int:
    return claims.read_queue(study).remaining(BUDGET)


def begin_again(study: optuna.Study, values: dict[str, int]) -> optuna.Trial:
    """Claim trials until the one with these values comes."""
    trial = claims.claim_trial(study, only_fixed=True)
    assert trial is not None
    trial.set_user_attr(WORKER, worker_name(PID))
    trial.suggest_int("width", 1, 9)
    assert trial.params == values
    return trial


def test_a_trial_that_kills_its_worker_each_time_fails_for_good(study: optuna.Study) -> None:
    first = begin(study)
    values = dict(first.params)
    for _ in range(MOST_DEATHS - 1):
        assert StaleTrials(study).retry(dead=PID, exitcode=-signal.SIGKILL) == 1
        assert remaining(study) == 2
        begin_again(study, values)
    assert StaleTrials(study).retry(dead=PID, exitcode=-signal.SIGKILL) == 1
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
        assert StaleTrials(study).retry() == 1
        begin_again(study, values)
    assert remaining(study) == 1
    assert StaleTrials(study).retry(dead=PID, exitcode=1) == 1
    assert remaining(study) == 2


def test_a_trial_that_was_interrupted_in_between_keeps_its_count(study: optuna.Study) -> None:
    values = dict(begin(study).params)
    StaleTrials(study).retry(dead=PID, exitcode=1)
    trial = begin_again(study, values)
    claims.retry_trial(study, study.trials[trial.number], "interrupted", same_values=True)
    assert begin_again(study, values).user_attrs[DEATHS] == 1


def test_deaths_of_different_trials_do_not_add_up(study: optuna.Study) -> None:
    for pid in (PID, PID + 1):
        begin(study, pid)
    for pid in (PID, PID + 1):
        assert StaleTrials(study).retry(dead=pid, exitcode=1) == 1
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
    assert StaleTrials(study).describe_wait(study.trials, 15) == (
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
    study._storage.set_trial_system_attr(trial._trial_id, ALIVE, [time.time(), beat])
    with send_heartbeats(trial, beat) if lives else nullcontext():
        QueueMonitor(study, BUDGET, all_signal=False).wait_for_heartbeats(lambda: False)
    assert remaining(study) == (0 if lives else 1)
    # There is something to do already, or too little time to do it.
    QueueMonitor(study, BUDGET + 1, all_signal=False).wait_for_heartbeats(lambda: False)
    QueueMonitor(study, BUDGET, all_signal=False).wait_for_heartbeats(lambda: True)


def signed(study: optuna.Study) -> list[FrozenTrial]:
    """Give the running trials that have values and have given a sign of life."""
    return [trial for trial in processes.running(study) if "alive" in trial.system_attrs]


def test_a_system_without_sigkill_tells_the_cause_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGKILL")
    module = runpy.run_path(str(Path(lost.__file__)))
    assert module["describe_exit"](-signal.SIGTERM) == "signal 15"


# ---- signs of life: by a database, through Optuna's proxy, and in a journal ----------------------


@pytest.fixture(params=["journal", "sqlite", "sqlite without", "grpc"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[optuna.Study]:
    if request.param == "journal":
        yield journalled(tmp_path / "journal.log")
        return
    url = f"sqlite:///{tmp_path / 'study.db'}"
    if request.param == "sqlite without":
        plain = optuna.storages.RDBStorage(url)
        yield optuna.create_study(storage=plain)
        close_storage(plain)
        return
    if request.param == "sqlite":
        storage = open_storage(tmp_path, url, SECONDS)
        yield optuna.create_study(storage=storage)
        close_storage(storage)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    behind = optuna.storages.RDBStorage(url)
    server = make_server(behind, "127.0.0.1", port)
    server.start()
    yield optuna.create_study(storage=open_storage(tmp_path, f"grpc://127.0.0.1:{port}", SECONDS))
    server.stop(None).wait()
    close_storage(behind)


@pytest.mark.slow
def test_a_trial_that_beats_is_left_alone_and_a_silent_one_put_back(shared: optuna.Study) -> None:
    study, trial = shared, shared.ask()
    trial.set_user_attr(WORKER, "elsewhere-1")
    stale = StaleTrials(study)
    trial.suggest_float("x", 0.0, 1.0)
    with send_heartbeats(trial, SECONDS):
        time.sleep(SECONDS * (SILENT_BEATS + 1.5))
        assert stale.retry() == 0
    time.sleep(SECONDS * (SILENT_BEATS + 1.5))
    assert stale.retry() == 1
    assert stale.retry() == 0
    lost, replacement = study.trials
    assert (lost.state, replacement.state) == (TrialState.FAIL, TrialState.WAITING)
    assert replacement.system_attrs["fixed_params"] == lost.params


@pytest.mark.slow
def test_a_silent_trial_of_a_process_that_lives_is_left_alone(shared: optuna.Study) -> None:
    trial = shared.ask()
    with send_heartbeats(trial, SECONDS):
        time.sleep(SECONDS * 1.5)
    # As a tuner does that is made again in one process, and has not gone on with it yet.
    trial.set_user_attr(PROCESS_START, process_identity(os.getpid()))
    trial.set_user_attr(WORKER, worker_name(os.getpid()))
    time.sleep(SECONDS * (SILENT_BEATS + 1.5))
    assert StaleTrials(shared).retry() == 0


def test_a_trial_that_has_ended_ends_its_signs_quietly(shared: optuna.Study) -> None:
    study, trial = shared, shared.ask()
    with send_heartbeats(trial, SECONDS):
        study.tell(trial, 0.5)
        time.sleep(SECONDS * 1.5)
    assert study.best_value == 0.5
    assert ALIVE not in study.user_attrs


class Clock:
    """Says how long a running trial's next sign is waited for at a moment."""

    def __init__(self, study: optuna.Study, *, all_signal: bool = False) -> None:
        self.study, self.now = study, 0.0
        self.stale = StaleTrials(study, all_signal=all_signal, clock=lambda: self.now)
        study.ask()

    def awaited(self, seconds: float, sign: list[float] | None = None) -> float | None:
        if sign is not None:
            trial_id = self.study.trials[0]._trial_id
            self.study._storage.set_trial_system_attr(trial_id, ALIVE, sign)
        self.now = seconds
        return self.stale.patience(self.study.get_trials()).get(0)


@pytest.mark.parametrize("slow", [-3000, 3000])
def test_a_trial_is_waited_for_from_its_latest_sign_on(tmp_path: Path, slow: int) -> None:
    """Whatever the clock says of the one who gave it: it may go an hour fast or slow."""
    clock = Clock(journalled(tmp_path / "journal.log"))
    assert clock.awaited(100, [time.time() + slow, 15]) == 60
    assert clock.awaited(130) == 30
    assert clock.awaited(140, [time.time() + slow + 15, 15]) == 60
    assert clock.awaited(200) == 0


def test_a_sign_that_is_hours_old_is_not_waited_for(tmp_path: Path) -> None:
    clock = Clock(journalled(tmp_path / "journal.log"))
    assert clock.awaited(100, [time.time() - 2 * 3600, 15]) == 0


def test_a_trial_without_any_sign_is_waited_for_where_all_give_some(tmp_path: Path) -> None:
    """One of an earlier version, whose journals had none."""
    assert Clock(journalled(tmp_path / "a.log")).awaited(100) is None
    clock = Clock(journalled(tmp_path / "b.log"), all_signal=True)
    assert [clock.awaited(seconds) for seconds in (100, 160)] == [60, 0]


def test_a_study_in_memory_waits_for_nobody() -> None:
    assert Clock(optuna.create_study(), all_signal=True).awaited(100, [0, 15]) is None
