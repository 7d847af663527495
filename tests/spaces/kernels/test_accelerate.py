"""The fast layers against Keras' own: outputs, gradients, masks, and what is left to Keras."""

import itertools
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from spaces import Model3
from spaces.kernels import accelerated
from tests.spaces.draws import chosen, reseed

LAYERS = keras.layers
WORDS = 40


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Draw the same weights in each test."""
    keras.utils.set_random_seed(3)


@dataclass
class Computed:
    """What a model gave: training and inference outputs, and gradients by weight."""

    training: np.ndarray
    inference: np.ndarray
    gradients: list[np.ndarray]


def records(rows: int, length: int, seed: int = 0) -> np.ndarray:
    """Ids padded in front, of all lengths, one of nothing but padding; int32 [rows, length]."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((rows, length), np.int32)
    for row in range(1, rows):
        real = rng.integers(1, length + 1)
        ids[row, length - real :] = rng.integers(1, WORDS, real)
    return ids


def compute(model: Any, ids: np.ndarray, *, fast: bool) -> Computed:
    """Compute with Keras' layers, or with the fast ones, from the same random draws."""
    reseed(model, 7)
    labels = (np.arange(len(ids)) % 2).astype(np.float32)[:, None]

    @tf.function
    def training(ids: Any) -> Any:
        with tf.GradientTape() as tape:
            output = model(ids, training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(labels, output))
        return output, tape.gradient(loss, model.trainable_variables)

    @tf.function
    def inference(ids: Any) -> Any:
        return model(ids, training=False)

    with accelerated(model) if fast else nullcontext():
        output, gradients = training(ids)
        gradients = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
        return Computed(output.numpy(), inference(ids).numpy(), gradients)


