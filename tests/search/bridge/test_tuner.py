"""KerasTuner's own loop on a study: pruned by epoch, gone on with, shared by processes."""

import copy
import itertools
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
from keras_tuner.src.engine.tuner_utils import TunerCallback
from optuna.trial import TrialState

from results.study import JOURNAL, close_storage, counted_trials
from search.bridge.tuner import OptunaTuner
from search.queue.monitor import REFUSALS_A_FAILURE
from search.sampling.hyperparameters import plain_values
from search.sampling.study_space import ChangedSpace
from tests.commands import ROOT

X = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def build(hp: keras_tuner.HyperParameters) -> Any:
    """Build a model that learns, or with a rate of 0 stays as it is."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    rate = hp.Choice("rate", [0.0, 0.5]) + hp.Float("more", 0.0, 0.1)
    # Eagerly: to trace a graph takes longer than so few batches do.
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


def search(tuner: OptunaTuner) -> list[optuna.trial.FrozenTrial]:
    tuner.oracle.verbose = 0
    tuner.search(X, Y, validation_data=(X, Y), epochs=4, batch_size=16, verbose=0)
    return counted_trials(tuner.study)


class Ending(optuna.pruners.BasePruner):
    """Ends every trial of which a condition holds."""

    def __init__(self, condition: Callable[[optuna.trial.FrozenTrial], bool]) -> None:
        self._condition = condition

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return self._condition(trial)


AT_ONCE = Ending(lambda trial: True)
AT_THE_SECOND = Ending(lambda trial: trial.last_step == 2)
# If the loss is above that of a guess.
BELOW_HALF = Ending(lambda trial: trial.intermediate_values[trial.last_step or 0] > 0.5)


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
    keras.utils.set_random_seed(0)  # Some weights begin below half, and some above.
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0), pruner=BELOW_HALF)
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
def test_later_executions_are_not_reported(tmp_path: Path) -> None:
    lengths = itertools.cycle([2, 4])

    def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, **{**kwargs, "epochs": next(lengths)})

    tuner = pruned_by(
        optuna.pruners.NopPruner(), tmp_path, Fitting(fit), max_trials=2, executions_per_trial=2
    )
    assert run(tuner, 4) == [TrialState.COMPLETE] * 2
    for trial in tuner.study.trials:
        assert list(trial.intermediate_values) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["trial_*/trial.json", "oracle.json", "tuner0.json"])
@pytest.mark.parametrize("left", ["", '{"trial_id": '])
def test_a_file_that_was_cut_off_does_not_end_a_project(
    tmp_path: Path, damaged: str, left: str
) -> None:
    def trials(count: int) -> list[optuna.trial.FrozenTrial]:
        return search(OptunaTuner(build, "val_loss", count, 1, directory=tmp_path))

    before = trials(2)
    for file in (tmp_path / "untitled_project").glob(damaged):
        file.write_text(left)
    after = trials(3)
    assert [trial.params for trial in after[:2]] == [trial.params for trial in before]
    assert len(after) == 3


def test_projects_of_one_name_in_two_folders_share_no_study_in_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    tuners = [
        OptunaTuner(build, "val_loss", 1, 1, directory=tmp_path, project_name=name, study=url)
        for name in ("cnn/run1", "rnn/run1", "run1")
    ]
    assert [it.study.study_name for it in tuners] == ["cnn/run1", "rnn/run1", "run1"]
    for tuner in tuners:
        close_storage(tuner.study._storage)


@pytest.mark.slow
def test_several_objectives_are_not_pruned(tmp_path: Path) -> None:
    objectives = ["val_loss", keras_tuner.Objective("val_accuracy", "max")]
    tuner = OptunaTuner(build, objectives, max_trials=3, seed=1, directory=tmp_path)
    trials = search(tuner)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert all(len(trial.values) == 2 for trial in trials)


@pytest.mark.slow
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
    left = tmp_path / "mine" / "trial_0000" / "left"
    left.mkdir(parents=True)
    study = optuna.create_study(study_name="mine")
    study.enqueue_trial({"rate": 0})
    tuner = OptunaTuner(build, "val_loss", 1, study=study, directory=tmp_path, overwrite=True)
    assert not left.exists()
    assert len(search(tuner)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_epochs": 10}, "OptunaTuner has no argument max_epochs"),
        ({"tune_new_entries": False}, "tune_new_entries"),
        ({"directory": "gs://bucket/runs"}, "directory is 'gs://bucket/runs', but the files of"),
    ],
)
def test_arguments_are_checked_before_anything_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("untitled_project").mkdir()
    Path("untitled_project", "left").touch()
    with pytest.raises(ValueError, match=said):
        OptunaTuner(build, "val_loss", 1, **{"overwrite": True, **arguments})
    assert [str(path) for path in Path().rglob("*")] == [
        "untitled_project",
        "untitled_project/left",
    ]


def test_a_project_that_was_renamed_goes_on(tmp_path: Path) -> None:
    first = OptunaTuner(build, "val_loss", 1, 1, directory=tmp_path, project_name="one")
    search(first)
    close_storage(first.study._storage)
    (tmp_path / "one").rename(tmp_path / "two")
    second = OptunaTuner(build, "val_loss", 1, 1, directory=tmp_path, project_name="two")
    assert second.oracle.remaining_trials() == 0
    assert second.oracle.get_best_trials()[0].metrics.exists("val_loss")


def test_studies_of_a_program_have_folders_of_their_own(tmp_path: Path) -> None:
    tuners = [
        OptunaTuner(build, "val_loss", 1, study=optuna.create_study(), directory=tmp_path)
        for _ in range(2)
    ]
    assert len({tuner.project_dir for tuner in tuners}) == 2
    named = OptunaTuner(
        build, "val_loss", 1, study=optuna.create_study(), directory=tmp_path, project_name="mine"
    )
    assert Path(named.project_dir).name == "mine"


def test_a_list_of_one_objective_is_that_objective(tmp_path: Path) -> None:
    tuner = OptunaTuner(build, ["val_accuracy"], 1, directory=tmp_path)
    (trial,) = search(tuner)
    assert tuner.study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert list(trial.intermediate_values) == [1, 2, 3, 4]


def test_hyperparameters_are_copied_and_pickled_as_their_values(tmp_path: Path) -> None:
    copies: list[keras_tuner.HyperParameters] = []

    def copied(hp: keras_tuner.HyperParameters) -> Any:
        model = build(hp)
        copies[:] = [copy.deepcopy(hp), pickle.loads(pickle.dumps(hp))]
        return model

    (trial,) = search(OptunaTuner(copied, "val_loss", 1, directory=tmp_path))
    for hp in copies:
        assert hp.values == trial.params
        assert hp.Int("another", 3, 9) == 3
    assert "another" not in trial.params


def test_a_tuners_hypermodel_is_the_users_while_it_trains(tmp_path: Path) -> None:
    class Own(keras_tuner.HyperModel):
        scale = 3

        def build(self, hp: keras_tuner.HyperParameters) -> Any:
            return build(hp)

    class Reading(OptunaTuner):
        def on_epoch_end(self, *args: Any, **kwargs: Any) -> None:
            super().on_epoch_end(*args, **kwargs)
            found.append((self.hypermodel.scale, self.hypermodel.name))

    found: list[Any] = []
    search(Reading(Own("mine"), "val_loss", 1, directory=tmp_path))
    assert set(found) == {(3, "mine")}


def test_more_trials_may_be_asked_for_later(tmp_path: Path) -> None:
    tuner = OptunaTuner(build, "val_loss", 1, directory=tmp_path)
    search(tuner)
    tuner.oracle.max_trials = 2
    assert tuner.oracle.remaining_trials() == 1
    assert len(search(tuner)) == 2


@pytest.mark.parametrize("limit", [None, -1])
def test_failures_may_have_no_limit(tmp_path: Path, limit: int | None) -> None:
    def fails(hp: keras_tuner.HyperParameters) -> Any:
        hp.Float("x", 0, 1)
        if hp.Choice("is_first", [0]) == 0 and seen:
            raise keras_tuner.errors.FailedTrialError("no")
        seen.append(1)
        return build(hp)

    seen: list[int] = []
    tuner = OptunaTuner(
        fails, "val_loss", 4, directory=tmp_path, max_consecutive_failed_trials=limit
    )
    assert [trial.state for trial in search(tuner)] == [TrialState.FAIL] * 4


def test_another_objective_is_refused_and_the_first_is_shown(tmp_path: Path) -> None:
    OptunaTuner(build, keras_tuner.Objective("val_los", "min"), 1, directory=tmp_path)
    study = OptunaTuner(build, "val_loss", 1, directory=tmp_path).study
    study.tell(study.ask(), 1.0)
    assert study.metric_names == ["val_loss"]
    with pytest.raises(ValueError, match="by val_loss, not by loss") as error:
        OptunaTuner(build, "loss", 1, directory=tmp_path)
    assert "project_name" in str(error.value)


def test_the_space_is_looked_through_again_and_a_changed_choice_is_refused(tmp_path: Path) -> None:
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


@pytest.mark.slow
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
        close_storage(each.study._storage)


def test_a_url_that_leads_nowhere_is_a_value_error_that_names_its_argument(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^study "):
        OptunaTuner(build, "val_loss", study="no database", directory=tmp_path)


@pytest.mark.slow
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
    ended = [trial for trial in counted_trials(tuner.study) if trial.state.is_finished()]
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
    assert len(states) == 1


# ---- how a pruned trial ends -------------------------------------------------------------------


class Counting(keras.callbacks.Callback):
    """Counts trainings that begin and end, over all copies."""

    calls: ClassVar[list[str]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("begin")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("end")


class Fitting(keras_tuner.HyperModel):
    """Builds the model above, and trains it as it is told to."""

    def __init__(self, fit: Callable[..., Any]) -> None:
        super().__init__()
        self._fit = fit

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        return build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return self._fit(hp, model, *args, **kwargs)


def pruned_by(
    pruner: optuna.pruners.BasePruner, folder: Path, model: Any = build, **options: Any
) -> OptunaTuner:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0), pruner=pruner)
    options = {"max_trials": 3, **options}
    return OptunaTuner(model, "val_loss", study=study, directory=folder, **options)


def run(tuner: OptunaTuner, epochs: int = 3, *callbacks: Any) -> list[TrialState]:
    tuner.oracle.verbose = 0
    tuner.search(
        X,
        Y,
        validation_data=(X, Y),
        epochs=epochs,
        batch_size=32,
        verbose=0,
        callbacks=list(callbacks),
    )
    return [trial.state for trial in counted_trials(tuner.study)]


@pytest.mark.slow
def test_a_pruned_trial_ends_its_callbacks_and_begins_the_next_afresh(tmp_path: Path) -> None:
    Counting.calls.clear()
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True)
    tuner = pruned_by(AT_ONCE, tmp_path, executions_per_trial=2)
    assert run(tuner, 3, Counting(), backup, log) == [TrialState.PRUNED] * 3
    assert Counting.calls == ["begin", "end"] * 3
    for trial in counted_trials(tuner.study):
        assert list(trial.intermediate_values) == [1]
        assert trial.value == trial.intermediate_values[1]
    assert not (tmp_path / "backup").exists()
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "0", "0"]


@pytest.mark.slow
def test_a_failed_trial_ends_its_callbacks_too(tmp_path: Path) -> None:
    def fit(hp: Any, model: Any, *args: Any, callbacks: Any, **kwargs: Any) -> Any:
        failing = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
        return model.fit(*args, callbacks=[*callbacks, failing], **kwargs)

    Counting.calls.clear()
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    tuner = pruned_by(optuna.pruners.NopPruner(), tmp_path, Fitting(fit), max_trials=2)
    assert run(tuner, 3, Counting(), backup) == [TrialState.FAIL] * 2
    assert Counting.calls == ["begin", "end"] * 2
    assert not (tmp_path / "backup").exists()
    reason = tuner.study.trials[0].user_attrs["reason"]
    assert reason == "ZeroDivisionError: division by zero"


def named(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    return model.fit(*args, **{**kwargs, "epochs": hp.Int("epochs", 1, 1)})


def stopped(first: bool) -> Callable[..., Any]:
    def fit(hp: Any, model: Any, *args: Any, callbacks: Any, **kwargs: Any) -> Any:
        early = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=99)
        callbacks = [early, *callbacks] if first else [*callbacks, early]
        return model.fit(*args, callbacks=callbacks, **kwargs)

    return fit


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "epochs", "pruner"),
    [
        (build, 1, AT_ONCE),
        (Fitting(named), 9, AT_ONCE),
        (Fitting(stopped(first=True)), 9, AT_THE_SECOND),
        (Fitting(stopped(first=False)), 9, AT_THE_SECOND),
    ],
    ids=["one epoch", "epochs as a hyperparameter", "stopped before", "stopped after"],
)
def test_what_has_ended_is_not_pruned(
    tmp_path: Path, model: Any, epochs: int, pruner: optuna.pruners.BasePruner
) -> None:
    tuner = pruned_by(pruner, tmp_path, model, max_trials=2)
    assert run(tuner, epochs) == [TrialState.COMPLETE] * 2
    assert len(tuner.oracle.get_best_trials(9)) == 2


def by_hand(obeys: bool) -> Callable[..., Any]:
    """Train as KerasTuner's guide to custom loops does."""

    def fit(hp: Any, model: Any, x: Any, y: Any, *, callbacks: Any, epochs: int, **_: Any) -> Any:
        for callback in callbacks:
            callback.set_model(model)
        for epoch in range(epochs):
            loss = float(model.train_on_batch(x, y)[0])
            for callback in callbacks:
                callback.on_epoch_end(epoch, {"val_loss": loss})
            if obeys and model.stop_training:
                break
        return loss

    return fit


