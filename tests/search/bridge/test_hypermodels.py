"""What a user's hypermodel can do wrong: each fails its own trial, in one telling line."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
import pytest
from keras_tuner.errors import FailedTrialError, FatalError
from optuna.trial import TrialState

from data.dataset.dataset import Dataset
from results.study import Result, Store
from search.queue.monitor import REFUSALS_A_FAILURE
from tests.search.small import Small, small_model
from tests.search.tuning import Building, begin_with, open_store, run_one, search, words

pytestmark = pytest.mark.slow


class Mute(Exception):
    """Its message cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no")


class OwnBase(BaseException):
    """No `Exception`, but none of Python's own either."""


class Misbehaving(keras_tuner.HyperModel):
    """Does what the trial's `how` names: in `build`, or in `fit` where its name says so.

    Attributes:
        ways: What to do by name; given the model, which is None in `build`.
    """

    def __init__(self, num_words: int, ways: dict[str, Callable[[Any], Any]]) -> None:
        super().__init__()
        self.num_words, self.ways = num_words, ways

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        hp.Choice("how", list(self.ways))

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        self.declare(hp)
        how = hp.get("how")
        return small_model(self.num_words) if "fit" in how else self.ways[how](None)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        if "fit" in hp.get("how"):
            self.ways[hp.get("how")](model)
        return model.fit(*args, **kwargs)


def throw(error: BaseException) -> Callable[[Any], Any]:
    def way(model: Any) -> Any:
        raise error

    return way


def run(
    dataset: Dataset, folder: Path, ways: dict[str, Callable[[Any], Any]], **options: Any
) -> tuple[Store, dict[str, Result]]:
    """Run one trial of each way, and a good one behind them."""
    ways = {**ways, "good fit": lambda model: None}
    store = open_store(folder)
    begin_with(store, *({"how": name} for name in ways))
    options = {"failures": 99, **options}
    search(store, dataset, Misbehaving(words(dataset), ways), len(ways), **options)
    results = {result.hyperparameters["how"]: result for result in store.trials()}
    assert results.pop("good fit").status == "complete"
    return store, results


def network(num_words: int, *layers: Any, loss: str = "binary_crossentropy") -> Any:
    model = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(num_words, 2), *layers])
    model.compile("sgd", loss)
    return model


def test_whatever_is_raised_fails_its_trial_alone(dataset: Dataset, tmp_path: Path) -> None:
    errors: dict[str, BaseException] = {
        "ValueError: no": ValueError("no"),
        "ValueError: without a message, in test_hypermodels.py, line ": ValueError(),
        "ValueError: two lines": ValueError("\ntwo\n  lines\n"),
        "SystemExit: 0": SystemExit(0),
        "KeyboardInterrupt: mine": KeyboardInterrupt("mine"),
        "GeneratorExit: mine": GeneratorExit("mine"),
        "StopIteration: mine": StopIteration("mine"),
        "Mute: its message cannot be read": Mute(),
        "ValueError: xxx": ValueError("x" * 10**6),
        "it is not worth it": FailedTrialError("it is not worth it"),
        "out of memory: MemoryError: 12 TB": MemoryError("12 TB"),
    }
    in_build = {f"{name}|build": throw(error) for name, error in errors.items()}
    in_fit = {f"{name}|fit": throw(error) for name, error in list(errors.items())[3:6]}
    _, results = run(dataset, tmp_path, in_build | in_fit)
    assert len(results) == len(in_build | in_fit)
    for how, result in results.items():
        assert result.status == "failed"
        assert result.reason.startswith(how.partition("|")[0])
        assert len(result.reason) <= 300
        assert result.reason.isprintable()


