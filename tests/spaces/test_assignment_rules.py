"""Each rule of Model 3 on each kind of Keras model."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from spaces import BASELINES, KerasBaseline, layer_count, violations

NOT_RECURRENT = "It is not recurrent: no SimpleRNN, GRU, LSTM or other RNN layer."
NOTHING_NEW = "It has no type of layer that Models 1 and 2 do not have."
NOT_COMPILED = "It is not compiled, so it has no optimizer and no accuracy metric."
ADAM = "Its optimizer is adam, as in Models 1 and 2."
NO_ACCURACY = "Accuracy is not among its metrics."


def _too_few(count: int) -> str:
    return f"It has {count} layers, but 5 are needed."


def _good_layers() -> list[Any]:
    return [
        layers.Embedding(63, 8),
        layers.SpatialDropout1D(0.1),
        layers.GRU(4),
        layers.Dropout(0.1),
        layers.Dense(1, activation="sigmoid"),
    ]


def _compile(model: Any, optimizer: Any = "rmsprop", metrics: Any = ("accuracy",)) -> Any:
    model.compile(optimizer, "binary_crossentropy", metrics=list(metrics))
    return model


def _sequential(*stack: Any, **options: Any) -> Any:
    return _compile(keras.Sequential([keras.Input((None,), dtype="int32"), *stack]), **options)


def test_a_model_that_keeps_every_rule_has_no_violation() -> None:
    assert violations(_sequential(*_good_layers())) == ()


def test_a_model_without_recurrence() -> None:
    stack = _good_layers()
    stack[2] = layers.GlobalMaxPooling1D()
    assert violations(_sequential(*stack)) == (NOT_RECURRENT,)


def test_a_model_of_four_layers() -> None:
    stack = _good_layers()
    del stack[3]
    assert violations(_sequential(*stack)) == (_too_few(4),)


def test_a_model_of_the_baselines_layers_only() -> None:
    stack = _good_layers()
    stack[1:3] = [layers.LSTM(4, return_sequences=True), layers.SimpleRNN(4)]
    assert violations(_sequential(*stack)) == (NOTHING_NEW,)


@pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.Adam(0.01, amsgrad=True)])
def test_a_model_compiled_with_adam(optimizer: Any) -> None:
    assert violations(_sequential(*_good_layers(), optimizer=optimizer)) == (ADAM,)


def test_adam_is_seen_inside_loss_scaling() -> None:
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    assert violations(_sequential(*_good_layers(), optimizer=scaled)) == (ADAM,)


@pytest.mark.parametrize("optimizer", ["adamw", "nadam", "adamax", "sgd", "lion"])
def test_adams_relatives_are_other_optimizers(optimizer: str) -> None:
    assert violations(_sequential(*_good_layers(), optimizer=optimizer)) == ()


@pytest.mark.parametrize(
    "metric",
    [
        "accuracy",
        "acc",
        "binary_accuracy",
        keras.metrics.BinaryAccuracy(name="hits", threshold=0.4),
        keras.metrics.binary_accuracy,
    ],
)
def test_accuracy_in_any_spelling(metric: Any) -> None:
    assert violations(_sequential(*_good_layers(), metrics=["auc", metric])) == ()


@pytest.mark.parametrize("metrics", [[], ["auc"], [keras.metrics.Precision()]])
def test_metrics_without_accuracy(metrics: list[Any]) -> None:
    assert violations(_sequential(*_good_layers(), metrics=metrics)) == (NO_ACCURACY,)


def test_metrics_given_for_each_output_by_name() -> None:
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *_good_layers()])
    name = model.layers[-1].name
    model.compile("sgd", "binary_crossentropy", metrics={name: ["auc", "accuracy"]})
    assert violations(model) == ()


def test_a_model_that_is_not_compiled_says_so_once() -> None:
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *_good_layers()])
    assert violations(model) == (NOT_COMPILED,)


def test_every_broken_rule_is_named_in_order() -> None:
    model = _sequential(layers.Embedding(9, 2), layers.Dense(1), optimizer="adam", metrics=[])
    assert violations(model) == (NOT_RECURRENT, _too_few(2), NOTHING_NEW, ADAM, NO_ACCURACY)


def test_a_nested_model_counts_as_its_layers() -> None:
    inner = keras.Sequential([layers.SpatialDropout1D(0.1), layers.GRU(4), layers.Dropout(0.1)])
    model = _sequential(layers.Embedding(63, 8), inner, layers.Dense(1))
    assert layer_count(model) == 5
    assert violations(model) == ()


def test_a_functional_model_counts_a_shared_layer_once() -> None:
    ids = keras.Input((None,), dtype="int32")
    shared = layers.LSTM(4)
    x = layers.Embedding(63, 4)(ids)
    x = layers.Concatenate()([shared(x), shared(x)])
    model = _compile(keras.Model(ids, layers.Dense(1)(x)))
    assert layer_count(model) == 4
    assert violations(model) == (_too_few(4),)


def test_a_wrapper_counts_as_one_new_layer_and_shows_what_it_wraps() -> None:
    stack = [
        layers.Embedding(63, 8),
        layers.Bidirectional(layers.LSTM(4)),
        layers.Dropout(0.1),
        layers.Dense(1),
    ]
    model = _sequential(*stack)
    assert layer_count(model) == 4
    assert violations(model) == (_too_few(4),)


@pytest.mark.parametrize(
    ("cell", "broken"),
    [
        (layers.LSTMCell(4), (NOTHING_NEW,)),
        (layers.SimpleRNNCell(4), (NOTHING_NEW,)),
        (layers.GRUCell(4), ()),
        (layers.StackedRNNCells([layers.LSTMCell(4), layers.LSTMCell(4)]), ()),
    ],
)
def test_a_cell_in_rnn_is_the_layer_of_that_cell(cell: Any, broken: tuple[str, ...]) -> None:
    stack = _good_layers()
    stack[1:3] = [layers.Dropout(0.1), layers.RNN(cell)]
    assert violations(_sequential(*stack)) == broken


class _Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Embedding(63, 8)
        self.rest = _good_layers()[1:]

    def call(self, ids: Any) -> Any:
        x = self.first(ids)
        for layer in self.rest:
            x = layer(x)
        return x


def test_a_subclassed_model_is_read_by_its_attributes() -> None:
    model = _compile(_Subclassed())
    assert layer_count(model) == 5
    assert violations(model) == ()


class _Block(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.LSTM(4)

    def call(self, x: Any) -> Any:
        return self.inner(x)


def test_recurrence_inside_a_custom_layer_counts() -> None:
    stack = _good_layers()
    stack[2] = _Block()
    model = _sequential(*stack)
    assert layer_count(model) == 5
    assert violations(model) == ()


def test_a_loaded_model_is_judged_like_the_saved_one(tmp_path: Path) -> None:
    for optimizer, metric in (("sgd", "accuracy"), ("adam", "auc")):
        model = _sequential(*_good_layers(), optimizer=optimizer, metrics=[metric])
        model.optimizer.build(model.trainable_variables)
        path = tmp_path / f"{optimizer}.keras"
        model.save(path)
        loaded = keras.models.load_model(path)
        assert violations(loaded) == violations(model)
        uncompiled = keras.models.load_model(path, compile=False)
        assert violations(uncompiled) == (NOT_COMPILED,)


def _baseline(name: str) -> Any:
    baseline = BASELINES[name]
    assert isinstance(baseline, KerasBaseline)
    return baseline.build(63)


def test_the_baselines_against_the_brief() -> None:
    assert violations(_baseline("model1")) == (_too_few(3), NOTHING_NEW, ADAM)
    assert violations(_baseline("model2")) == (_too_few(4), NOTHING_NEW, ADAM)
    assert violations(_baseline("model3-notebook")) == (NOTHING_NEW,)