@pytest.mark.parametrize(
    ("obeys", "epochs", "state"),
    [
        (True, 4, TrialState.PRUNED),
        (False, 4, TrialState.PRUNED),
        (True, 1, TrialState.COMPLETE),
        (False, 1, TrialState.COMPLETE),
    ],
)
def test_a_loop_of_ones_own_is_pruned_whether_it_obeys_or_not(
    tmp_path: Path, obeys: bool, epochs: int, state: TrialState
) -> None:
    tuner = pruned_by(AT_ONCE, tmp_path, Fitting(by_hand(obeys)), max_trials=2)
    assert run(tuner, epochs) == [state] * 2


def test_a_run_trial_of_ones_own_is_pruned(tmp_path: Path) -> None:
    class Own(OptunaTuner):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            model = self.hypermodel.build(trial.hyperparameters)
            kwargs["callbacks"] = [TunerCallback(self, trial)]
            return model.fit(*args, **kwargs)

    study = optuna.create_study(pruner=AT_ONCE)
    tuner = Own(build, "val_loss", 2, study=study, directory=tmp_path)
    assert run(tuner) == [TrialState.PRUNED] * 2


@pytest.mark.slow
def test_a_pruned_trial_is_neither_complete_nor_shown_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuner = pruned_by(BELOW_HALF, tmp_path, max_trials=8)
    tuner.search(X, Y, validation_data=(X, Y), epochs=3, batch_size=16, verbose=1)
    states = [trial.state for trial in counted_trials(tuner.study)]
    complete, pruned = states.count(TrialState.COMPLETE), states.count(TrialState.PRUNED)
    assert min(complete, pruned) > 0
    statuses = [trial.status for trial in tuner.oracle.trials.values()]
    assert (statuses.count("COMPLETED"), statuses.count("STOPPED")) == (complete, pruned)
    shown = capsys.readouterr().out
    assert len(re.findall(r"Trial \d+ Complete \[", shown)) == complete
    assert len(re.findall(r"^Trial \d+ Pruned \[.*\]\nval_loss: \d\.\d+\n", shown, re.M)) == pruned
    assert "inf" not in shown
    tuner.results_summary(8)
    shown = capsys.readouterr().out
    assert f"Showing {complete} best trials" in shown
    assert shown.count("summary\nHyperparameters") == complete


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"timeout": 0.0}, "its time of 0 s is over"),
        ({"max_trials": 9}, "no point of the space is left to be tried"),
    ],
)
def test_a_search_that_ends_early_says_why_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], why: str
) -> None:
    class Scoring(OptunaTuner):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            return float(trial.hyperparameters.Int("n", 1, 2))

    tuner = Scoring(None, "val_loss", directory=tmp_path, **options)
    tuner.search()
    tuner.search()
    assert capsys.readouterr().out.count(f"The search ends: {why}\n") == 1


