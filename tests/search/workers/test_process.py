"""A worker's process: what it sees of its parent, and where it cannot import what it needs."""

import gc
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from data.common import UserError
from data.dataset.dataset import Dataset
from results.study import DATA_FOLDER
from search.config import RunConfig
from search.workers.fork_server import ForkServer
from search.workers.messages import Refused
from search.workers.process import WorkerProcess, start as start_worker
from tests.search.processes import REPOSITORY, config_in, start

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


class Telling(keras_tuner.HyperModel):
    """A space that cannot be made, and tells what the environment holds."""

    def __init__(self, num_words: int) -> None:
        preloaded = gc.get_freeze_count() > 0
        raise UserError(f"{os.environ['WORD']}, preloaded: {preloaded}, copied: {os.getppid()}")


@pytest.fixture
def config(dataset: Dataset, tmp_path: Path) -> RunConfig:
    config = config_in(tmp_path / "run", "tests.search.workers.test_process:Telling")
    dataset.save(config.folder / DATA_FOLDER)
    return config


def told(worker: WorkerProcess) -> str:
    """Return why a worker cannot work."""
    assert worker.connection.poll(120)
    news: Any = worker.connection.recv()
    assert isinstance(news, Refused)
    worker.wait()
    worker.connection.close()
    return news.problem


def test_workers_are_copies_that_see_what_this_process_sees(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A folder with modules of our names, as a user's may have.
    (tmp_path / "data.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "first")
    with ForkServer() as server:
        first, again = (told(start_worker(server, config, 1)) for _ in range(2))
    assert "first, preloaded: True, copied: " in first
    assert again == first  # Of the same process, too.
    monkeypatch.setenv("WORD", "second")
    with ForkServer() as server:
        assert "second, preloaded: True, copied: " in told(start_worker(server, config, 1))
    assert str(os.getpid()) not in first


def test_without_its_server_a_worker_imports_by_itself(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "first")
    with ForkServer() as server:
        (process,) = multiprocessing.active_children()
        process.kill()
        worker = start_worker(server, config, 1)
        assert f"first, preloaded: False, copied: {os.getpid()}" in told(worker)
        assert worker.process.exitcode == 0


def ends_at_once(argument: int, connection: Connection, flag: Any) -> None:
    sys.exit(argument)


def test_copies_that_end_at_once_are_known_to_have() -> None:
    here, there = multiprocessing.Pipe()
    with here, there, ForkServer() as server:
        for _ in range(20):
            process = server.start(ends_at_once, 7, there)
            while process.is_alive():
                pass
            assert process.exitcode == 7
            process.kill()


def test_how_a_copy_ended_is_known(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "first")
    with ForkServer() as server:
        quiet, killed = (start_worker(server, config, index) for index in (1, 2))
        assert killed.process.is_alive() and killed.process.exitcode is None
        killed.process.kill()
        killed.wait()
        told(quiet)
        assert (quiet.process.exitcode, killed.process.exitcode) == (0, -9)


def test_a_tensorflow_that_ends_its_process_ends_the_search_in_one_line(tmp_path: Path) -> None:
    # As one that is compiled for another processor does.
    (tmp_path / "tensorflow.py").write_text("import os\nos.kill(os.getpid(), 4)\n")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    options = ("--budget", "1", "--workers", "1", "--space", "model3")
    line = start(tmp_path, "died", *options, environment={"PYTHONPATH": path}).refuse()
    assert "workers in a row died" in line
    assert "worker-1.log may say why" in line
