"""Whole searches by the command line: budgets, samplers, objectives, seeds and what goes wrong."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from data.dataset.dataset import Dataset
from results.leaderboard import build_leaderboard
from results.study import Store
from search.cli.progress import View
from search.stages import search
from search.workers.fork_server import ForkServer
from search.workers.pool import WorkerPool
from tests.search.processes import Start, begun, short

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def rows(folder: Path) -> list[dict[str, Any]]:
    """The leaderboard's rows of trials."""
    found: list[dict[str, Any]] = json.loads((folder / "leaderboard.json").read_text())["rows"]
    return [row for row in found if row["kind"] == "trial"]


def test_a_space_in_which_every_trial_fails_ends_with_the_reason(
    start: Start, tmp_path: Path
) -> None:
    broken = ("--space", "tests.search.slow_space:BrokenSpace", "--workers", "1")
    search = start(tmp_path, "broken", "--budget", "30", *broken)
    status, out, err = search.end()
    assert status == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert "5 trials in a row failed" in line
    assert "broken on purpose" in line
    assert "Traceback" not in err
    found = rows(search.folder)
    assert [row["status"] for row in found] == ["failed"] * 5
    assert all("broken on purpose" in row["reason"] for row in found)
    assert out


def test_a_space_that_is_not_there_is_one_line(start: Start, tmp_path: Path) -> None:
    search = start(tmp_path, "none", "--budget", "1", "--space", "tests.search.nowhere:Space")
    assert "nowhere" in search.refuse()


def test_choices_that_were_edited_are_refused_and_the_old_ones_go_on(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(budget: str, choices: str) -> tuple[int, str, str]:
        monkeypatch.setenv("CHOICES", choices)
        space = ("--space", "tests.search.slow_space:EditedSpace", "--workers", "1")
        return start(tmp_path, "edited", "--budget", budget, *space).end()

    assert run("1", "tanh relu")[0] == 0
    status, _, err = run("2", "elu selu gelu")
    assert status == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    for told in ("'edited'", "act", "['tanh', 'relu']", "['elu', 'selu', 'gelu']", "--study"):
        assert told in line
    assert "Traceback" not in err
    assert run("2", "tanh relu")[0] == 0
    assert [row["status"] for row in rows(tmp_path / "edited")] == ["complete"] * 2


def test_a_time_budget_ends_the_running_trial_in_order(start: Start, tmp_path: Path) -> None:
    search = start(tmp_path, "timed", "--budget", "8s", "--workers", "1", "--epochs", "1")
    search.succeed()
    found = rows(search.folder)
    cut = [row for row in found if row["reason"] == "the budget ended"]
    assert len(cut) <= 1
    assert {row["status"] for row in found} <= {"complete", "pruned"}
    assert all(row in cut for row in found if row["status"] == "pruned")
    with search.study() as study:
        states = {trial.state.name for trial in study.trials}
    assert states <= {"COMPLETE", "PRUNED"}


def test_an_engine_of_keras_tuner_lands_in_the_study(start: Start, tmp_path: Path) -> None:
    # The one that decides how long a trial is trained; test_samplers has all of them.
    search = start(tmp_path, "kt", "--budget", "3", "--sampler", "kt-hyperband")
    search.succeed()
    results = Store.open(search.folder).trials()
    assert [result.status for result in results] == ["complete"] * 3
    assert all(result.hyperparameters["width"] for result in results)


def test_two_workers_are_refused_to_an_engine_of_keras_tuner(start: Start, tmp_path: Path) -> None:
    options = ("--budget", "3", "--sampler", "kt-random", "--workers", "2")
    status, _, err = start(tmp_path, "kt", *options).end()
    assert status == 2
    assert "--workers 1" in err


def test_several_objectives_give_a_front(start: Start, tmp_path: Path) -> None:
    options = ("--objective", "val_accuracy,parameters", "--sampler", "nsga2")
    search = start(tmp_path, "front", "--budget", "4", *options)
    out, _ = search.succeed()
    (line,) = [line for line in out.splitlines() if line.startswith("Pareto front of")]
    with search.study() as study:
        best = study.best_trials
    assert line.endswith(": " + ", ".join(f"trial {trial.number}" for trial in best))
    assert all(trial.values and len(trial.values) == 2 for trial in best)


def test_a_seed_repeats_proposals_and_scores(start: Start, tmp_path: Path) -> None:
    options = ("--budget", "3", "--workers", "1", "--seed", "7")
    first, second, other = (
        start(tmp_path / place, "same", *options, *more)
        for place, more in (("a", ()), ("b", ()), ("c", ("--seed", "8")))
    )
    for searching in (first, second, other):
        searching.succeed(240)
    found = [
        [(result.hyperparameters, result.val_loss) for result in Store.open(folder).trials()]
        for folder in (first.folder, second.folder, other.folder)
    ]
    assert [point for point, _ in found[0]] == [point for point, _ in found[1]]
    assert [loss for _, loss in found[0]] == pytest.approx([loss for _, loss in found[1]], abs=1e-4)
    # The first trial takes the defaults, whatever the seed.
    assert [point for point, _ in found[0]][1:] != [point for point, _ in found[2]][1:]


def test_one_worker_trains_the_baselines_while_others_begin_with_the_trials(
    tmp_path: Path, dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    words = ["--budget", "1", "--baselines", "model1,majority"]
    with begun(tmp_path, dataset, *words) as (options, store):
        # model1 hangs, until it is ended after ten seconds.
        values: dict[str, Any] = {"workers": 2, "trial_timeout": 2.0, "grace": 8.0}
        limited = short(options, "faulty_baselines:SlowSpace", **values)
        with ForkServer() as server, WorkerPool(limited, server) as workers:
            view = View(store.study, options.budget, "val_accuracy")
            assert search(options, store, workers, view) is None
        names = ("trial 0", "majority", "model1")
        told = [name for r in caplog.records for name in names if r.message.startswith(name)]
        assert told == ["trial 0", "majority", "model1"]
        assert [result.name for result in store.baselines()] == ["model1", "majority"]


def test_baselines_that_hang_or_take_too_long_end_and_the_others_are_trained(
    tmp_path: Path, dataset: Dataset
) -> None:
    names = ["model1", "model2", "regex", "majority"]
    with begun(tmp_path, dataset, "--budget", "0", "--baselines", ",".join(names)) as (
        options,
        store,
    ):
        limited = short(options, "faulty_baselines:SlowSpace", trial_timeout=1.0, grace=8.0)
        with ForkServer() as server, WorkerPool(limited, server) as workers:
            search(options, store, workers, View(store.study, options.budget, "val_accuracy"))
        found = {result.name: result for result in store.baselines()}
        assert list(found) == names
        hung = "it hung: 8 s after --trial-timeout 1s it had not ended"
        long = "it trained for longer than --trial-timeout 1s"
        assert {name: (result.status, result.reason) for name, result in found.items()} == {
            "model1": ("failed", hung),
            "model2": ("pruned", long),
            "regex": ("failed", hung),
            "majority": ("complete", found["majority"].reason),
        }
        assert [path.name.partition("-")[0] for path in limited.baseline_cache.glob("[!.]*")] == [
            "majority"
        ]
        assert store.scores(found["model2"]) is None
        rows = {row.name: row for row in build_leaderboard(store).rows}
        assert rows["model2"].heldout_accuracy is None and rows["model2"].reason == long