@pytest.mark.slow
def test_tensorboard_takes_one_name_in_two_scopes(tmp_path: Path) -> None:
    def scoped(hp: keras_tuner.HyperParameters) -> Any:
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["a"]):
            if kind == "a":
                hp.Choice("size", [1, 2])
        with hp.conditional_scope("kind", ["b"]):
            if kind == "b":
                hp.Int("size", 50, 90)
        return build(hp)

    tuner = pruned_by(optuna.pruners.NopPruner(), tmp_path, scoped, max_trials=4)
    board = keras.callbacks.TensorBoard(tmp_path / "board")
    assert run(tuner, 1, board) == [TrialState.COMPLETE] * 4
    assert {trial.params["kind"] for trial in tuner.study.trials} == {"a", "b"}


PROGRAM = """
import os, sys, time
from tests.search.bridge.test_tuner import OptunaTuner, build, search

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
        lines = iter(process.stdout.readline, "")
        assert any("begun" in line for line in lines), "it ended before its first trial"

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
    trials = counted_trials(study)
    assert len(trials) == 8
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({str(trial.params) for trial in trials}) == 8
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2


# ---- Optuna's conventions ----------------------------------------------------------------------


def test_a_sampler_and_a_pruner_are_those_of_the_new_study(tmp_path: Path) -> None:
    sampler, pruner = optuna.samplers.RandomSampler(seed=3), optuna.pruners.NopPruner()
    url = f"sqlite:///{tmp_path}/studies.db"
    tuner = OptunaTuner(
        build, "val_loss", 2, study=url, sampler=sampler, pruner=pruner, directory=tmp_path
    )
    assert tuner.study.sampler is sampler
    assert tuner.study.pruner is pruner
    assert [trial.state for trial in search(tuner)] == [TrialState.COMPLETE] * 2
    close_storage(tuner.study._storage)


@pytest.mark.parametrize(
    ("name", "given"),
    [("sampler", optuna.samplers.RandomSampler()), ("pruner", optuna.pruners.NopPruner())],
)
def test_a_study_that_has_a_sampler_takes_no_second_one(
    tmp_path: Path, name: str, given: Any
) -> None:
    study = optuna.create_study(study_name="mine")
    with pytest.raises(ValueError, match=f"^{name} is given beside study 'mine'"):
        OptunaTuner(build, "val_loss", study=study, directory=tmp_path, **{name: given})
    assert not list(tmp_path.iterdir())


def test_optunas_callbacks_stand_beside_those_of_keras(tmp_path: Path) -> None:
    Counting.calls.clear()
    met: list[tuple[int, TrialState, str]] = []
    tuner = pruned_by(AT_ONCE, tmp_path)

    class NotCopied:
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("holds a connection")

        def __call__(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            met.append((trial.number, trial.state, study.study_name))

    assert run(tuner, 3, Counting(), NotCopied()) == [TrialState.PRUNED] * 3
    assert met == [(number, TrialState.PRUNED, tuner.study.study_name) for number in range(3)]
    assert Counting.calls == ["begin", "end"] * 3


def test_a_callback_may_stop_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def second(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.number == 1:
            study.stop()

    tuner = pruned_by(optuna.pruners.NopPruner(), tmp_path, max_trials=4)
    tuner.search(X, Y, validation_data=(X, Y), verbose=1, callbacks=[second])
    assert len(tuner.study.trials) == 2
    assert "The search ends: a callback stopped it" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="inside an objective function or a callback"):
        tuner.study.stop()
    assert len(run(tuner, 1)) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
# Optuna 5 still has it, and says that Optuna 6 will not.
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module:FutureWarning")
def test_optunas_terminator_ends_the_search(tmp_path: Path) -> None:
    from optuna.terminator import (
        BestValueStagnationEvaluator,
        StaticErrorEvaluator,
        Terminator,
        TerminatorCallback,
    )

    terminator = Terminator(
        BestValueStagnationEvaluator(max_stagnation_trials=2),
        StaticErrorEvaluator(0),
        min_n_trials=3,
    )
    tuner = pruned_by(optuna.pruners.NopPruner(), tmp_path, max_trials=30)
    assert 3 <= len(run(tuner, 1, TerminatorCallback(terminator))) < 30


def test_a_trial_that_is_to_be_retried_is_told_once(tmp_path: Path) -> None:
    def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        raise OSError("no space")

    met: list[TrialState] = []
    tuner = pruned_by(
        optuna.pruners.NopPruner(), tmp_path, Fitting(fit), max_trials=1, max_retries_per_trial=2
    )
    run(tuner, 1, lambda study, trial: met.append(trial.state))
    assert met == [TrialState.FAIL]


def test_what_is_no_callback_is_refused_at_once(tmp_path: Path) -> None:
    tuner = pruned_by(optuna.pruners.NopPruner(), tmp_path)
    with pytest.raises(TypeError, match=r"^callbacks: 3 is neither"):
        run(tuner, 1, 3)
    assert tuner.study.trials == []
