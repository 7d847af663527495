"""Signs of life of running trials: by a database, through Optuna's proxy, and in a journal."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages._grpc.server import make_server
from optuna.trial import TrialState

from results.study import SILENT_BEATS, WORKER, close_storage, open_storage
from search.queue.heartbeat import _ALIVE, patience, send_heartbeats
from search.queue.stale_trials import retry_stale
from tests.search.journals import journalled

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]
SECONDS = 1


@pytest.fixture(params=["journal", "sqlite", "sqlite without", "grpc"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[optuna.Study]:
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
def test_a_trial_that_beats_is_left_alone_and_a_silent_one_put_back(study: optuna.Study) -> None:
    trial = study.ask()
    trial.set_user_attr(WORKER, "elsewhere-1")
    trial.suggest_float("x", 0.0, 1.0)
    with send_heartbeats(study._storage, trial._trial_id, SECONDS):
        time.sleep(SECONDS * (SILENT_BEATS + 1.5))
        assert retry_stale(study) == 0
    time.sleep(SECONDS * (SILENT_BEATS + 1.5))
    assert retry_stale(study) == 1
    assert retry_stale(study) == 0
    lost, replacement = study.trials
    assert (lost.state, replacement.state) == (TrialState.FAIL, TrialState.WAITING)
    assert replacement.system_attrs["fixed_params"] == lost.params


def test_a_trial_that_has_ended_ends_its_signs_quietly(study: optuna.Study) -> None:
    trial = study.ask()
    with send_heartbeats(study._storage, trial._trial_id, SECONDS):
        study.tell(trial, 0.5)
        time.sleep(SECONDS * 1.5)
    assert study.best_value == 0.5
    assert _ALIVE not in study.user_attrs


def awaited(
    study: optuna.Study, seconds: float, sign: list[float] | None = None, *, all_sign: bool = False
) -> float | None:
    """Say how long a running trial's next sign is waited for at a moment."""
    if sign is not None:
        study._storage.set_trial_system_attr(study.trials[0]._trial_id, _ALIVE, sign)
    running = study.get_trials(states=(TrialState.RUNNING,))
    return patience(study, running, all_sign=all_sign, now=lambda: seconds).get(0)


def test_a_trial_is_waited_for_from_its_latest_sign_on(tmp_path: Path) -> None:
    """Whatever the clock says of the one who gave it: it may go an hour fast or slow."""
    study = journalled(tmp_path / "journal.log")
    study.ask()
    for slow in (-3000, 3000):
        assert awaited(study, 100, [time.time() + slow, 15]) == 60
        assert awaited(study, 130) == 30
        assert awaited(study, 140, [time.time() + slow + 15, 15]) == 60
        assert awaited(study, 200) == 0


def test_a_sign_that_is_hours_old_is_not_waited_for(tmp_path: Path) -> None:
    study = journalled(tmp_path / "journal.log")
    study.ask()
    assert awaited(study, 100, [time.time() - 2 * 3600, 15]) == 0


def test_a_trial_without_any_sign_is_waited_for_where_all_give_some(tmp_path: Path) -> None:
    """One of an earlier version, whose journals had none."""
    study = journalled(tmp_path / "journal.log")
    study.ask()
    assert awaited(study, 100) is None
    assert awaited(study, 100, all_sign=True) == 60
    assert awaited(study, 160, all_sign=True) == 0


def test_a_study_in_memory_waits_for_nobody() -> None:
    study = optuna.create_study()
    study.ask()
    assert awaited(study, 100, [0, 15], all_sign=True) is None
