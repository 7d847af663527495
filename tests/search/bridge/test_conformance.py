"""What KerasTuner expects of any oracle: state on disk, reloading, retries, and stock tuners."""

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FatalTypeError
from optuna.trial import TrialState

from results.study import RETRY_OF, WORKER, counted_trials
from search.bridge.oracle import OptunaOracle
from search.queue import claims
from search.queue.stale_trials import StaleTrials
from tests.search.asking import conditional, done, place, running, scorer, states, together
from tests.search.journals import journal, journalled

pytestmark = [
    # KerasTuner takes the best of a history that is nan throughout.
    pytest.mark.filterwarnings("ignore:All-NaN axis encountered:RuntimeWarning"),
    # Keras, loading weights without their optimizer's: as `get_best_models` does.
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning"),
]

HP = keras_tuner.HyperParameters


def oracle_on(study: optuna.Study, folder: Path, **options: Any) -> OptunaOracle:
    """Make an oracle of one range, as a tuner that has built its model once leaves it."""
    space = HP()
    space.Float("x", 0, 1)
    options = {"max_trials": 20, "hyperparameters": space, **options}
    oracle = OptunaOracle(study, "val_loss", **options)
    place(oracle, folder, "project")
    return oracle


def end(oracle: OptunaOracle, trial: Trial, score: float | None, status: str = "COMPLETED") -> None:
    if score is not None:
        oracle.update_trial(trial.trial_id, {"val_loss": score})
    trial.status = status
    trial.message = None if status == "COMPLETED" else f"it was {status}"
    oracle.end_trial(trial)


# ---- trials and tuners -------------------------------------------------------------------------


