"""A worker's process: what it sees of its parent, and where it cannot import what it needs."""

import gc
import os
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from data.common import UserError
from data.dataset.dataset import Dataset
from results.study import DATA_FOLDER
from search.config import RunConfig
from search.workers.messages import Ready
from search.workers.process import WorkerProcess, start as start_worker
from search.workers.starting import start_method
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
    assert isinstance(news, Ready)
    worker.wait()
    worker.connection.close()
    return str(news.problem)


def start_one(config: RunConfig) -> WorkerProcess:
    return start_worker(config, 1, start_method().RawValue("b", 0))


def test_copies_see_the_environment_as_it_is_when_they_start(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "first")
    first = told(start_one(config))
    monkeypatch.setenv("WORD", "second")
    second = told(start_one(config))
    assert "first, preloaded: True, copied: " in first
    assert second == first.replace("first", "second")  # Of the same process, too.
    assert str(os.getpid()) not in first


def test_a_tensorflow_that_ends_its_process_ends_the_search_in_one_line(tmp_path: Path) -> None:
    # As one that is compiled for another processor does.
    (tmp_path / "tensorflow.py").write_text("import os\nos.kill(os.getpid(), 4)\n")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    options = ("--budget", "1", "--workers", "1", "--space", "model3")
    line = start(tmp_path, "died", *options, environment={"PYTHONPATH": path}).refuse()
    assert "workers in a row died" in line
    assert "worker-1.log may say why" in line
