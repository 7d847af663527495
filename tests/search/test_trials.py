"""Real workers whose trials hang or kill them: each such trial fails, and the search goes on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.dataset.dataset import Dataset
from results.study import INDEX, RETRY_OF, Result, Store
from search.cli.progress import View
from search.config import RunConfig, parse
from search.stages import search
from search.training.task import TrainingTask
from search.workers.fork_server import ForkServer
from search.workers.pool import Stage, WorkerPool
from tests.search.faulty_space import ONCE
from tests.search.processes import begun, short

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


def options(out: Path, budget: str) -> RunConfig:
    words = ["--budget", budget, "--baselines", "none", "--study", "run", "--out", str(out)]
    return parse(words)


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return options(tmp_path, "5")


@pytest.fixture
def store(tmp_path: Path, dataset: Dataset) -> Iterator[Store]:
    with begun(tmp_path, dataset, "--budget", "5") as (_, made):
        yield made


def run(config: RunConfig, store: Store, space: str, **values: Any) -> tuple[str | None, float]:
    """Search on one worker, with half a second's grace; the problem, and the seconds it took."""
    limited = short(config, f"faulty_space:{space}", **{"batch_size": 128, "grace": 0.5, **values})
    with ForkServer() as server, WorkerPool(limited, server) as workers:
        # Busy machines take long to import TensorFlow, which is no part of a budget of seconds.
        workers.run(Stage(TrainingTask("baseline", "majority")))
        started = time.monotonic()
        problem = search(config, store, workers, View(store.study, config.budget, "val_accuracy"))
        return problem, time.monotonic() - started


def test_trials_that_hang_or_kill_their_worker_fail_alone(config: RunConfig, store: Store) -> None:
    ways = ("train", "train", "hang in build", "hang in fit", "abort")
    for slot, how in enumerate(ways):
        store.study.enqueue_trial({"how": how, "width": 8 + slot}, user_attrs={INDEX: slot})
    limits: dict[str, Any] = {"trial_timeout": 10.0, "grace": 5.0, "max_failures": 3}
    problem, _ = run(config, store, "FaultySpace", **limits)
    # The last three of the five failed.
    assert problem == (
        "3 trials in a row failed (--max-failures 3), the last with: "
        "its worker died 3 times (signal 6)"
    )
    found: dict[str, list[Result]] = {}
    for result in store.trials():
        found.setdefault(str(result.hyperparameters["how"]), []).append(result)
    assert sum(map(len, found.values())) == len(ways)
    for how in ("hang in build", "hang in fit"):
        (result,) = found[how]
        assert (result.status, result.reason) == (
            "failed",
            "it hung: 5 s after --trial-timeout 10s it had not ended",
        )
    (result,) = found["abort"]
    assert (result.status, result.reason) == ("failed", "its worker died 3 times (signal 6)")
    assert [result.status for result in found["train"]] == ["complete"] * 2


def test_a_space_that_fails_before_it_asks_for_a_value_is_given_up(
    config: RunConfig, store: Store
) -> None:
    problem, _ = run(config, store, "RaisingSpace", max_failures=3)
    assert problem == (
        "3 trials in a row failed (--max-failures 3), the last with: ValueError: at once"
    )
    assert [result.reason for result in store.trials()] == ["ValueError: at once"] * 3


def test_a_space_smaller_than_the_budget_ends_the_search(config: RunConfig, store: Store) -> None:
    problem, _ = run(config, store, "OnePointSpace")
    assert problem is None
    assert [result.status for result in store.trials()] == ["complete"]


def test_a_hanging_trial_ends_with_the_budget(config: RunConfig, store: Store) -> None:
    timed = options(config.out, "15s")
    problem, seconds = run(timed, store, "HangingSpace")
    assert problem is None
    (result,) = store.trials()
    assert (result.status, result.reason) == (
        "failed",
        "it hung: 0.5 s after the budget's end it had not ended",
    )
    assert seconds < 60


@pytest.mark.parametrize("way", ["abort beside a child", "close all files"])
def test_a_worker_whose_end_is_not_told_is_replaced(
    config: RunConfig, store: Store, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ONCE, str(config.out / "it happened"))
    store.study.enqueue_trial({"how": way, "width": 8}, user_attrs={INDEX: 0})
    one = options(config.out, "1")
    problem, _ = run(one, store, "LingeringSpace")
    assert problem is None
    lost, again = store.study.trials
    assert (lost.user_attrs["reason"], again.user_attrs[RETRY_OF]) == ("its worker died", 0)
    (result,) = store.trials()
    assert (result.status, result.hyperparameters["how"]) == ("complete", way)
