"""A stock KerasTuner script with one changed line prints and returns what it expects."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
import tensorflow as tf
from optuna.trial import TrialState

from results.study import counted_trials
from search import OptunaTuner

pytestmark = [
    # Keras, loading weights without their optimizer's: as `get_best_models` does.
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
]

X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
TRIALS = 3


def plain(hp: keras_tuner.HyperParameters) -> Any:
    """Build a model of one input and one output."""
    units = hp.Int("units", 2, 16, step=2, sampling="log")
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1, activation="sigmoid")]
    )
    rate = hp.Choice("rate", [0.01, 0.1, 0.5])
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def branched(hp: keras_tuner.HyperParameters) -> Any:
    """Build a model of two inputs and two outputs."""
    one, two = keras.Input((2,), name="one"), keras.Input((2,), name="two")
    shared = keras.layers.Dense(hp.Int("units", 2, 8))(keras.layers.Concatenate()([one, two]))
    ends = {
        name: keras.layers.Dense(1, activation="sigmoid", name=name)(shared)
        for name in ("left", "right")
    }
    model = keras.Model({"one": one, "two": two}, ends)
    losses = dict.fromkeys(ends, "binary_crossentropy")
    model.compile("sgd", losses, metrics={name: ["accuracy"] for name in ends})
    return model


def known() -> keras_tuner.HyperParameters:
    """Narrow one range, and leave the other one to the script."""
    hp = keras_tuner.HyperParameters()
    hp.Fixed("units", 4)
    return hp


@dataclass(frozen=True)
class Script:
    """What differs between scripts."""

    build: Callable[[Any], Any] = plain
    objective: Any = "val_accuracy"
    hyperparameters: Callable[[], keras_tuner.HyperParameters | None] = lambda: None
    options: dict[str, Any] = field(default_factory=dict)
    data: tuple[Any, ...] = (X, Y)
    fit: dict[str, Any] = field(default_factory=lambda: {"validation_data": (X, Y)})

    def run(self, kind: Any, folder: Path, **more: Any) -> Any:
        """Run the script with a class of tuner: the line that is changed."""
        tuner = kind(
            self.build, self.objective, TRIALS, 1, self.hyperparameters(), True, True, 0, 3,
            directory=str(folder), project_name="script", **self.options, **more,
        )  # fmt: skip
        tuner.search(*self.data, epochs=2, verbose=0, **self.fit)
        return tuner


PAIR = {"one": X, "two": -X}, {"left": Y, "right": 1 - Y}
BATCHES = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
SCRIPTS = {
    "plain": Script(),
    "objectives": Script(objective=["val_loss", keras_tuner.Objective("val_accuracy", "max")]),
    "no objective": Script(objective="loss", fit={}),
    "executions": Script(options={"executions_per_trial": 2}),
    "hyperparameters": Script(hyperparameters=known),
    "compiled": Script(options={"optimizer": "adam", "loss": "mse", "metrics": ["accuracy"]}),
    # Keras warns of a dataset that is to be shuffled.
    "tf.data": Script(data=(BATCHES,), fit={"validation_data": BATCHES, "shuffle": False}),
    "inputs and outputs": Script(
        branched,
        keras_tuner.Objective("val_left_accuracy", "max"),
        data=PAIR,
        fit={"validation_data": PAIR},
    ),
    "validation_split": Script(
        fit={"validation_split": 0.25, "callbacks": [keras.callbacks.EarlyStopping(patience=1)]}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stock_script_runs_with_one_changed_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = SCRIPTS[name]
    stock = script.run(keras_tuner.RandomSearch, tmp_path / "stock")
    # What is pruned would be in no summary; stock prunes nothing.
    own = script.run(OptunaTuner, tmp_path / "own", pruner=optuna.pruners.NopPruner())
    capsys.readouterr()
    shown = []
    for tuner in (stock, own):
        tuner.search_space_summary()
        space = capsys.readouterr().out
        tuner.results_summary(2)
        # Where the folder is, and what was drawn, differ.
        results = re.sub(r"(?<=: )\S+|(?<=in ).*", "", capsys.readouterr().out)
        models = tuner.get_best_models(2)
        best = tuner.get_best_hyperparameters(2)
        assert [type(model) for model in models] == [type(script.build(best[0]))] * len(models)
        scores = [trial.score for trial in tuner.oracle.get_best_trials(2)]
        shown.append((space, re.sub(r"Trial \d+", "Trial", results).split("\n\n")[0], len(models)))
        assert len(scores) == len(best) == len(models)
        assert sorted(best[0].values) == sorted(hp.name for hp in tuner.oracle.get_space().space)
        assert tuner.remaining_trials == 0
    assert shown[0] == shown[1]


def test_a_pruned_trial_is_in_no_summary_and_gives_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Second(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.number == 1

    script = Script(options={"pruner": Second()})
    tuner = script.run(OptunaTuner, tmp_path)
    states = [trial.state for trial in counted_trials(tuner.study)]
    assert states == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE]
    capsys.readouterr()
    tuner.results_summary()
    shown = re.findall(r"^Trial (\d+) summary$", capsys.readouterr().out, re.M)
    assert sorted(shown) == ["0000", "0002"]
    assert len(tuner.get_best_models(3)) == len(tuner.get_best_hyperparameters(3)) == 2
