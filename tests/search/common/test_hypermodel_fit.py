"""A hypermodel's own fit: the batches and epochs it asks for, and callbacks that always end."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest

from data.dataset.batching import batches
from data.dataset.dataset import Dataset
from data.records import padded_lengths
from search.common.hypermodel_fit import end_callbacks_on_error
from search.training.callbacks import TrialInfo
from search.training.task import TrainingTask
from search.training.trial import train_again
from tests.search.small import Noting, Small
from tests.search.tuning import CONFIG, open_store, run_one, search, words

seen: list[int] = []


class Steps(keras.callbacks.Callback):
    """Notes the batches of each epoch."""

    def __init__(self, info: TrialInfo | None = None) -> None:
        super().__init__()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seen.append(self.params["steps"])


def batch_size(hp: keras_tuner.HyperParameters) -> int:
    return int(hp.Choice("batch_size", [16, 32]))


class ByName(Small):
    """Names the batch size in its fit, where it is first met."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        epochs = hp.Int("epochs", 2, 3)
        return model.fit(*args, batch_size=batch_size(hp), epochs=epochs, **kwargs)


class Unnamed(Small):
    """Meets the batch size and the epochs in its fit, and leaves them to whoever calls it."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        batch_size(hp)
        hp.Int("epochs", 2, 3)
        return model.fit(*args, **kwargs)


class InABranch(Small):
    """Meets the batch size in a branch of its build that the first look does not take."""

    def build(self, hp: keras_tuner.HyperParameters) -> Any:
        model = super().build(hp)
        if hp.Boolean("large", default=False) or hp.get("width") > 0:
            with hp.conditional_scope("large", [True, False]):
                batch_size(hp)
        return model


def steps_of(dataset: Dataset, size: int) -> int:
    padded = padded_lengths(dataset.encoded.lengths, "real")
    return len(batches(dataset.split.fit, padded, size, None))


@pytest.mark.parametrize(
    "kind", [ByName, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (Unnamed, InABranch))]
)
def test_what_is_recorded_is_what_trained_it_and_what_is_repeated(
    dataset: Dataset, tmp_path: Path, kind: Callable[[int], Any]
) -> None:
    assert len({steps_of(dataset, size) for size in (16, 32, CONFIG.batch_size)}) == 3
    space, store = kind(words(dataset)), open_store(tmp_path)
    seen.clear()
    search(store, dataset, space, 2, callbacks={"steps": Steps})
    expected = []
    for result in store.trials():
        assert result.status == "complete", result.reason
        values = result.hyperparameters
        epochs = values.get("epochs", CONFIG.epochs)
        assert result.epochs == result.curve[-1].epoch == epochs
        expected += [steps_of(dataset, values["batch_size"])] * epochs
    assert seen == expected
    # A config other than the run's: the trial's own values decide.
    config = replace(CONFIG, batch_size=7, epochs=1)
    original = store.trials()[0]
    task = TrainingTask("repeat", original.name, original, 1, 2, tmp_path / "again")
    again = train_again(task, original.seed, space, dataset, config)
    assert (again.status, again.epochs) == ("complete", original.epochs)
    assert again.val_loss == pytest.approx(original.val_loss, abs=1e-5)


def test_a_batch_size_beside_data_of_its_own_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    class Mapped(Small):
        def fit(self, hp: Any, model: Any, data: Any, **kwargs: Any) -> Any:
            return model.fit(data.map(lambda ids, labels: (ids, labels)), batch_size=9, **kwargs)

    _, result, _ = run_one(tmp_path, dataset, Mapped(words(dataset)))
    assert result.status == "failed"
    assert "fit passes batch_size=9 beside data that it has made" in result.reason


def test_a_refused_model_ends_the_callbacks_that_began(dataset: Dataset, tmp_path: Path) -> None:
    calls: list[str] = []

    class Early(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            hp.Int("width", 1, 4)
            layers = keras.layers
            parts = [layers.Embedding(words(dataset), 9), layers.GlobalMaxPooling1D()]
            model = keras.Sequential([*parts, layers.Dense(1, activation="sigmoid")])
            model.compile("sgd", "binary_crossentropy")
            return model

        def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any, **kwargs: Any) -> Any:
            return model.fit(*args, callbacks=[Noting(calls), *callbacks, Noting(calls)], **kwargs)

    store = open_store(tmp_path)
    search(store, dataset, Early(), 2, max_parameters=10)
    assert [result.status for result in store.trials()] == ["failed"] * 2
    assert calls == ["begin", "begin", "end", "end"] * 2


@pytest.mark.parametrize("fails", ["begin", "end", "batch"])
def test_whatever_ends_a_training_its_callbacks_end_once(fails: str) -> None:
    calls: list[str] = []
    first, failing, last = Noting(calls), Noting(calls, fails), Noting(calls)
    lambdas: list[str] = []
    hooked = keras.callbacks.LambdaCallback(on_train_end=lambda logs: lambdas.append("end"))

    def train() -> None:
        callbacks = keras.callbacks.CallbackList([first, failing, last, hooked])
        callbacks.on_train_begin()
        if fails == "batch":
            raise ValueError("at its batch")
        callbacks.on_train_end()

    for _ in range(2):
        calls.clear()
        lambdas.clear()
        with (
            pytest.raises(ValueError, match=f"at its {fails}"),
            end_callbacks_on_error([first, failing, last, hooked]),
        ):
            train()
        assert calls.count("begin") == calls.count("end")
        assert lambdas == ([] if fails == "begin" else ["end"])
