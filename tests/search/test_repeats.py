"""`--repeats`: what is left to train, and whole runs that do it, stop and go on."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.prepare import Dataset
from results.objectives import ACCURACY
from results.repeats import record_repeat, repeat_folder, repeats
from results.result import Result
from results.scores import save_scores
from results.store import Store
from search.options import Options, parse
from search.plan import TrainBaseline
from search.repeats import lacking, missing, train_again
from search.view import View
from search.workers import Workers
from tests.search.processes import Start, begun, plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run with two networks, a classifier of texts, and a champion."""
    store = Store.create(tmp_path / "run", [ACCURACY], name="run", data={}, protocol={})
    for name, layers, seconds in (("model1", 3, 10.0), ("model2", 4, 70.0), ("linear", None, 4.0)):
        store.record_baseline(
            Result(name, "baseline", "complete", layers=layers, train_seconds=seconds)
        )
    return store


CHAMPION = Result("trial 3", "trial", "complete", number=3, layers=6, train_seconds=30.0)


def options(store: Store, *words: str) -> Options:
    return parse(["--budget", "5", "--study", "run", "--out", str(store.folder.parent), *words])


def wanted(store: Store, *words: str, champion: Result | None = CHAMPION) -> list[tuple[str, int]]:
    tasks = missing(options(store, *words), store, champion)
    return [(task.result.name, task.index) for task in tasks]


def leave(store: Store, name: str, index: int) -> Path:
    folder = repeat_folder(store, name, index)
    save_scores(folder, np.zeros(3, np.float32), np.zeros(4, np.float32))
    place = str(folder.relative_to(store.folder))
    record_repeat(store, Result(name, "trial", "complete", artefacts=place), index)
    return folder


def test_networks_and_the_champion_are_repeated_the_longest_first(store: Store) -> None:
    assert wanted(store, "--repeats", "3") == [
        ("model2", 1), ("model2", 2), ("trial 3", 1), ("trial 3", 2), ("model1", 1), ("model1", 2),
    ]  # fmt: skip
    assert wanted(store) == []


def test_without_a_champion_and_with_fewer_baselines(store: Store) -> None:
    words = ("--repeats", "2", "--baselines", "model1,linear")
    assert wanted(store, *words, champion=None) == [("model1", 1)]
    assert wanted(store, *words) == [("trial 3", 1), ("model1", 1)]


def test_what_is_done_is_not_repeated_unless_its_probabilities_are_gone(store: Store) -> None:
    leave(store, "trial 3", 1)
    folder = leave(store, "trial 3", 2)
    record_repeat(store, Result("trial 3", "trial", "failed", reason="no memory"), 3)
    record_repeat(store, Result("trial 3", "trial", "pruned", reason="took too long"), 4)
    words = ("--baselines", "none", "--repeats")
    assert wanted(store, *words, "5") == []
    assert wanted(store, *words, "6") == [("trial 3", 5)]
    (folder / "scores.npz").unlink()
    assert wanted(store, *words, "6") == [("trial 3", 2), ("trial 3", 5)]


def test_a_baseline_that_took_too_long_is_not_repeated(store: Store) -> None:
    store.record_baseline(Result("model2", "baseline", "pruned", reason="too long", layers=4))
    words = ("--repeats", "2", "--baselines", "model1,model2")
    assert wanted(store, *words, champion=None) == [("model1", 1)]


