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


def _with(place: Any, *instead: Any) -> list[Any]:
    """Replace one of the good layers, or several, by others."""
    stack = _good_layers()
    stack[place if isinstance(place, slice) else slice(place, place + 1)] = instead
    return stack


def _compile(model: Any, optimizer: Any = "rmsprop", metrics: Any = ("accuracy",)) -> Any:
    model.compile(optimizer, "binary_crossentropy", metrics=metrics)
    return model


def _plain(stack: list[Any]) -> Any:
    return keras.Sequential([keras.Input((None,), dtype="int32"), *stack])


def _sequential(*stack: Any, **options: Any) -> Any:
    return _compile(_plain(list(stack)), **options)


class _Block(layers.Layer):
    """A layer with a recurrent one inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.LSTM(4)

    def call(self, x: Any) -> Any:
        return self.inner(x)


LSTM_CELLS = layers.StackedRNNCells([layers.LSTMCell(4), layers.LSTMCell(4)])


@pytest.mark.parametrize(
    ("stack", "count", "broken"),
    [
        (_good_layers(), 5, ()),
        (_with(2, layers.GlobalMaxPooling1D()), 5, (NOT_RECURRENT,)),
        (_with(3), 4, (_too_few(4),)),
        (
            _with(slice(1, 3), layers.LSTM(4, return_sequences=True), layers.SimpleRNN(4)),
            5,
            (NOTHING_NEW,),
        ),
        # A wrapper counts as one new layer, and shows what it wraps.
        (_with(slice(1, 3), layers.Bidirectional(layers.LSTM(4))), 4, (_too_few(4),)),
        # A cell in RNN is the layer of that cell.
        (
            _with(slice(1, 3), layers.Dropout(0.1), layers.RNN(layers.LSTMCell(4))),
            5,
            (NOTHING_NEW,),
        ),
        (
            _with(slice(1, 3), layers.Dropout(0.1), layers.RNN(layers.SimpleRNNCell(4))),
            5,
            (NOTHING_NEW,),
        ),
        (_with(slice(1, 3), layers.Dropout(0.1), layers.RNN(layers.GRUCell(4))), 5, ()),
        (_with(slice(1, 3), layers.Dropout(0.1), layers.RNN(LSTM_CELLS)), 5, ()),
        # So is what is recurrent inside a custom layer, or a nested model.
        (_with(2, _Block()), 5, ()),
        (
            [
                layers.Embedding(63, 8),
                keras.Sequential(
                    [layers.SpatialDropout1D(0.1), layers.GRU(4), layers.Dropout(0.1)]
                ),
                layers.Dense(1),
            ],
            5,
            (),
        ),
    ],
)
def test_layers(stack: list[Any], count: int, broken: tuple[str, ...]) -> None:
    model = _sequential(*stack)
    assert layer_count(model) == count
    assert violations(model) == broken


@pytest.mark.parametrize(
    ("optimizer", "broken"),
    [
        ("adam", (ADAM,)),
        (keras.optimizers.Adam(0.01, amsgrad=True), (ADAM,)),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), (ADAM,)),
        *((relative, ()) for relative in ("adamw", "nadam", "adamax", "sgd", "lion")),
    ],
)
def test_optimizers(optimizer: Any, broken: tuple[str, ...]) -> None:
    assert violations(_sequential(*_good_layers(), optimizer=optimizer)) == broken


@pytest.mark.parametrize(
    ("metrics", "broken"),
    [
        ([], (NO_ACCURACY,)),
        (["auc"], (NO_ACCURACY,)),
        ([keras.metrics.Precision()], (NO_ACCURACY,)),
        (["auc", "accuracy"], ()),
        (["auc", "acc"], ()),
        (["binary_accuracy"], ()),
        ([keras.metrics.BinaryAccuracy(name="hits", threshold=0.4)], ()),
        ([keras.metrics.binary_accuracy], ()),
    ],
)
def test_metrics(metrics: list[Any], broken: tuple[str, ...]) -> None:
    assert violations(_sequential(*_good_layers(), metrics=metrics)) == broken


def test_metrics_given_for_each_output_by_name() -> None:
    model = _plain(_good_layers())
    _compile(model, metrics={model.layers[-1].name: ["auc", "accuracy"]})
    assert violations(model) == ()


def test_a_model_that_is_not_compiled_says_so_once() -> None:
    assert violations(_plain(_good_layers())) == (NOT_COMPILED,)


def test_every_broken_rule_is_named_in_order() -> None:
    model = _sequential(layers.Embedding(9, 2), layers.Dense(1), optimizer="adam", metrics=[])
    assert violations(model) == (NOT_RECURRENT, _too_few(2), NOTHING_NEW, ADAM, NO_ACCURACY)


def test_a_functional_model_counts_a_shared_layer_once() -> None:
    ids = keras.Input((None,), dtype="int32")
    shared = layers.LSTM(4)
    x = layers.Embedding(63, 4)(ids)
    x = layers.Concatenate()([shared(x), shared(x)])
    model = _compile(keras.Model(ids, layers.Dense(1)(x)))
    assert layer_count(model) == 4
    assert violations(model) == (_too_few(4),)


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


def test_a_loaded_model_is_judged_like_the_saved_one(tmp_path: Path) -> None:
    for optimizer, metric in (("sgd", "accuracy"), ("adam", "auc")):
        model = _sequential(*_good_layers(), optimizer=optimizer, metrics=[metric])
        model.optimizer.build(model.trainable_variables)
        path = tmp_path / f"{optimizer}.keras"
        model.save(path)
        assert violations(keras.models.load_model(path)) == violations(model)
        assert violations(keras.models.load_model(path, compile=False)) == (NOT_COMPILED,)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("model1", (_too_few(3), NOTHING_NEW, ADAM)),
        ("model2", (_too_few(4), NOTHING_NEW, ADAM)),
        ("model3-notebook", (NOTHING_NEW,)),
    ],
)
def test_the_baselines(name: str, broken: tuple[str, ...]) -> None:
    baseline = BASELINES[name]
    assert isinstance(baseline, KerasBaseline)
    assert violations(baseline.build(63)) == broken