def assert_fast_equals(model: Any, ids: np.ndarray) -> None:
    stock, fast = (compute(model, ids, fast=fast) for fast in (False, True))
    np.testing.assert_allclose(fast.training, stock.training, atol=1e-5)
    np.testing.assert_allclose(fast.inference, stock.inference, atol=1e-5)
    for mine, theirs in zip(fast.gradients, stock.gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def calls(model: Any) -> set[str]:
    """The classes whose layers run on the kernels."""
    with accelerated(model):
        return {type(layer).__name__ for layer in model._flatten_layers() if "call" in vars(layer)}


def network(*layers: Any) -> Any:
    # Keras' small vectors would leave gradients that no test could tell from zero.
    embedding = LAYERS.Embedding(WORDS, 16, embeddings_initializer="normal")
    head = LAYERS.Dense(1, activation="sigmoid")
    return keras.Sequential([keras.Input((None,), dtype="int32"), embedding, *layers, head])


def test_a_layer_without_a_step_is_refused_and_one_without_a_row_is_not() -> None:
    model = keras.Sequential([keras.Input((None, 4)), LAYERS.GRU(3)])
    with accelerated(model):
        with pytest.raises((ValueError, tf.errors.OpError), match="received zero steps"):
            model(np.zeros((2, 0, 4), np.float32))
        assert model(np.zeros((0, 5, 4), np.float32)).shape == (0, 3)


CASES = list(
    itertools.product(
        [("SimpleRNN", "tanh"), ("SimpleRNN", "relu"), ("GRU", "tanh"), ("LSTM", "tanh")],
        [0.0, 0.5],
        [False, True],
        [False, True],
    )
)
TYPICAL = [
    (("SimpleRNN", "relu"), 0.0, False, False),
    (("GRU", "tanh"), 0.5, True, True),
    (("LSTM", "tanh"), 0.0, True, False),
    (("LSTM", "tanh"), 0.5, False, False),
]


@pytest.mark.parametrize(
    ("layer", "dropout", "bidirectional", "sequences"),
    [pytest.param(*case, marks=[] if case in TYPICAL else pytest.mark.slow) for case in CASES],
)
def test_equals_keras(
    layer: tuple[str, str], dropout: float, bidirectional: bool, sequences: bool
) -> None:
    kind, activation = layer
    made = getattr(LAYERS, kind)(
        24, recurrent_dropout=dropout, return_sequences=sequences, activation=activation
    )
    if bidirectional:
        made = LAYERS.Bidirectional(made)
    model = network(made, *([LAYERS.GlobalMaxPooling1D()] if sequences else []))
    # A dropped state is scaled up: a simple recurrent layer then doubles float noise every step.
    ids = records(70, 16 if kind == "SimpleRNN" else 96)
    assert_fast_equals(model, ids)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_equals_keras_behind_other_layers(kind: str) -> None:
    model = network(
        LAYERS.Conv1D(20, 3, padding="same"),
        getattr(LAYERS, kind)(16, return_sequences=True),
        getattr(LAYERS, kind)(8, use_bias=False, go_backwards=True),
    )
    ids = records(10, 32)
    assert_fast_equals(model, ids)


@pytest.mark.parametrize(
    ("places", "activation", "bias"), [(1, "tanh", True), (4, "relu", False), (5, "relu", True)]
)
def test_convolutions_of_ids_equal_keras(places: int, activation: str, bias: bool) -> None:
    model = network(
        LAYERS.Conv1D(20, places, padding="same", activation=activation, use_bias=bias),
        LAYERS.Conv1D(12, places, padding="same"),
        LAYERS.GlobalMaxPooling1D(),
    )
    for length in (1, 2, 40):
        ids = records(70, length)
        assert_fast_equals(model, ids)


@pytest.mark.parametrize("kind", ["Conv1D", "SimpleRNN", "GRU", "LSTM"])
def test_weights_that_diverged_give_no_warning(kind: str) -> None:
    """Warnings are errors here."""
    layer = (
        LAYERS.Conv1D(4, 3, padding="same")
        if kind == "Conv1D"
        else getattr(LAYERS, kind)(4, return_sequences=True)
    )
    model = network(layer, LAYERS.GlobalMaxPooling1D())
    model.set_weights([np.full_like(weight, 3e38) for weight in model.get_weights()])
    computed = compute(model, np.pad(records(33, 40), ((0, 0), (300, 0))), fast=True)
    assert computed.inference.shape == (33, 1)


@pytest.mark.parametrize("strange", [-1, WORDS])
@pytest.mark.parametrize("kind", ["Conv1D", "GRU"])
def test_an_id_without_a_vector_is_refused(kind: str, strange: int) -> None:
    layers = {
        "Conv1D": [LAYERS.Conv1D(4, 3, padding="same"), LAYERS.GlobalMaxPooling1D()],
        "GRU": [LAYERS.GRU(4)],
    }
    model = network(*layers[kind])
    ids = records(3, 32)
    ids[1, 5] = strange
    with accelerated(model), pytest.raises(tf.errors.InvalidArgumentError, match="not in"):
        tf.function(model)(ids)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_long_padding_changes_nothing(kind: str, dropout: float) -> None:
    model = network(getattr(LAYERS, kind)(16, recurrent_dropout=dropout))
    ids = np.pad(records(33, 40), ((0, 0), (600, 0)))
    assert_fast_equals(model, ids)


def test_long_padding_of_the_brief_reaches_the_gradient() -> None:
    """A record that fills the length stands among others that hardly leave the padding."""
    model = network(LAYERS.LSTM(16, recurrent_dropout=0.5))
    ids = np.zeros((6, 512), np.int32)
    ids[:, -1] = 5
    ids[0, 0], ids[1, 100], ids[2, 300] = 7, 8, 9
    assert_fast_equals(model, ids)


def _operations_of_ours(model: Any) -> int:
    with accelerated(model):
        traced = tf.function(lambda ids: model(ids, training=False)).get_concrete_function(
            tf.TensorSpec((None, None), tf.int32)
        )
    return sum(operation.type == "PyFunc" for operation in traced.graph.get_operations())


def test_layers_behind_several_embeddings_read_the_ids_of_their_own() -> None:
    ids = keras.Input((None,), dtype="int32")
    vectors = [
        LAYERS.Embedding(size, 8, embeddings_initializer="normal")(ids) for size in (WORDS, 90)
    ]
    x = LAYERS.Add()([LAYERS.Conv1D(4, 3, padding="same")(each) for each in vectors])
    x = LAYERS.Dense(1, activation="sigmoid")(LAYERS.GlobalMaxPooling1D()(x))
    model = keras.Model(ids, x)
    assert _operations_of_ours(model) == 2
    batch = records(9, 20)
    assert_fast_equals(model, batch)


def test_the_wide_branch_leaves_the_others_their_kernels() -> None:
    # Not batch normalization, whose averages each training moves.
    space, plain = Model3(WORDS), {"normalization": "layer"}
    models = [space.build(chosen(space, wide=wide, **plain)) for wide in (False, True)]
    without, with_branch = map(_operations_of_ours, models)
    assert without == with_branch == 3  # a convolution, and a GRU each way
    ids = records(9, 64)
    assert_fast_equals(models[1], ids)


def test_every_recurrent_layer_of_the_space_is_fast() -> None:
    for cell in ("gru", "lstm"):
        hp = keras_tuner.HyperParameters()
        hp.values["cell"] = cell
        model = Model3(WORDS).build(hp)
        kind = {"gru": "GRU", "lstm": "LSTM"}[cell]
        assert calls(model) == {"Embedding", "Conv1D", kind}


@pytest.mark.parametrize(
    "layer",
    [
        LAYERS.GRU(4, reset_after=False),
        LAYERS.LSTM(4, dropout=0.5),
        LAYERS.LSTM(4, activation="gelu"),
        LAYERS.LSTM(4, recurrent_activation="tanh"),
        LAYERS.LSTM(4, kernel_regularizer="l2"),
        LAYERS.GRU(4, unroll=True),
        LAYERS.SimpleRNN(4, dtype="float64"),
    ],
)
def test_what_the_kernels_do_not_know_is_left_to_keras(layer: Any) -> None:
    model = network(layer)
    assert type(layer).__name__ not in calls(model)


def test_a_mask_is_left_to_keras() -> None:
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            LAYERS.Embedding(WORDS, 8, mask_zero=True, embeddings_initializer="normal"),
            LAYERS.LSTM(8),
            LAYERS.Dense(1, activation="sigmoid"),
        ]
    )
    ids = records(9, 20)[1:]
    assert_fast_equals(model, ids)


