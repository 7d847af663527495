"""A worker's tasks, done in this process: what is trained again, on which rows and how."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest

from data.dataset.dataset import Dataset
from results.study import DATA_FOLDER, Result
from search.common.seeds import refit_seed
from search.config import RunConfig
from search.training.task import TrainingTask
from search.workers.messages import Progress
from search.workers.worker import Worker
from tests.search.processes import config_in


@dataclass
class Flag:
    """Asks no worker to stop."""

    value: int = 0


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return config_in(tmp_path / "run", "tests.search.small:Scheduled", batch_size=64, seed=5)


@pytest.fixture
def worker(dataset: Dataset, config: RunConfig) -> Iterator[Worker]:
    dataset.save(config.folder / DATA_FOLDER)
    here, there = multiprocessing.Pipe()
    with here, there:
        made = Worker(config, "here-1", there, Flag())
        made.parent = here  # type: ignore[attr-defined]
        yield made


def told(worker: Worker) -> list[Progress]:
    found = []
    while worker.parent.poll():  # type: ignore[attr-defined]
        found.append(worker.parent.recv())  # type: ignore[attr-defined]
    return [news for news in found if isinstance(news, Progress)]


FIRST = Result(
    "trial 3",
    "trial",
    "complete",
    number=3,
    hyperparameters={"width": 8, "optimizer": "rmsprop"},
    seed=11,
    epochs=1.0,
    val_accuracy=0.9,
)


def test_a_refit_spans_its_schedule_over_all_training_rows(
    worker: Worker, dataset: Dataset, tmp_path: Path
) -> None:
    result = worker.do(TrainingTask("refit", FIRST.name, FIRST, folder=tmp_path / "refit")).result
    assert result is not None
    assert (result.name, result.kind, result.number) == ("trial 3, refit", "refit", 3)
    assert (result.status, result.seed) == ("complete", refit_seed(11))
    assert result.hyperparameters == FIRST.hyperparameters
    model = keras.saving.load_model(tmp_path / "refit" / "model.keras")
    rate = model.optimizer.get_config()["learning_rate"]["config"]
    assert rate["decay_steps"] == len(dataset.split.train)


@pytest.mark.slow
def test_a_refit_tells_no_score_of_rows_that_it_trained_on(worker: Worker, tmp_path: Path) -> None:
    for first in (FIRST, Result("model1", "baseline", "complete", layers=3)):
        task = TrainingTask("refit", first.name, first, folder=tmp_path / "refit")
        result = worker.do(task).result
        assert result is not None
        kept = result.to_json()
        assert not any(value for name, value in kept.items() if name.startswith("val_"))
        assert all(point["val_accuracy"] is None for point in kept["curve"])
        assert {(news.name, news.value) for news in told(worker)} == {
            (f"{first.name}, refit", None)
        }


@pytest.mark.slow
def test_a_baselines_refit_is_kept_apart_from_its_first_training(worker: Worker) -> None:
    first = worker.do(TrainingTask("baseline", "linear")).result
    assert first is not None
    task = TrainingTask("refit", "linear", first)
    made, found = worker.do(task), worker.do(task)
    assert made.result is not None and found.result is not None
    assert (made.kept, found.kept) == (False, True)
    assert made.result.artifacts == found.result.artifacts != first.artifacts
    assert (made.result.name, made.result.kind) == ("linear, refit", "refit")