def test_what_is_no_usable_model_is_said_to_be_none(dataset: Dataset, tmp_path: Path) -> None:
    num_words = words(dataset)
    pool, dense = keras.layers.GlobalMaxPooling1D, keras.layers.Dense

    def fixed_input(model: Any) -> Any:
        made = keras.Sequential([keras.Input((7,)), dense(1, activation="sigmoid")])
        made.compile("sgd", "binary_crossentropy")
        return made

    def two_inputs(model: Any) -> Any:
        inputs = [keras.Input((None,)), keras.Input((None,))]
        pooled = pool()(keras.layers.Embedding(num_words, 2)(inputs[0] + inputs[1]))
        made = keras.Model(inputs, dense(1, activation="sigmoid")(pooled))
        made.compile("sgd", "binary_crossentropy")
        return made

    def uncompiled(model: Any) -> Any:
        return keras.Sequential([keras.Input((None,)), keras.layers.Embedding(num_words, 2)])

    # In words of a message that KerasTuner would be content with.
    ways = {
        "build returned a NoneType, not a Keras model": lambda model: None,
        "build returned a type, not a Keras model": lambda model: keras.Model,
        r"the model's output has the shape \(None, 2\), but must be": lambda model: network(
            num_words,
            pool(),
            dense(2, activation="softmax"),
            loss="sparse_categorical_crossentropy",
        ),
        r"the model's output has the shape \(None, None, 2\)": uncompiled,
        r"InvalidArgumentError: Matrix size-incompatible: .*\[7,1\]": fixed_input,
        "ValueError: .*expects 2 .*input": two_inputs,
        "ValueError: the model's outputs reach from .* but must be probabilities": lambda model: (
            network(num_words, pool(), dense(1, bias_initializer="ones"), loss="mse")
        ),
    }
    _, results = run(dataset, tmp_path, ways)
    assert list(results) == list(ways)
    for how, result in results.items():
        assert result.status == "failed"
        assert re.match(how, result.reason), result.reason


def test_a_fatal_error_ends_the_search_and_its_trial(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="enough"):
        run(dataset, tmp_path, {"fatal": throw(FatalError("enough"))})
    store = open_store(tmp_path)
    (result,) = store.trials()
    assert (result.status, result.reason) == ("failed", "FatalError: enough")


def test_models_too_large_fail_before_they_train_and_the_sampler_learns_of_them(
    dataset: Dataset, tmp_path: Path
) -> None:
    num_words = words(dataset)
    most = small_model(num_words).count_params()
    huge = f"build of {10**12:,}"

    class Late(keras.Model):
        """Makes its weights when it meets its first batch."""

        def __init__(self) -> None:
            super().__init__()
            layers = keras.layers
            self.parts = [layers.Embedding(num_words, 200), layers.GlobalMaxPooling1D()]
            self.last = layers.Dense(1, activation="sigmoid")

        def call(self, inputs: Any) -> Any:
            for part in self.parts:
                inputs = part(inputs)
            return self.last(inputs)

    def late(model: Any) -> Any:
        made = Late()
        made.compile("sgd", "binary_crossentropy")
        return made

    ways = {
        "one more": lambda model: small_model(num_words, width=17),
        "late": late,
        huge: lambda model: keras.layers.Embedding(10**9, 1000).build() or None,
    }
    store, results = run(dataset, tmp_path, ways, max_parameters=most)
    count = small_model(num_words, width=17).count_params()
    bound = f"more than --max-parameters {most:,}"
    assert results["one more"].reason == f"{count:,} parameters, {bound}"
    assert results["one more"].parameters == count
    assert f"{num_words * 200:,} parameters" in results["late"].reason
    assert results[huge].reason.startswith("at least 1,000,000,000,000 parameters (in 'embedding")
    assert results[huge].reason.endswith(bound)
    for result in results.values():
        assert (result.status, result.epochs, result.train_seconds) == ("failed", 0.0, 0.0)
        assert store.study.trials[result.number or 0].state == TrialState.PRUNED
    assert store.champion is None
    chosen = store.choose_champion()
    assert chosen is not None
    assert chosen.hyperparameters == {"how": "good fit"}


@pytest.mark.parametrize("where", ["build", "fit", "callback"])
def test_a_hypermodel_may_prune_its_trial(dataset: Dataset, tmp_path: Path, where: str) -> None:
    class FarBehind(optuna.TrialPruned):
        """A user's own."""

    def leave(*_: Any) -> None:
        raise FarBehind("it is\nfar behind")

    class Pruned(Small):
        def build(self, hp: Any) -> Any:
            return leave() if where == "build" and hp.get("width") else super().build(hp)

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            if where == "fit":
                leave()
            last = keras.callbacks.LambdaCallback(on_epoch_end=leave)
            return model.fit(*args, **{**kwargs, "callbacks": [*kwargs["callbacks"], last]})

    store = open_store(tmp_path)
    search(store, dataset, Pruned(words(dataset)), 2, failures=1)
    for result, trial in zip(store.trials(), store.study.trials, strict=True):
        assert (result.status, result.reason) == ("pruned", "FarBehind: it is far behind")
        assert trial.state == TrialState.PRUNED
        assert len(result.curve) == (2 if where == "callback" else 0)


