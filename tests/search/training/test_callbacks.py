"""Callbacks of the user's own: what they are told, and what becomes of a trial whose one fails."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from data.common.errors import UserError
from data.dataset.dataset import Dataset
from results.study import Store
from search.training.callbacks import load_callbacks
from tests.commands import ROOT
from tests.search.small import Small
from tests.search.tuning import open_store, search, words

OWN = "tests.search.own_callbacks"


def run(folder: Path, dataset: Dataset, *names: str, trials: int = 1) -> Store:
    store = open_store(folder)
    callbacks = load_callbacks([f"{OWN}:{name}" for name in names])
    search(store, dataset, Small(words(dataset)), trials, callbacks=callbacks)
    return store


def diary(store: Store, number: int) -> list[tuple[str, Any]]:
    lines = (store.folder / f"diary-{number}.jsonl").read_text().splitlines()
    return [tuple(json.loads(line)) for line in lines]


@pytest.mark.parametrize("names", [("Diary", "plain"), ("several",)])
def test_each_trial_has_its_own_and_it_is_told_all(
    tmp_path: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str], names: tuple[str, ...]
) -> None:
    store = run(tmp_path, dataset, *names, trials=2)
    for result in store.trials():
        assert result.status == "complete" and result.number is not None
        told = diary(store, result.number)
        assert [what for what, _ in told] == ["begin", "report", "report", "epoch", "result"]
        assert told[0][1] == result.hyperparameters
        assert [value for what, value in told if what == "report"] == [
            point.val_accuracy for point in result.curve
        ]
        logs = told[3][1]
        assert (logs["val_accuracy"], logs["val_loss"]) == (result.val_accuracy, result.val_loss)
        assert told[4][1] == ["complete", result.reason, result.val_accuracy]
    assert capsys.readouterr().out.count("it has begun") == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("refusing", f"--callback {OWN}:refusing: ConnectionError: no server for trial 0"),
        ("no_callback", "it gave an object of type str, but a keras.callbacks.Callback is needed"),
        ("several_kinds", "it gave an object of type int, but a keras.callbacks.Callback is"),
        ("Failing", "OSError: the server is gone"),
    ],
)
def test_an_error_fails_the_trial_with_its_reason(
    tmp_path: Path, dataset: Dataset, name: str, said: str
) -> None:
    store = run(tmp_path, dataset, name)
    (result,) = store.trials()
    assert result.status == "failed"
    assert said in result.reason
    assert store.study.trials[0].state == TrialState.FAIL


def test_a_failure_is_told_to_the_others(tmp_path: Path, dataset: Dataset) -> None:
    store = run(tmp_path, dataset, "Diary", "Failing")
    what, (status, reason, value) = diary(store, 0)[-1]
    assert (what, status, reason) == ("result", "failed", "OSError: the server is gone")
    assert value is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nowhere.at_all:make", "--callback nowhere.at_all:make: no module nowhere in "),
        (f"{OWN}:missing", f"module {OWN} has no missing"),
        (f"{OWN}:NOTHING", f"module {OWN} has no function or class NOTHING"),
        (
            "tests.search.broken_callbacks:make",
            "importing broken_callbacks failed: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_what_cannot_be_imported_is_one_line(
    spec: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_callbacks.py"
    package.write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as error:
        load_callbacks([spec.replace("tests.search.broken", "broken")])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def command(folder: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable, "-m", "search.run", "--rows", "700", "--epochs", "1", "--budget", "2",
            "--space", "tests.search.small:Small", "--baselines", "none", "--study", "s",
            "--out", str(folder), "--pruner", "none", *options,
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_module_that_is_not_there_ends_the_search_before_it_begins(tmp_path: Path) -> None:
    done = command(tmp_path, "--callback", "nowhere:make", "--workers", "1")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "--callback nowhere:make: no module nowhere" in line
    assert "Traceback" not in done.stderr
    assert Store.open(tmp_path / "s").trials() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
# MLflow's own use of SQLAlchemy.
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
@pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="needs MLflow: pip install -e '.[dev]'"
)
def test_mlflow_has_a_run_for_each_trial(tmp_path: Path) -> None:
    import mlflow

    url = f"sqlite:///{tmp_path}/mlflow.db"
    # Tables and experiment are made here, and not by two workers at once.
    client = mlflow.MlflowClient(url)
    client.create_experiment("s", (tmp_path / "artifacts").as_uri())
    done = command(
        tmp_path, "--callback", "tests.search.mlflow_callbacks:make", "--workers", "2",
        "--tensorboard", MLFLOW_TRACKING_URI=url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    experiment = client.get_experiment_by_name("s")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    results = Store.open(tmp_path / "s").trials()
    assert set(runs) == {result.name for result in results} and len(runs) == 2
    written = {path.name for path in (tmp_path / "s" / "tensorboard").glob("trial-*")}
    assert written == {"trial-0", "trial-1"}
    for result in results:
        run = runs[result.name]
        assert run.info.status == "FINISHED"
        assert run.data.params["width"] == str(result.hyperparameters["width"])
        assert run.data.metrics["val_accuracy"] == pytest.approx(result.val_accuracy)
        assert run.data.tags["status"] == "complete"
        history = client.get_metric_history(run.info.run_id, "report/val_accuracy")
        assert [item.value for item in history] == [point.val_accuracy for point in result.curve]


# ---- Optuna's ------------------------------------------------------------------------------------


def test_optunas_callbacks_are_told_of_each_trial_that_has_ended(
    tmp_path: Path, dataset: Dataset
) -> None:
    store = run(tmp_path, dataset, "never_ends", "refusing", "Diary")
    assert store.study.user_attrs["told"] == [[0, "FAIL"]]


def test_optunas_callback_may_end_the_search(tmp_path: Path, dataset: Dataset) -> None:
    store = run(tmp_path, dataset, "ends_at_1", trials=4)
    assert store.study.user_attrs["told"] == [[0, "COMPLETE"], [1, "COMPLETE"]]
    assert len(store.trials()) == 2


def test_a_callback_of_optunas_that_fails_ends_the_search_in_one_line(
    tmp_path: Path, dataset: Dataset
) -> None:
    with pytest.raises(UserError) as error:
        run(tmp_path, dataset, "breaks")
    assert str(error.value) == f"--callback {OWN}:breaks: ConnectionError: no server"