def test_finalists_lack_one_seed_each_in_their_order_until_the_deadline(store: Store) -> None:
    best = [CHAMPION, replace(CHAMPION, name="trial 1"), replace(CHAMPION, name="trial 2")]
    leave(store, "trial 1", 1)
    tasks = lacking(store, best, 2, deadline=12.5)
    assert [(task.result.name, task.index, task.deadline) for task in tasks] == [
        ("trial 3", 1, 12.5),
        ("trial 2", 1, 12.5),
    ]


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((folder / "leaderboard.json").read_text())
    return {row["name"]: row for row in content["rows"]}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_run_repeats_resumes_and_shows_the_spread(start: Start, tmp_path: Path) -> None:
    words = ("--baselines", "model1,linear", "--padding", "real", "--budget", "2", "--workers", "2")
    search = start(tmp_path, "again", *words, "--repeats", "2")
    status, _, err = search.end(200)
    assert status == 0, err
    found = rows(search.folder)
    champion = next(row for row in found.values() if row["selected"])
    for row in (found["model1"], champion):
        assert row["repeats"] == 2
        assert row["repeats_min"] <= row["heldout_accuracy"] <= row["repeats_max"]
        assert row["repeats_mean"] == pytest.approx((row["repeats_min"] + row["repeats_max"]) / 2)
    assert (found["linear"]["repeats"], found["linear"]["repeats_mean"]) == (1, None)
    assert f"{champion['name']}, seed 2 of 2" in err
    kept = repeats(Store.open(search.folder))

    status, out, err = start(tmp_path, "again", *words, "--repeats", "3").end(200)
    assert status == 0, err
    assert "seed 3 of 3" in err and "seed 2 of 3" not in err
    assert rows(search.folder)["model1"]["repeats"] == 3
    assert "no seed changes linear" in out
    now = repeats(Store.open(search.folder))
    assert {name: done[1] for name, done in now.items()} == {
        name: done[1] for name, done in kept.items()
    }
    seeds = [result.seed for result in now["model1"].values()]
    assert len({*seeds, Store.open(search.folder).baselines()[0].seed}) == 3


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_baselines_alone_are_repeated_and_ctrl_c_ranks_what_is_there(
    start: Start, tmp_path: Path
) -> None:
    words = ("--baselines", "model1", "--padding", "real", "--budget", "0", "--workers", "1")
    search = start(tmp_path, "alone", *words, "--repeats", "50")
    end = time.monotonic() + 120
    while time.monotonic() < end and search.process.poll() is None:
        if (search.folder / "data" / "facts.json").is_file() and repeats(Store.open(search.folder)):
            break
        time.sleep(0.3)
    os.killpg(search.process.pid, signal.SIGINT)
    status, out, err = search.end()
    assert status == 130, err
    assert "Traceback" not in err
    assert out.startswith("No Model 3 was searched for")
    assert 2 <= rows(search.folder)["model1"]["repeats"] < 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_repeats_that_hang_or_take_too_long_end_and_the_others_are_trained(
    tmp_path: Path, dataset: Dataset
) -> None:
    values = {"width": 4, "rate": 0.01}
    trial = replace(CHAMPION, hyperparameters=values)
    first = [Result(name, "baseline", "complete") for name in ("model1", "model2", "majority")]
    with begun(tmp_path, dataset, "--budget", "3") as (chosen, store):
        short = plan(chosen, "faulty_baselines:SlowSpace", trial_timeout=1.0, grace=8.0)
        view = View(store.study, chosen.budget, "val_accuracy")
        tasks = lacking(store, [trial, *first], 2)
        with Workers(short) as workers:
            assert train_again(tasks, 2, store, workers, view) is None
        found = {name: seeds[1] for name, seeds in repeats(store).items()}
        hung = "it hung: 8 s after --trial-timeout 1s it had not ended"
        long = "it trained for longer than --trial-timeout 1s"
        assert {name: (result.status, result.reason) for name, result in found.items()} == {
            "trial 3": ("pruned", long),
            "model1": ("failed", hung),
            "model2": ("pruned", long),
            "majority": ("complete", found["majority"].reason),
        }
        assert found["trial 3"].hyperparameters == values
        # Whoever resumes the run does not wait for them again.
        assert lacking(store, [trial, *first], 2) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_finalist_that_hangs_ends_with_the_budget_and_the_next_is_merely_dropped(
    tmp_path: Path, dataset: Dataset
) -> None:
    hanging = replace(CHAMPION, hyperparameters={"how": "hang in fit", "width": 8})
    other = replace(CHAMPION, name="trial 4", hyperparameters={"how": "train", "width": 8})
    with begun(tmp_path, dataset, "--budget", "9s") as (chosen, store):
        short = plan(chosen, "faulty_space:FaultySpace", grace=3.0)
        view = View(store.study, chosen.budget, "val_accuracy")
        with Workers(short) as workers:
            list(workers.run([TrainBaseline("majority")]))
            tasks = lacking(store, [hanging, other], 2, deadline=time.monotonic() + 1)
            assert train_again(tasks, 2, store, workers, view) is None
        (result,) = [seeds[1] for seeds in repeats(store).values()]
        assert (result.name, result.status, result.reason) == (
            "trial 3",
            "failed",
            "it hung: 3 s after the budget's end it had not ended",
        )
