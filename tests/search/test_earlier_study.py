"""A study of an earlier version, which holds indices: it is read, and no search goes on with it.

`earlier/journal.log` is what that version itself wrote. To have more like it, begin a run with the
last version that held indices: `python -m search.run --rows 600 --budget 3 --epochs 1 --workers 1
--baselines linear --no-refit --study earlier`.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import keras_tuner
import optuna
import pytest

from results import Run
from results.study import ACCURACY, Store, choose_starts
from search import OptunaOracle
from search.queue import TrialQueue
from search.sampling import ChangedSpace
from spaces import Model3

REFUSED = (
    r"^study 'earlier' is of an earlier version, which held codes in place of the values of "
    r"embedding; begin another study \(project_name, or --study\)$"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = tmp_path / "earlier"
    run.mkdir()
    shutil.copy(Path(__file__).with_name("earlier") / "journal.log", run)
    return run


@pytest.fixture
def study(folder: Path) -> Iterator[optuna.Study]:
    found = Store.open(folder).study
    assert found.trials[1].params["batch_size"] == 1
    yield found
    # Nothing was begun in it.
    assert [trial.number for trial in Store.open(folder).study.trials] == [0, 1, 2]


def space() -> keras_tuner.HyperParameters:
    declared = keras_tuner.HyperParameters()
    Model3(70).declare(declared)
    return declared


def test_it_is_read_as_values(folder: Path) -> None:
    run = Run.open(folder)
    trials = run.trials()
    assert list(trials["params_batch_size"]) == [32, 32, 32]
    assert set(trials["status"]) == {"complete"}
    assert run.champion is not None
    assert run.champion.hyperparameters["conv_filters"] == 32


def test_a_search_starts_from_its_best_points(folder: Path) -> None:
    new = Store.create(folder.parent / "new", [ACCURACY], name="new", data={}, protocol={})
    starts = choose_starts(new, Store.open(folder), "--start-from earlier")
    assert [start.trial for start in starts] == ["trial 1", "trial 2", "trial 0"]
    queue = TrialQueue(new.study, space(), starting_points=[it.hyperparameters for it in starts])
    asked = queue.ask()
    assert asked is not None
    assert {**asked.hyperparameters.values} == starts[0].hyperparameters


def test_a_search_refuses_to_go_on_with_it(study: optuna.Study) -> None:
    with pytest.raises(ChangedSpace, match=REFUSED):
        TrialQueue(study, space())


def test_a_tuner_refuses_to_go_on_with_it(study: optuna.Study) -> None:
    with pytest.raises(ChangedSpace, match=REFUSED):
        OptunaOracle(study, "val_accuracy", hyperparameters=space())
