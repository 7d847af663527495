"""Workers that die, searches that are stopped: nothing is lost and the budget stays exact."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from results.study import RETRY_OF
from tests.search.processes import Start, check_exact, fork_server, pid_of, running

TRIALS = 5
pytestmark = [pytest.mark.timeout(240)]


@pytest.mark.slow
def test_a_killed_worker_loses_only_its_trial(start: Start, tmp_path: Path) -> None:
    search = start(tmp_path, "killed", "--budget", str(TRIALS), "--workers", "2")
    search.wait_for(lambda study: len(running(study)) == 2)
    victim = search.running()[0]
    os.kill(pid_of(victim), signal.SIGKILL)
    out, err = search.succeed()
    assert "died" in err
    assert "Model 3" in out.splitlines()[0]
    with search.study() as study:
        check_exact(study, TRIALS)
        trials = study.trials
    (replacement,) = [trial for trial in trials if trial.user_attrs.get(RETRY_OF) == victim.number]
    assert replacement.params == victim.params
    assert trials[victim.number].user_attrs["reason"] == "its worker died"


@pytest.mark.slow
def test_a_search_outlives_the_process_that_its_workers_are_copies_of(
    start: Start, tmp_path: Path
) -> None:
    search = start(tmp_path, "served", "--budget", str(TRIALS), "--workers", "2")
    search.wait_for(lambda study: len(running(study)) == 2)
    first, second = search.running()
    server = fork_server(psutil.Process(search.process.pid))
    assert server is not None
    server.kill()
    os.kill(pid_of(first), signal.SIGKILL)
    _, err = search.succeed()
    assert err.count("died") == 1  # The other one did not mind.
    with search.study() as study:
        check_exact(study, TRIALS)
        assert study.trials[second.number].state == TrialState.COMPLETE


@pytest.mark.slow
def test_ctrl_c_ends_in_order_and_the_same_command_goes_on(start: Start, tmp_path: Path) -> None:
    options = ("--budget", str(TRIALS), "--workers", "2")
    search = start(tmp_path, "stopped", *options)
    search.wait_for(lambda study: len(running(study)) == 2)
    os.killpg(search.process.pid, signal.SIGINT)
    status, out, err = search.end()
    assert status == 130, err
    assert "Traceback" not in err
    assert "Model 3" in out.splitlines()[0]
    assert not search.running()

    again = start(tmp_path, "stopped", *options)
    again.succeed()
    with again.study() as study:
        check_exact(study, TRIALS)


@pytest.mark.slow
def test_a_second_ctrl_c_stops_now(start: Start, tmp_path: Path) -> None:
    search = start(tmp_path, "now", "--budget", "50", "--workers", "1")
    search.wait_for(lambda study: len(running(study)) == 1)
    worker = pid_of(search.running()[0])
    os.kill(search.process.pid, signal.SIGINT)
    os.kill(search.process.pid, signal.SIGINT)
    status, _, err = search.end(20)
    assert status == 130, err
    assert "Traceback" not in err
    assert not psutil.pid_exists(worker)


@pytest.mark.slow
def test_a_killed_parent_takes_its_workers_along_and_the_search_resumes(
    start: Start, tmp_path: Path
) -> None:
    options = ("--budget", str(TRIALS), "--workers", "1")
    search = start(tmp_path, "orphans", *options)
    search.wait_for(lambda study: len(running(study)) == 1)
    worker = pid_of(search.running()[0])
    search.process.kill()
    search.process.communicate()
    end = time.monotonic() + 20
    while psutil.pid_exists(worker) and time.monotonic() < end:
        time.sleep(0.2)
    assert not psutil.pid_exists(worker)

    again = start(tmp_path, "orphans", *options)
    again.succeed()
    with again.study() as study:
        check_exact(study, TRIALS)


@pytest.mark.slow
def test_another_protocol_is_refused_with_what_differs(start: Start, tmp_path: Path) -> None:
    start(tmp_path, "fixed", "--budget", "1", "--workers", "1").succeed()
    for options, word in (
        (["--seed", "1"], "seed"),
        (["--rows", "1201"], "fingerprint"),
        (["--objective", "val_loss"], "objective"),
    ):
        assert word in start(tmp_path, "fixed", "--budget", "1", *options).refuse()
