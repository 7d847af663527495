"""Real workers whose trials hang or kill them: each such trial fails, and the search goes on."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.prepare import Dataset
from results.objectives import ACCURACY
from results.result import Result
from results.storage import close
from results.store import DATA_FOLDER, Store
from results.trials import SLOT
from search.options import Options, parse
from search.plan import Plan, TrainBaseline
from search.searching import search
from search.view import View
from search.workers import Workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return parse(["--budget", "5", "--study", "run", "--out", str(tmp_path)])


@pytest.fixture
def store(options: Options, dataset: Dataset) -> Iterator[Store]:
    made = Store.create(options.folder, [ACCURACY], name="run", data=dataset.facts, protocol={})
    dataset.save(options.folder / DATA_FOLDER)
    yield made
    close(made.study._storage)


def run(options: Options, store: Store, space: str, **values: Any) -> tuple[str | None, float]:
    """Search on one worker, with half a second's grace; the problem, and the seconds it took."""
    plan = Plan(
        folder=options.folder.resolve(), study="run", storage=None, heartbeat=15,
        cache=options.out / "baselines", space=f"tests.search.faulty_space:{space}",
        sampler="random", pruner="none", objectives=("val_accuracy",),
        trials=options.budget.trials, epochs=1, batch_size=128, padding="real", reports=1, seed=0,
        workers=1, threads=1, **{"grace": 0.5, **values},
    )  # fmt: skip
    with Workers(plan) as workers:
        # Busy machines take long to import TensorFlow, which is no part of a budget of seconds.
        warm = [TrainBaseline("majority")]
        list(workers.run(warm, on_death=lambda death: False, again=lambda task: task))
        started = time.monotonic()
        problem = search(options, store, workers, View(store.study, options.budget, "val_accuracy"))
        return problem, time.monotonic() - started


def test_trials_that_hang_or_kill_their_worker_fail_alone(options: Options, store: Store) -> None:
    ways = ("train", "train", "hang in build", "hang in fit", "abort")
    for slot, how in enumerate(ways):
        store.study.enqueue_trial({"how": how, "width": 8 + slot}, user_attrs={SLOT: slot})
    limits: dict[str, Any] = {"trial_timeout": 10.0, "grace": 5.0, "max_failures": 3}
    problem, _ = run(options, store, "FaultySpace", **limits)
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
    options: Options, store: Store
) -> None:
    problem, _ = run(options, store, "RaisingSpace", max_failures=3)
    assert problem == (
        "3 trials in a row failed (--max-failures 3), the last with: ValueError: at once"
    )
    assert [result.reason for result in store.trials()] == ["ValueError: at once"] * 3


def test_a_space_smaller_than_the_budget_ends_the_search(options: Options, store: Store) -> None:
    problem, _ = run(options, store, "OnePointSpace")
    assert problem is None
    assert [result.status for result in store.trials()] == ["complete"]


def test_a_hanging_trial_ends_with_the_budget(options: Options, store: Store) -> None:
    timed = parse(["--budget", "15s", "--study", "run", "--out", str(options.out)])
    problem, seconds = run(timed, store, "HangingSpace")
    assert problem is None
    (result,) = store.trials()
    assert (result.status, result.reason) == (
        "failed",
        "it hung: 0.5 s after the budget's end it had not ended",
    )
    assert seconds < 60
