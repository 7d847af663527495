"""KerasTuner's own loop on a study: pruned by epoch, gone on with, shared by processes."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from results.storage import JOURNAL, close
from results.trials import counted
from search.asked import plain_values
from search.failures import REFUSALS_A_FAILURE
from search.optuna_tuner import OptunaTuner
from search.study_space import ChangedSpace
from tests.commands import ROOT

X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def build(hp: keras_tuner.HyperParameters) -> Any:
    """Build a model that learns, or with a rate of 0 stays as it is."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    rate = hp.Choice("rate", [0.0, 0.5]) + hp.Float("more", 0.0, 0.1)
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def search(tuner: OptunaTuner) -> list[optuna.trial.FrozenTrial]:
    tuner.oracle.verbose = 0
    tuner.search(X, Y, validation_data=(X, Y), epochs=4, batch_size=16, verbose=0)
    return counted(tuner.study)


class BelowHalf(optuna.pruners.BasePruner):
    """Ends every trial whose loss is above that of a guess."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.intermediate_values[trial.last_step or 0] > 0.5


def test_it_takes_the_place_of_random_search(tmp_path: Path) -> None:
    tuner = OptunaTuner(build, "val_accuracy", max_trials=6, seed=1, directory=tmp_path)
    trials = search(tuner)
    assert len(trials) == 6
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    best = tuner.oracle.get_best_trials()[0]
    assert best.score == tuner.study.best_value
    assert tuner.get_best_models()[0].evaluate(X, Y, verbose=0)[1] == pytest.approx(best.score)


@pytest.mark.slow
def test_a_seed_repeats_what_is_proposed(tmp_path: Path) -> None:
    def params(name: str, seed: int) -> list[dict[str, Any]]:
        tuner = OptunaTuner(build, "val_loss", 3, seed, directory=tmp_path / name)
        return [trial.params for trial in search(tuner)]

    assert params("a", 1) == params("b", 1) != params("c", 2)


@pytest.mark.slow
def test_each_epoch_is_reported_once_and_a_pruned_trial_ends(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0), pruner=BelowHalf())
    tuner = OptunaTuner(
        build, "val_loss", max_trials=8, study=study, directory=tmp_path, executions_per_trial=2
    )
    trials = search(tuner)
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert 0 < len(pruned) < len(trials)
    for trial in trials:
        steps = list(trial.intermediate_values)
        assert steps == list(range(1, len(steps) + 1))
        assert (len(steps) < 4) or trial.state == TrialState.COMPLETE


@pytest.mark.slow
def test_several_objectives_are_not_pruned(tmp_path: Path) -> None:
    objectives = ["val_loss", keras_tuner.Objective("val_accuracy", "max")]
    tuner = OptunaTuner(build, objectives, max_trials=3, seed=1, directory=tmp_path)
    trials = search(tuner)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert all(len(trial.values) == 2 for trial in trials)


def test_it_goes_on_where_it_stopped_or_begins_anew(tmp_path: Path) -> None:
    def trials(count: int, **more: Any) -> list[dict[str, Any]]:
        tuner = OptunaTuner(build, "val_loss", count, 1, directory=tmp_path, **more)
        return [trial.params for trial in search(tuner)]

    first = trials(2)
    assert len(first) == 2
    longer = trials(4)
    assert longer[:2] == first
    assert len(longer) == 4
    assert len(trials(1, overwrite=True)) == 1


def test_a_study_that_keeps_its_trials_loses_no_model(tmp_path: Path) -> None:
    """Nothing is deleted, whether the study has trials or does not fit the objective."""
    study = optuna.create_study(study_name="mine")
    full = OptunaTuner(build, "val_loss", 1, study=study, directory=tmp_path)
    search(full)
    with pytest.raises(ValueError, match="'mine' keeps its 1 trials") as error:
        OptunaTuner(build, "val_loss", 1, study=study, directory=tmp_path, overwrite=True)
    assert "\n" not in str(error.value)
    other = optuna.create_study(direction="maximize")
    with pytest.raises(ValueError, match="directions"):
        OptunaTuner(build, "val_loss", 1, study=other, directory=tmp_path, overwrite=True)
    with pytest.raises(ValueError, match="direction"):
        OptunaTuner(build, "no_such_metric", 1, directory=tmp_path, overwrite=True)
    assert full.get_best_models()


def test_a_new_study_may_begin_anew_in_a_full_folder(tmp_path: Path) -> None:
    left = tmp_path / "untitled_project" / "trial_0000" / "left"
    left.mkdir(parents=True)
    study = optuna.create_study()
    study.enqueue_trial({"rate": 0})
    tuner = OptunaTuner(build, "val_loss", 1, study=study, directory=tmp_path, overwrite=True)
    assert not left.exists()
    assert len(search(tuner)) == 1


def test_another_objective_is_refused_and_the_first_is_shown(tmp_path: Path) -> None:
    study = OptunaTuner(build, "val_loss", 1, directory=tmp_path).study
    assert study.metric_names == ["val_loss"]
    with pytest.raises(ValueError, match="by val_loss, not by loss") as error:
        OptunaTuner(build, "loss", 1, directory=tmp_path)
    assert "project_name" in str(error.value)


def test_the_space_is_looked_through_again_and_a_changed_choice_is_refused(
    tmp_path: Path,
) -> None:
    """In the folder of an earlier program: its ranges are gone, its choices are told of."""

    def program(rates: list[float], more: float) -> OptunaTuner:
        def changed(hp: keras_tuner.HyperParameters) -> Any:
            hp.Choice("rate", rates)
            hp.Float("more", more, more + 0.1)
            return build(hp)

        tuner = OptunaTuner(changed, "val_loss", 2, 1, directory=tmp_path)
        tuner.oracle.verbose = 0
        return tuner

    first = program([0.0, 0.5], 0.0)
    first.oracle.create_trial("tuner0")
    first.save()
    moved = program([0.0, 0.5], 7.0)
    assert moved.oracle.get_space().get("more") == 7.0
    assert moved.oracle.create_trial("other").hyperparameters.get("more") >= 7.0
    with pytest.raises(ChangedSpace, match=r"rate as Choice \[0.0, 0.5\]"):
        program([0.1, 0.5], 0.0)
    Path(tmp_path, "untitled_project", JOURNAL).unlink()
    assert program([0.1, 0.5], 0.0).oracle.get_space().get("rate") == 0.1


def test_starting_points_come_first(tmp_path: Path) -> None:
    start = {"rate": 0.5, "more": 0.05}
    tuner = OptunaTuner(
        build, "val_loss", 2, 1, directory=tmp_path, starting_points=[start], timeout=600
    )
    first = search(tuner)[0]
    assert plain_values(tuner.oracle.get_space().space, first) == start


def test_a_missing_hypermodel_is_told_at_once(tmp_path: Path) -> None:
    class Own(OptunaTuner):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            return float(trial.hyperparameters.Float("x", 0, 1))

    with pytest.raises(ValueError, match="hypermodel"):
        OptunaTuner(objective="val_loss", directory=tmp_path)
    assert not list(tmp_path.iterdir())
    Own(max_trials=1, directory=tmp_path).search(verbose=0)


def test_a_study_is_opened_by_the_url_of_its_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"

    def tuner(name: str, **more: Any) -> OptunaTuner:
        return OptunaTuner(
            build, "val_accuracy", study=url, directory=tmp_path, project_name=name, **more
        )

    first = tuner("one", max_trials=1)
    (trial,) = search(first)
    again, other = tuner("one", max_trials=2), tuner("two", max_trials=1)
    assert [study.study_name for study in (again.study, other.study)] == ["one", "two"]
    assert again.study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert again.study.trials[0].params == trial.params
    assert not [it for it in other.study.trials if it.state.is_finished()]
    with pytest.raises(ValueError, match="keeps its 1 trials"):
        tuner("one", max_trials=1, overwrite=True)
    assert first.get_best_models()
    begun_anew = tuner("two", max_trials=1, overwrite=True)
    assert len(search(begun_anew)) == 1
    for each in (first, again, other, begun_anew):
        close(each.study._storage)


def test_a_url_that_leads_nowhere_is_a_value_error_that_names_its_argument(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^study "):
        OptunaTuner(build, "val_loss", study="no database", directory=tmp_path)


def test_models_too_large_are_pruned_and_many_in_a_row_end_the_search(tmp_path: Path) -> None:
    """As in `search.run`: see test_hypermodels."""

    def too_large(hp: keras_tuner.HyperParameters) -> Any:
        hp.Int("width", 1, 10**6)
        return build(hp)

    tuner = OptunaTuner(
        too_large,
        "val_loss",
        max_trials=99,
        max_model_size=2,
        max_consecutive_failed_trials=1,
        directory=tmp_path,
    )
    with pytest.raises(RuntimeError, match="3 parameters, more than max_model_size 2"):
        search(tuner)
    ended = [trial for trial in counted(tuner.study) if trial.state.is_finished()]
    assert [trial.state for trial in ended] == [TrialState.PRUNED] * REFUSALS_A_FAILURE
    assert tuner.oracle.get_best_trials() == []


class Metrics(keras_tuner.HyperModel):  # type: ignore[misc]
    """Has a `fit` of its own, which gives a dict."""

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        return build(hp)

    def fit(self, hp: keras_tuner.HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        model.fit(*args, **kwargs)
        return {"size": 3.0, "quality": hp.get("more")}


def test_a_dict_of_several_objectives_needs_no_sum(tmp_path: Path) -> None:
    objectives = [keras_tuner.Objective("size", "min"), keras_tuner.Objective("quality", "max")]
    hypermodel = Metrics()
    tuner = OptunaTuner(hypermodel, objectives, max_trials=2, directory=tmp_path)
    for trial in search(tuner):
        assert trial.values == [3.0, trial.params["more"]]
    assert tuner.hypermodel is hypermodel
    assert len(tuner.oracle.get_best_trials(9)) == 2


@pytest.mark.parametrize(
    ("hypermodel", "objective", "told"),
    [
        (build, keras_tuner.Objective("val_acc", "max"), "val_acc .* val_accuracy, val_loss"),
        (build, ["val_loss", keras_tuner.Objective("val_f1", "max")], "objective val_f1 "),
        (Metrics(), keras_tuner.Objective("length", "min"), "length .* size, quality"),
    ],
)
def test_an_objective_that_is_not_among_the_metrics_ends_the_search_at_its_first_training(
    tmp_path: Path, hypermodel: Any, objective: Any, told: str
) -> None:
    tuner = OptunaTuner(hypermodel, objective, max_trials=3, directory=tmp_path)
    with pytest.raises(ValueError, match=told):
        search(tuner)
    states = [trial.state for trial in tuner.study.trials]
    assert states.count(TrialState.WAITING) == 2


PROGRAM = """
import os, sys, time
from tests.search.test_optuna_tuner import OptunaTuner, build, search

class Slow(OptunaTuner):
    def run_trial(self, trial, *args, **kwargs):
        print("begun", flush=True)
        time.sleep(float(sys.argv[1]))
        return super().run_trial(trial, *args, **kwargs)

search(Slow(build, "val_loss", 8, 1, directory=sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_processes_share_a_search_and_one_may_die(tmp_path: Path) -> None:
    def start(seconds: float) -> "subprocess.Popen[str]":
        words = [sys.executable, "-c", PROGRAM, str(seconds), str(tmp_path)]
        return subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def wait_for_a_trial(process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        while "begun" not in process.stdout.readline():
            time.sleep(0.1)

    dying = start(600)
    wait_for_a_trial(dying)
    dying.kill()
    dying.communicate()
    one, other = start(0.5), start(0.5)
    assert (one.communicate()[0].count("begun"), one.returncode) != (0, 1)
    assert other.communicate() and other.returncode == one.returncode == 0
    study = OptunaTuner(build, "val_loss", 8, 1, directory=tmp_path).study
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.FAIL) == 1
    trials = counted(study)
    assert len(trials) == 8
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({str(trial.params) for trial in trials}) == 8
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2
