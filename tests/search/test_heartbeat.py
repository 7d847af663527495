"""Signs of life of running trials, by a database and through Optuna's proxy."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages._grpc.server import make_server
from optuna.trial import TrialState

from results.storage import SILENT_BEATS, close, open_storage
from search.heartbeat import _ALIVE, beating
from search.lost import put_back

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]
SECONDS = 1


@pytest.fixture(params=["sqlite", "grpc"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[optuna.Study]:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    if request.param == "sqlite":
        storage = open_storage(tmp_path, url, SECONDS)
        yield optuna.create_study(storage=storage)
        close(storage)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    behind = optuna.storages.RDBStorage(url)
    server = make_server(behind, "127.0.0.1", port)
    server.start()
    yield optuna.create_study(storage=open_storage(tmp_path, f"grpc://127.0.0.1:{port}", SECONDS))
    server.stop(None).wait()
    close(behind)


@pytest.mark.slow
def test_a_trial_that_beats_is_left_alone_and_a_silent_one_put_back(study: optuna.Study) -> None:
    trial = study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    with beating(study._storage, trial._trial_id, SECONDS):
        time.sleep(SECONDS * (SILENT_BEATS + 1.5))
        assert put_back(study) == 0
    time.sleep(SECONDS * (SILENT_BEATS + 1.5))
    assert put_back(study) == 1
    assert put_back(study) == 0
    lost, replacement = study.trials
    assert (lost.state, replacement.state) == (TrialState.FAIL, TrialState.WAITING)
    assert replacement.system_attrs["fixed_params"] == lost.params


def test_a_trial_that_has_ended_ends_its_signs_quietly(study: optuna.Study) -> None:
    trial = study.ask()
    with beating(study._storage, trial._trial_id, SECONDS):
        study.tell(trial, 0.5)
        time.sleep(SECONDS * 1.5)
    assert study.best_value == 0.5
    assert _ALIVE not in study.user_attrs