def test_a_model_that_asks_for_xla_is_left_to_keras() -> None:
    model = network(LAYERS.LSTM(4))
    model.compile("sgd", "binary_crossentropy", jit_compile=True)
    assert calls(model) == set()
    model.fit(records(8, 16), np.ones((8, 1)), verbose=0)


def test_the_model_is_as_before_afterwards() -> None:
    model = network(LAYERS.LSTM(4))
    config = model.to_json()
    with accelerated(model), accelerated(model):
        pass
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
    assert model.to_json() == config


def test_a_loss_that_is_not_finite_shows() -> None:
    model = network(LAYERS.LSTM(4))
    model.layers[1].cell.recurrent_kernel.assign(np.full((4, 16), np.nan))
    fast = compute(model, records(5, 8), fast=True)
    assert np.isnan(fast.training).all()
    assert all(np.isnan(gradient).any() for gradient in fast.gradients[1:])


def test_a_gradient_without_training_is_computed_too() -> None:
    model = network(LAYERS.GRU(8))
    ids = tf.constant(records(5, 12))

    def gradients(fast: bool) -> list[Any]:
        with accelerated(model) if fast else nullcontext(), tf.GradientTape() as tape:
            output = model(ids, training=False)
        return [tf.convert_to_tensor(g) for g in tape.gradient(output, model.trainable_variables)]

    for mine, theirs in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