def test_a_tuner_gets_its_running_trial_again(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    trial = oracle.create_trial("a")
    assert oracle.create_trial("a") is trial
    assert oracle.create_trial("b").trial_id == "0001"
    assert len(oracle.ongoing_trials) == len(running(study)) == 2
    end(oracle, trial, 1.0)
    assert oracle.create_trial("a").trial_id == "0002"


def test_an_invalid_trial_is_retried_as_often_as_allowed(
    study: optuna.Study, tmp_path: Path
) -> None:
    oracle = oracle_on(study, tmp_path, max_retries_per_trial=2)
    trial = oracle.create_trial("a")
    for _ in range(2):
        end(oracle, trial, None, "INVALID")
        assert study.trials[0].state == TrialState.RUNNING
        again = oracle.create_trial("b")
        assert (again.trial_id, again.status) == ("0000", "RUNNING")
        assert oracle.optuna_trial("0000").number == 0
    end(oracle, trial, None, "INVALID")
    assert study.trials[0].state == TrialState.FAIL
    assert oracle.get_trial("0000").status == "FAILED"
    assert oracle.create_trial("b").trial_id == "0001"


def test_a_score_that_is_not_a_number_is_retried(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path, max_retries_per_trial=1)
    trial = oracle.create_trial("a")
    end(oracle, trial, float("nan"))
    assert oracle.get_trial("0000").status == "INVALID"
    assert oracle.create_trial("a").trial_id == "0000"


def test_the_best_trial_is_a_number_and_complete(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    for score in (0.5, float("nan"), 0.2, float("inf"), 0.2, 0.9):
        end(oracle, oracle.create_trial("a"), score)
    oracle.create_trial("a")
    best = oracle.get_best_trials(10)
    assert [trial.score for trial in best] == [0.2, 0.2, 0.5, 0.9, float("inf")]
    assert best[0].trial_id == "0002"


def test_a_trial_that_has_ended_and_has_no_score_yet_is_not_ranked(
    study: optuna.Study, tmp_path: Path
) -> None:
    """A tuner in another thread has called its trial complete, and not yet told the oracle."""
    oracle = oracle_on(study, tmp_path)
    oracle.verbose = 1
    ending = oracle.create_trial("a")
    oracle.update_trial(ending.trial_id, {"val_loss": 0.5})
    ending.status = "COMPLETED"
    assert oracle.get_best_trials() == []
    assert oracle.create_trial("b").status == "RUNNING"
    oracle.end_trial(ending)
    assert oracle.get_best_trials() == [ending]


def test_failures_within_the_limit(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path, max_retries_per_trial=2)
    for _ in range(2 * 3):
        end(oracle, oracle.create_trial("a"), None, "INVALID")
    end(oracle, oracle.create_trial("a"), 1.0)
    for _ in range(2):
        end(oracle, oracle.create_trial("a"), None, "FAILED")
    end(oracle, oracle.create_trial("a"), 1.0)
    assert states(study)[:6] == ["FAIL", "FAIL", "COMPLETE", "FAIL", "FAIL", "COMPLETE"]


def test_failures_beyond_the_limit(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    with pytest.raises(RuntimeError, match="consecutive failures exceeded the limit of 3") as error:
        for _ in range(9):
            end(oracle, oracle.create_trial("a"), None, "FAILED")
    assert "it was FAILED" in str(error.value)
    assert states(study) == ["FAIL"] * 3
    assert not oracle.ongoing_trials


def test_the_old_way_to_end_a_trial(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    trial = oracle.create_trial("a")
    oracle.update_trial(trial.trial_id, {"val_loss": 0.25})
    oracle.end_trial(trial.trial_id, "COMPLETED")
    assert study.trials[0].value == 0.25


def test_new_entries_are_added_once(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    space = oracle.get_space()
    space.Float("x", 0, 9)
    space.Int("n", 1, 9)
    oracle.update_space(space)
    oracle.update_space(space)
    assert [(entry.name, entry.max_value) for entry in oracle.get_space().space] == [
        ("x", 1),
        ("n", 9),
    ]
    oracle.get_space().Int("elsewhere", 1, 2)
    assert len(oracle.get_space().space) == 2
    assert set(oracle.create_trial("a").hyperparameters.values) == {"x", "n"}


def test_calls_from_many_threads(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path, max_trials=24)

    def serve(number: int) -> None:
        while (trial := oracle.create_trial(f"tuner{number}")).status == "RUNNING":
            end(oracle, trial, trial.hyperparameters.get("x"))

    together(serve, 4)
    assert states(study) == ["COMPLETE"] * 24
    assert [trial.value for trial in done(study)] == [trial.params["x"] for trial in done(study)]


# ---- state on disk -----------------------------------------------------------------------------


def test_the_state_is_saved_and_reloaded(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    for score in (0.3, 0.1, 0.2):
        end(oracle, oracle.create_trial("a"), score)
    end(oracle, oracle.create_trial("a"), None, "FAILED")
    reloaded = oracle_on(study, tmp_path)
    reloaded.reload()
    assert reloaded.get_space().get_config() == oracle.get_space().get_config()
    assert list(reloaded.trials) == list(oracle.trials)
    for name, trial in oracle.trials.items():
        assert reloaded.trials[name].get_state() == trial.get_state()
    assert [trial.trial_id for trial in reloaded.get_best_trials(9)] == ["0001", "0002", "0000"]
    assert reloaded.create_trial("a").trial_id == "0004"
    saved = json.loads((tmp_path / "project" / "oracle.json").read_text())
    assert saved["study"] == study.study_name


def test_running_trials_are_taken_up_after_reloading(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path)
    begun = [oracle.create_trial(name) for name in "ab"]
    values = {trial.trial_id: trial.hyperparameters.values for trial in begun}
    reloaded = oracle_on(study, tmp_path)
    reloaded.reload()
    for name in "ba":
        trial = reloaded.create_trial(name)
        assert trial.hyperparameters.values == values[trial.trial_id]
        # What the trial meets from now on is asked of the study, too.
        late = trial.hyperparameters.Int("late", 1, 10**6)
        assert study.trials[int(trial.trial_id)].params["late"] == late
        reloaded.optuna_trial(trial.trial_id).report(1.0, 1)
        end(reloaded, trial, 0.5)
    assert states(study) == ["COMPLETE"] * 2
    assert reloaded.create_trial("a").trial_id == "0002"


def test_a_trial_waiting_to_be_retried_is_taken_up_after_reloading(
    study: optuna.Study, tmp_path: Path
) -> None:
    oracle = oracle_on(study, tmp_path, max_retries_per_trial=1)
    end(oracle, oracle.create_trial("a"), None, "INVALID")
    reloaded = oracle_on(study, tmp_path, max_retries_per_trial=1)
    reloaded.reload()
    trial = reloaded.create_trial("a")
    assert trial.trial_id == "0000"
    end(reloaded, trial, None, "INVALID")
    assert study.trials[0].state == TrialState.FAIL


def test_a_trial_that_the_study_has_finished_is_not_run_again(
    study: optuna.Study, tmp_path: Path
) -> None:
    """KerasTuner saves its last trial as running, so that a reload would run it again."""
    oracle = oracle_on(study, tmp_path, max_trials=2)
    for score in (0.3, 0.1):
        end(oracle, oracle.create_trial("a"), score)
    reloaded = oracle_on(study, tmp_path, max_trials=2)
    reloaded.reload()
    assert reloaded.create_trial("a").status == "STOPPED"


def test_a_trial_that_a_live_process_runs_is_left_alone(
    study: optuna.Study, tmp_path: Path
) -> None:
    """A second process that is started with the same project folder must not take it up."""
    oracle = oracle_on(study, tmp_path)
    trial = oracle.create_trial("tuner0")
    host = study.trials[0].user_attrs[WORKER].rpartition("-")[0]
    oracle.optuna_trial(trial.trial_id).set_user_attr(WORKER, f"{host}-{os.getppid()}")
    reloaded = oracle_on(study, tmp_path)
    reloaded.reload()
    assert reloaded.create_trial("tuner0").trial_id == "0001"


def test_a_trial_that_was_put_back_is_run_once(study: optuna.Study, tmp_path: Path) -> None:
    oracle = oracle_on(study, tmp_path, max_trials=2)
    values = oracle.create_trial("a").hyperparameters.values
    claims.retry_trial(study, study.trials[0], "its worker died", same_values=True)
    reloaded = oracle_on(study, tmp_path, max_trials=2)
    reloaded.reload()
    seen = []
    while (trial := reloaded.create_trial("a")).status == "RUNNING":
        seen.append(trial.hyperparameters.values)
        end(reloaded, trial, 1.0)
    assert len(seen) == 2
    assert seen.count(values) == 1


def test_files_of_another_study_bring_neither_space_nor_trial(
    study: optuna.Study, tmp_path: Path
) -> None:
    """A script run twice with a study in memory finds the first run's files."""
    oracle = oracle_on(study, tmp_path)
    end(oracle, oracle.create_trial("a"), 0.1)
    end(oracle, oracle.create_trial("a"), None, "INVALID")
    oracle.create_trial("a")
    other = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    reloaded = oracle_on(other, tmp_path, hyperparameters=None)
    reloaded.reload()
    assert reloaded.get_space().space == []
    assert reloaded.trials == {}
    assert not reloaded._run_times
    assert reloaded.get_best_trials() == []
    trial = reloaded.create_trial("a")
    trial.hyperparameters.Float("x", 5, 6)
    end(reloaded, trial, 0.7)
    assert reloaded.get_best_trials()[0].score == 0.7
    assert reloaded.create_trial("a").trial_id == "0001"


def test_a_pruned_trial_is_still_no_failure_after_reloading(
    study: optuna.Study, tmp_path: Path
) -> None:
    oracle = oracle_on(study, tmp_path)
    for _ in range(2):
        trial = oracle.create_trial("a")
        oracle.prune(trial.trial_id)
        end(oracle, trial, None, "FAILED")
    reloaded = oracle_on(study, tmp_path)
    reloaded.reload()
    end(reloaded, reloaded.create_trial("a"), None, "FAILED")
    assert states(study)[:3] == ["PRUNED", "PRUNED", "FAIL"]


# ---- a process that dies -----------------------------------------------------------------------


def die_in_the_third_trial(folder: Path) -> None:
    """Search a journal's study, and be gone without a word while the third trial runs."""

    def build(hp: HP) -> float:
        calls.append(hp.Float("x", 0, 1))
        # One call more: it finds the space.
        if len(calls) == 4:
            os._exit(9)
        return calls[-1]

    calls: list[float] = []
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = journalled(folder / "journal.log")
    scorer(OptunaOracle(study, max_trials=5), build, folder).search(verbose=0)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search whose process died: a journal and KerasTuner's files."""
    folder = tmp_path_factory.mktemp("crashed")
    process = multiprocessing.get_context("spawn").Process(
        target=die_in_the_third_trial, args=(folder,)
    )
    process.start()
    process.join(100)
    assert process.exitcode == 9
    return folder


def copied(folder: Path, to: Path) -> optuna.Study:
    (to / "journal.log").write_bytes((folder / "journal.log").read_bytes())
    return journalled(to / "journal.log")


@pytest.mark.slow
def test_a_dead_process_is_followed_by_way_of_kerastuners_files(
    crashed: Path, tmp_path: Path
) -> None:
    study = copied(crashed, tmp_path)
    (lost,) = running(study)
    # Only KerasTuner's files tell this tuner of the trial.
    for path in (crashed / "kt").rglob("*.json"):
        to = tmp_path / path.relative_to(crashed)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
    tuner = scorer(OptunaOracle(study, max_trials=5), lambda hp: hp.Float("x", 0, 1), tmp_path)
    tuner.search(verbose=0)
    assert states(study) == ["COMPLETE"] * 5
    assert study.trials[lost.number].value == lost.params["x"]


@pytest.mark.slow
def test_a_dead_process_is_followed_by_way_of_the_study_alone(
    crashed: Path, tmp_path: Path
) -> None:
    study = copied(crashed, tmp_path)
    (lost,) = running(study)
    assert StaleTrials(study).retry() == 1
    tuner = scorer(OptunaOracle(study, max_trials=5), lambda hp: hp.Float("x", 0, 1), tmp_path)
    tuner.search(verbose=0)
    trials = counted_trials(study)
    assert states(study) == ["COMPLETE"] * 5
    assert len({trial.params["x"] for trial in trials}) == 5
    (again,) = [trial for trial in trials if trial.user_attrs.get(RETRY_OF) == lost.number]
    assert again.params == lost.params
    assert study.trials[lost.number].state == TrialState.FAIL


# ---- stock tuners and Keras models -------------------------------------------------------------

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("float32")


class Dense(keras_tuner.HyperModel):
    """A stock hypermodel: conditional layers, and a choice that only its `fit` knows."""

    def build(self, hp: HP) -> keras.Model:
        layers = [keras.Input((4,))]
        for index in range(hp.Int("layers", 0, 2)):
            layers.append(keras.layers.Dense(hp.Int(f"units_{index}", 2, 8), "relu"))
        kind = hp.Choice("optimizer", ["sgd", "adam"])
        with hp.conditional_scope("optimizer", ["sgd"]):
            rate = hp.Float("rate", 1e-2, 1, sampling="log")
            if kind == "sgd":
                optimizer = keras.optimizers.SGD(rate)
        with hp.conditional_scope("optimizer", ["adam"]):
            rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
            if kind == "adam":
                optimizer = keras.optimizers.Adam(rate)
        model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
        # Eagerly: to trace a graph takes longer than four batches do.
        model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
        return model

    def fit(self, hp: HP, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)


def fitted(oracle: OptunaOracle, folder: Path, model: Any, **options: Any) -> keras_tuner.Tuner:
    tuner = keras_tuner.Tuner(oracle, model, directory=str(folder), **options)
    tuner.search(X, Y, epochs=1, validation_data=(X, Y), verbose=0)
    return tuner


def test_a_stock_tuner_with_a_stock_hypermodel(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    tuner = fitted(OptunaOracle(study, objective="val_accuracy", max_trials=4), tmp_path, Dense())
    trials = done(study)
    assert states(study) == ["COMPLETE"] * 4
    for trial in trials:
        kind = trial.params["optimizer"]
        assert f"rate [optimizer={kind}]" in trial.params
        assert "batch_size" in trial.params
    assert study.best_value == tuner.oracle.get_best_trials()[0].score
    best = tuner.get_best_hyperparameters()[0]
    assert best.get("layers") == study.best_params["layers"]
    (model,) = tuner.get_best_models()
    measured = model.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"]
    assert measured == pytest.approx(study.best_value, abs=1e-6)


def test_a_function_as_hypermodel_and_several_executions(tmp_path: Path) -> None:
    study = optuna.create_study()
    space = HP()
    space.Fixed("layers", 1)
    oracle = OptunaOracle(study, "val_loss", max_trials=1, hyperparameters=space)
    tuner = fitted(oracle, tmp_path, Dense().build, executions_per_trial=2)
    assert states(study) == ["COMPLETE"]
    assert all("layers" not in trial.params for trial in done(study))
    assert tuner.oracle.get_best_trials()[0].hyperparameters.get("layers") == 1


@pytest.mark.slow
def test_several_objectives_of_a_training_make_a_front(tmp_path: Path) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    objective = [
        keras_tuner.Objective("val_loss", "min"),
        keras_tuner.Objective("val_accuracy", "max"),
    ]
    fitted(OptunaOracle(study, objective, max_trials=2), tmp_path, Dense())
    assert all(len(trial.values) == 2 for trial in done(study))
    assert study.best_trials


@pytest.mark.slow
def test_a_stock_tuner_goes_on_with_its_project_and_its_study(tmp_path: Path) -> None:
    for trials in (1, 2):
        study = optuna.create_study(
            study_name="study",
            storage=journal(tmp_path / "journal.log"),
            direction="maximize",
            load_if_exists=True,
        )
        tuner = fitted(OptunaOracle(study, "val_accuracy", max_trials=trials), tmp_path, Dense())
        assert len(tuner.oracle.trials) == trials
    assert states(study) == ["COMPLETE"] * 2
    assert len(tuner.get_best_models(2)) == 2


def test_a_model_too_large_fails_its_trial(tmp_path: Path) -> None:
    study = optuna.create_study()
    oracle = OptunaOracle(study, "val_loss", max_trials=2)
    fitted(oracle, tmp_path, Dense(), max_model_size=3)
    assert states(study) == ["FAIL"] * 2
    assert "Oversized model" in study.trials[0].user_attrs["reason"]


def test_what_is_no_model_ends_the_search(tmp_path: Path) -> None:
    study = optuna.create_study()
    with pytest.raises(FatalTypeError, match="valid Keras Model"):
        fitted(OptunaOracle(study, "val_loss", max_trials=2), tmp_path, conditional)


@pytest.mark.slow
def test_pruning_at_the_end_of_an_epoch(tmp_path: Path) -> None:
    class Pruning(keras_tuner.Tuner):
        def on_epoch_end(self, trial: Any, model: Any, epoch: int, logs: Any = None) -> None:
            asked = self.oracle.optuna_trial(trial.trial_id)
            asked.report(logs["val_accuracy"], epoch)
            if asked.should_prune():
                raise optuna.TrialPruned

    study = optuna.create_study(
        direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=2.0)
    )
    oracle = OptunaOracle(study, "val_accuracy", max_trials=4, max_consecutive_failed_trials=2)
    tuner = Pruning(oracle, Dense(), directory=str(tmp_path))
    tuner.search(X, Y, epochs=3, validation_data=(X, Y), verbose=0)
    assert states(study) == ["PRUNED"] * 4
    assert all(list(trial.intermediate_values) == [0] for trial in done(study))