def test_a_space_of_models_too_large_ends_after_ten_times_as_many(
    dataset: Dataset, tmp_path: Path
) -> None:
    class Wide(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            hp.Int("width", 1, 10**6)
            return small_model(words(dataset))

    store = open_store(tmp_path)
    with pytest.raises(RuntimeError, match="10 trials in a row failed"):
        search(store, dataset, Wide(), 99, failures=1, max_parameters=10)
    assert [result.status for result in store.trials()] == ["failed"] * REFUSALS_A_FAILURE


def test_a_trial_that_trains_for_too_long_is_pruned_with_its_curve(
    dataset: Dataset, tmp_path: Path
) -> None:
    class Slow(Small):
        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            wait = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: time.sleep(1.5 if batch == 8 else 0)
            )
            kwargs["callbacks"] = [*kwargs["callbacks"], wait]
            return model.fit(*args, **kwargs)

    # The one report within the epoch comes after the seventh batch of thirteen.
    _, result, trial = run_one(tmp_path, dataset, Slow(words(dataset)), timeout=1.5)
    assert (result.status, result.reason) == (
        "pruned",
        "it trained for longer than --trial-timeout 1.5s",
    )
    (point,) = result.curve
    assert point.epoch < result.epochs < 1.0
    assert trial.state == TrialState.PRUNED
    assert list(trial.intermediate_values) == [1]


def test_what_tells_nothing_apart_is_complete_and_said_to(dataset: Dataset, tmp_path: Path) -> None:
    def frozen(bias: float) -> Callable[[Any], None]:
        def way(model: Any) -> None:
            model.layers[-1].kernel.assign(np.zeros(model.layers[-1].kernel.shape))
            model.layers[-1].bias.assign([bias])
            model.optimizer.learning_rate.assign(0.0)

        return way

    def saturated(model: Any) -> None:
        model.layers[-1].bias.assign([9.0])
        model.optimizer.learning_rate.assign(0.0)

    ways = {"dead fit": frozen(0.0), "one class fit": saturated}
    _, results = run(dataset, tmp_path, ways)
    assert (results["dead fit"].status, results["dead fit"].reason) == (
        "complete",
        "the same score, 0.5000, for every validation row",
    )
    assert (results["one class fit"].status, results["one class fit"].reason) == (
        "complete",
        "predicts only class 1 on the validation rows",
    )


def test_weights_that_are_not_finite_are_diverged_whatever_the_loss_says(
    dataset: Dataset, tmp_path: Path
) -> None:
    class Exploded(Small):
        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            model.fit(*args, **kwargs)
            # A sigmoid makes a plain 1 of it.
            model.layers[-1].bias.assign([np.inf])

    store, result, _ = run_one(tmp_path, dataset, Exploded(words(dataset)), failures=1)
    assert (result.status, result.reason) == (
        "diverged",
        "its weights are not finite after 1 epochs",
    )
    assert store.choose_champion() is None


def test_a_model_that_is_built_by_its_first_batch_is_trained(
    dataset: Dataset, tmp_path: Path
) -> None:
    def lazy(hp: Any) -> Any:
        layers = keras.layers
        parts = [layers.Embedding(words(dataset), 2), layers.GlobalMaxPooling1D()]
        model = keras.Sequential([*parts, layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy")
        return model

    _, result, _ = run_one(tmp_path, dataset, Building(lazy), max_parameters=10**6)
    assert result.status == "complete", result.reason
    assert result.parameters == words(dataset) * 2 + 3


@pytest.mark.filterwarnings("ignore:hyperparameter 'kernels'")
def test_a_range_that_depends_on_another_value_holds_and_fails_no_trial(
    dataset: Dataset, tmp_path: Path
) -> None:
    def build(hp: Any) -> Any:
        width = hp.Int("width", 1, 9, default=9)
        kernels = hp.Int("kernels", 1, width)
        assert 1 <= kernels <= width
        return small_model(words(dataset), width=kernels)

    store = open_store(tmp_path)
    search(store, dataset, Building(build), 6, failures=1)
    results = store.trials()
    assert [result.status for result in results] == ["complete"] * 6
    trials = store.study.trials
    assert all(it.hyperparameters == trials[it.number or 0].params for it in results)
    assert len(trials) > 6  # At least one was drawn again.
