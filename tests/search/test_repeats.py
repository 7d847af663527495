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

from data.dataset.dataset import Dataset
from results.scoring import probabilities, save_scores
from results.serving import load_export, load_model
from results.study import (
    ACCURACY,
    CHECKPOINT,
    Result,
    Store,
    as_refit,
    find_refit,
    find_repeats,
    record_refit,
    record_repeat,
    refit_folder,
    repeat_folder,
)
from search.cli.progress import View
from search.config import RunConfig, parse
from search.stages import _train_again, missing_refits, missing_repeats, missing_seeds, to_refit
from search.training.task import TrainingTask
from search.workers.fork_server import ForkServer
from search.workers.pool import Stage, WorkerPool
from tests.search.processes import Start, begun, short


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


def options(store: Store, *words: str) -> RunConfig:
    return parse(["--budget", "5", "--study", "run", "--out", str(store.folder.parent), *words])


def wanted(store: Store, *words: str, champion: Result | None = CHAMPION) -> list[tuple[str, int]]:
    tasks = missing_repeats(options(store, *words), store, champion)
    return [(task.name, task.seed_index) for task in tasks]


def leave(store: Store, name: str, index: int) -> Path:
    folder = repeat_folder(store, name, index)
    save_scores(folder, np.zeros(3, np.float32), np.zeros(4, np.float32))
    place = str(folder.relative_to(store.folder))
    record_repeat(store, Result(name, "trial", "complete", artifacts=place), index)
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
    tasks = missing_seeds(store, best, 2, deadline=12.5)
    assert [(task.name, task.seed_index, task.deadline) for task in tasks] == [
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
    _, err = search.succeed(200)
    found = rows(search.folder)
    champion = next(row for row in found.values() if row["selected"])
    for row in (found["model1"], champion):
        assert row["repeats"] == 2
        assert row["repeats_min"] <= row["heldout_accuracy"] <= row["repeats_max"]
        assert row["repeats_mean"] == pytest.approx((row["repeats_min"] + row["repeats_max"]) / 2)
    assert (found["linear"]["repeats"], found["linear"]["repeats_mean"]) == (1, None)
    assert f"{champion['name']}, seed 2 of 2" in err
    kept = find_repeats(Store.open(search.folder))

    out, err = start(tmp_path, "again", *words, "--repeats", "3").succeed(200)
    assert "seed 3 of 3" in err and "seed 2 of 3" not in err
    assert rows(search.folder)["model1"]["repeats"] == 3
    assert "no seed changes linear" in out
    now = find_repeats(Store.open(search.folder))
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
        if (search.folder / "data" / "facts.json").is_file() and find_repeats(
            Store.open(search.folder)
        ):
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
    trial = replace(CHAMPION, hyperparameters=values, epochs=99.0)
    first = [Result(name, "baseline", "complete") for name in ("model1", "model2", "majority")]
    with begun(tmp_path, dataset, "--budget", "3") as (chosen, store):
        limited = short(chosen, "faulty_baselines:SlowSpace", trial_timeout=1.0, grace=8.0)
        view = View(store.study, chosen.budget, "val_accuracy")
        tasks = [
            *missing_seeds(store, [trial, *first], 2),
            *missing_refits(store, [trial, first[0]]),
        ]
        with ForkServer() as server, WorkerPool(limited, server) as workers:
            assert _train_again(tasks, store, workers, view) is None
        found = {name: seeds[1] for name, seeds in find_repeats(store).items()}
        hung = "it hung: 8 s after --trial-timeout 1s it had not ended"
        long = "it trained for longer than --trial-timeout 1s"
        assert {name: (result.status, result.reason) for name, result in found.items()} == {
            "trial 3": ("pruned", long),
            "model1": ("failed", hung),
            "model2": ("pruned", long),
            "majority": ("complete", found["majority"].reason),
        }
        assert found["trial 3"].hyperparameters == values
        again = [find_refit(store, name) for name in ("trial 3", "model1")]
        assert [result and (result.name, result.status, result.reason) for result in again] == [
            ("trial 3, refit", "pruned", long),
            ("model1, refit", "failed", hung),
        ]
        # Whoever resumes the run does not wait for them again.
        assert (
            missing_seeds(store, [trial, *first], 2)
            == missing_refits(store, [trial, first[0]])
            == []
        )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_finalist_that_hangs_ends_with_the_budget_and_the_next_is_merely_dropped(
    tmp_path: Path, dataset: Dataset
) -> None:
    hanging = replace(CHAMPION, hyperparameters={"how": "hang in fit", "width": 8})
    other = replace(CHAMPION, name="trial 4", hyperparameters={"how": "train", "width": 8})
    with begun(tmp_path, dataset, "--budget", "9s") as (chosen, store):
        limited = short(chosen, "faulty_space:FaultySpace", grace=3.0)
        view = View(store.study, chosen.budget, "val_accuracy")
        with ForkServer() as server, WorkerPool(limited, server) as workers:
            workers.run(Stage(TrainingTask("baseline", "majority")))
            tasks = missing_seeds(store, [hanging, other], 2, deadline=time.monotonic() + 1)
            assert _train_again(tasks, store, workers, view) is None
        (result,) = [seeds[1] for seeds in find_repeats(store).values()]
        assert (result.name, result.status, result.reason) == (
            "trial 3",
            "failed",
            "it hung: 3 s after the budget's end it had not ended",
        )


def refit(store: Store, *words: str, champion: Result | None = CHAMPION) -> list[str]:
    return [
        task.title
        for task in missing_refits(store, to_refit(options(store, *words), store, champion))
    ]


def leave_refit(store: Store, first: Result, **values: Any) -> Path:
    folder = refit_folder(store, first.name)
    save_scores(folder, np.zeros(3, np.float32), np.zeros(4, np.float32))
    (folder / CHECKPOINT).write_bytes(b"a model")
    place = str(folder.relative_to(store.folder))
    record_refit(store, replace(as_refit(first), artifacts=place, **values))
    return folder


def test_the_champion_and_its_references_are_refit_the_longest_first(store: Store) -> None:
    assert refit(store) == ["model2, refit", "trial 3, refit", "linear, refit"]
    assert refit(store, "--no-refit") == []
    assert refit(store, "--baselines", "model1,linear") == ["trial 3, refit", "linear, refit"]
    assert refit(store, "--baselines", "model1", champion=None) == []
    assert all(task.kind == "refit" for task in missing_refits(store, [CHAMPION]))


def test_what_is_refit_is_not_refit_again_unless_its_files_are_gone(store: Store) -> None:
    folder = leave_refit(store, CHAMPION)
    assert refit(store, "--baselines", "none") == []
    other = replace(CHAMPION, name="trial 5", number=5)
    assert refit(store, "--baselines", "none", champion=other) == ["trial 5, refit"]
    (folder / CHECKPOINT).unlink()
    assert refit(store, "--baselines", "none") == ["trial 3, refit"]
    record_refit(store, replace(as_refit(CHAMPION), status="failed", reason="no memory"))
    assert refit(store, "--baselines", "none") == []


def exported(folder: Path) -> tuple[str, Any]:
    """Give the name of what was exported, and its probabilities of the held-out rows."""
    export, data = load_export(folder / "best"), Store.open(folder).dataset
    model = load_model(folder / "best" / "model.keras")
    scores = probabilities(model, data.encoded, data.split.heldout, padding="real")
    return export.metrics["name"], scores


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_refits_exports_that_and_trains_nothing_twice(start: Start, tmp_path: Path) -> None:
    small = ("--space", "tests.search.small:Small", "--budget", "2", "--epochs", "4")
    words = (*small, "--baselines", "model1,model2,linear", "--padding", "real", "--refit")
    search = start(tmp_path, "refit", *words)
    out, err = search.succeed(200)
    first = rows(search.folder)
    champion = next(name for name, row in first.items() if row["selected"])
    refits = {f"{name}, refit" for name in (champion, "model2", "linear")}
    assert {name for name, row in first.items() if row["kind"] == "refit"} == refits
    for name in refits:
        assert (first[name]["status"], first[name]["val_accuracy"]) == ("complete", None)
        assert f"{name} complete" in err
    assert first[f"{champion}, refit"]["p_vs_linear"] is not None
    assert ". Trained again on all training rows it reaches " in out.splitlines()[0]
    name, scores = exported(search.folder)
    store = Store.open(search.folder)
    refit = find_refit(store, champion)
    assert refit is not None and name == refit.name == f"{champion}, refit"
    own = store.scores(refit)
    assert own is not None
    np.testing.assert_allclose(scores, own["heldout"], rtol=0, atol=1e-5)

    _, err = start(tmp_path, "refit", *words).succeed(200)
    assert "refit complete" not in err
    assert rows(search.folder) == first

    out, _ = start(tmp_path, "refit", *words, "--no-refit").succeed(200)
    assert set(rows(search.folder)) == set(first) - refits
    assert "Trained again" not in out and exported(search.folder)[0] == champion


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_in_a_refit_ranks_and_exports_without_it(start: Start, tmp_path: Path) -> None:
    words = ("--budget", "1", "--workers", "1", "--epochs", "6", "--refit")
    search = start(tmp_path, "stopped", *words)
    search.wait_for(lambda study: "refits" in study.user_attrs)
    time.sleep(1)
    os.killpg(search.process.pid, signal.SIGINT)
    status, out, err = search.end()
    assert status == 130, err
    assert "Traceback" not in err and "Trained again" not in out
    assert list(rows(search.folder)) == ["trial 0"]
    assert exported(search.folder)[0] == "trial 0"

    start(tmp_path, "stopped", *words).succeed()
    assert set(rows(search.folder)) == {"trial 0", "trial 0, refit"}
