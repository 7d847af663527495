"""The ONNX translation computes what Keras computes, and refuses what it does not know."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest

from results.export.onnx.graph import Unsupported
from results.export.onnx.model import translate
from results.scoring import Scorer
from spaces.layers import CELLS
from tests.results.architectures import DRAWS, FAMILY_DRAWS, baseline, drawn, ids, of_family

# Each converts a network and runs it by another runtime.
pytestmark = pytest.mark.slow

layers = keras.layers


def assert_same(model: Any) -> None:
    session = onnxruntime.InferenceSession(translate(model).SerializeToString())
    score = Scorer(model)
    expected = [score(batch) for batch in ids()]
    found = [session.run(None, {"ids": batch})[0] for batch in ids()]
    assert [each.shape for each in found] == [(len(batch), 1) for batch in ids()]
    all_expected = np.concatenate(expected)
    assert all_expected.std() > 1e-4
    np.testing.assert_allclose(np.concatenate(found).reshape(-1), all_expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", DRAWS)
def test_a_drawn_model_3(name: str) -> None:
    assert_same(drawn(name))


@pytest.mark.parametrize("family", FAMILY_DRAWS)
def test_a_network_of_each_family(family: str) -> None:
    assert_same(of_family(family))


@pytest.mark.parametrize("name", ["model1", "model2", "model3-notebook"])
def test_a_baseline(name: str) -> None:
    assert_same(baseline(name))


def test_settings_that_no_draw_has() -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(40, 8)(inputs)
    x = layers.Conv1D(8, 3, padding="valid", use_bias=False)(x)
    x = layers.Activation("tanh")(x)
    x = layers.GRU(8, reset_after=False, return_sequences=True)(x)
    x = layers.BatchNormalization(scale=False, center=False)(x)
    x = layers.Rescaling([0.5, 1, 2, 3, 0, 1, 1, 1], offset=0.25)(x)
    x = layers.Bidirectional(layers.LSTM(4, use_bias=False, return_sequences=True))(x)
    x = layers.GlobalMaxPooling1D()(x)
    assert_same(keras.Model(inputs, layers.Dense(1, activation="sigmoid", use_bias=False)(x)))


def test_normalization_before_every_layer_that_can_take_it_in() -> None:
    keras.utils.set_random_seed(0)
    for shrinks in (False, True):  # A negative scale turns the greatest into the least.
        inputs = keras.Input((None,), dtype="int32")
        x = _normalized(layers.Embedding(40, 8, embeddings_initializer="normal")(inputs), shrinks)
        x = _normalized(layers.GRU(6, return_sequences=True)(x), shrinks)
        x = layers.MaxPooling1D(2)(layers.Dropout(0.1)(x))
        x = _normalized(layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x), shrinks)
        pooled = [layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)]
        x = layers.Dense(3, activation="tanh")(_normalized(layers.Add()(pooled), shrinks))
        x = layers.Dense(1, activation="sigmoid", use_bias=False)(_normalized(x, shrinks))
        assert_same(keras.Model(inputs, x))


def _normalized(x: Any, shrinks: bool) -> Any:
    layer = layers.BatchNormalization(
        gamma_initializer=keras.initializers.Constant(-0.7 if shrinks else 1.3),
        beta_initializer="random_normal",
        moving_mean_initializer="random_normal",
    )
    return layer(x)


def test_few_records_run_on_the_recurrent_operators_and_many_in_a_loop() -> None:
    for name in DRAWS:
        graph = translate(drawn(name)).graph
        choices = [node for node in graph.node if node.op_type == "If"]
        few, many = ({node.op_type for choice in choices for node in _branch(choice, side)}
                     for side in ("then_branch", "else_branch"))  # fmt: skip
        assert few & {"GRU", "LSTM", "RNN"} and "Scan" not in few
        assert "Scan" in many and not many & {"GRU", "LSTM", "RNN"}


def test_a_convolution_is_pooled_in_the_order_that_it_gives() -> None:
    nodes = translate(drawn("lstm, both ways, two layers, mean, batch norm")).graph.node
    makers = {name: node for node in nodes for name in node.output}
    activated = [makers[node.input[0]] for node in nodes if node.op_type == "MaxPool"]
    assert [node.op_type for node in activated] == ["Relu", "Relu"]
    assert [makers[node.input[0]].op_type for node in activated] == ["Conv", "Conv"]


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_states_that_are_only_pooled_are_not_kept(cell: str, normalized: bool) -> None:
    def network(*pools: Any) -> Any:
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None,), dtype="int32")
        x = layers.Embedding(40, 8, embeddings_initializer="normal")(inputs)
        x = layers.Bidirectional(CELLS[cell](6, return_sequences=True))(x)
        x = _normalized(x, shrinks=False) if normalized else x
        x = layers.Concatenate()([pool()(x) for pool in pools] * 2)
        return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))

    for pools, kept in (
        ([layers.GlobalMaxPooling1D], False),
        ([layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D], True),
    ):
        model = network(*pools)
        assert_same(model)
        (choice,) = (node for node in translate(model).graph.node if node.op_type == "If")
        loop = next(node for node in _branch(choice, "else_branch") if node.op_type == "Scan")
        assert any(each.name == "scan_output_directions" for each in loop.attribute) is kept


def _branch(choice: Any, side: str) -> Any:
    (found,) = [each.g.node for each in choice.attribute if each.name == side]
    return found


@keras.saving.register_keras_serializable("tests")
class Dense(keras.layers.Dense):
    """A layer that calls itself Dense and is not."""

    def call(self, inputs: Any) -> Any:
        return -super().call(inputs)


SEQUENCE: dict[str, Callable[[], Any]] = {
    "has no translation": lambda: layers.UnitNormalization(),
    "has the setting use_gate": lambda: layers.MultiHeadAttention(1, 4, use_gate=True),
    "has strides, dilation or several": lambda: layers.DepthwiseConv1D(3, depth_multiplier=2),
    "has strides, dilation or groups": lambda: layers.Conv1D(4, 3, strides=2),
    "has the padding causal": lambda: layers.Conv1D(4, 3, padding="causal"),
    "has the padding same": lambda: layers.MaxPooling1D(2, padding="same"),
    "has the activation selu": lambda: layers.Dense(4, activation="selu"),
    "has its steps backwards": lambda: layers.GRU(4, go_backwards=True, return_sequences=True),
    r"has the activation \{": lambda: layers.Dense(4, activation=layers.LeakyReLU()),
    "has the activations .*LeakyReLU": lambda: layers.GRU(
        4, activation=layers.LeakyReLU(), return_sequences=True
    ),
    "has the activations": lambda: layers.GRU(4, activation="elu", return_sequences=True),
    "has directions that": lambda: layers.Bidirectional(
        layers.GRU(4, return_sequences=True), merge_mode="sum"
    ),
    "has another type of numbers": lambda: layers.Rescaling(2.0, dtype="float64"),
    "has another axis": lambda: layers.LayerNormalization(axis=(1, 2)),
}


@pytest.mark.parametrize("says", SEQUENCE)
def test_what_has_no_translation_is_said(says: str) -> None:
    inputs = keras.Input((32,), dtype="int32")
    x = layers.Embedding(40, 4)(inputs)
    layer = SEQUENCE[says]()
    x = layer(x, x) if isinstance(layer, layers.MultiHeadAttention) else layer(x)
    x = layers.Dense(1, activation="sigmoid")(layers.GlobalMaxPooling1D()(x))
    with pytest.raises(Unsupported, match=rf"the layer {layer.name} \(\w+\) {says}"):
        translate(keras.Model(inputs, x))


def test_a_layer_is_known_by_more_than_its_name() -> None:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(layers.Embedding(40, 4)(inputs))
    with pytest.raises(Unsupported, match="has no translation"):
        translate(keras.Model(inputs, Dense(1)(x)))


def test_attention_over_another_sequence() -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(40, 8, embeddings_initializer="normal")(inputs)
    y = layers.DepthwiseConv1D(4, padding="valid", use_bias=False, activation="tanh")(x)
    z = layers.MaxPooling1D(2)(y)
    x = layers.MultiHeadAttention(2, 3, value_dim=5, use_bias=False)(x, y, y)
    x = layers.MultiHeadAttention(1, 4, output_shape=6)(x, z)
    x = layers.GlobalMaxPooling1D()(layers.Concatenate()([x, layers.Add()([x, x, x])]))
    assert_same(keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x)))


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    r"Get(?:Item)\)": lambda ids: ids[:, ::2],
    r"GetItem\)": lambda ids: ids[1:, :],
    r"Subtract\)": lambda ids: ids - 1,
    r"Multiply\)": lambda ids: keras.ops.cast(ids * 0.5, "int32"),
}


@pytest.mark.parametrize("says", OPERATIONS)
def test_an_operation_without_translation_is_said(says: str) -> None:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(40, 4)(OPERATIONS[says](inputs))
    x = layers.Dense(1, activation="sigmoid")(layers.GlobalMaxPooling1D()(x))
    with pytest.raises(Unsupported, match=rf"the operation \w+ \({says} has no translation"):
        translate(keras.Model(inputs, x))


def test_other_graphs_are_refused() -> None:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(layers.Embedding(40, 4)(inputs))
    twice = layers.Dense(4)
    with pytest.raises(Unsupported, match="used more than once"):
        translate(keras.Model(inputs, layers.Dense(1)(twice(twice(x)))))
    with pytest.raises(Unsupported, match="several inputs or outputs"):
        translate(keras.Model(inputs, [layers.Dense(1)(x), layers.Dense(1)(x)]))
    y = layers.Embedding(40, 4)(inputs)
    causal = layers.MultiHeadAttention(1, 4)(y, y, use_causal_mask=True)
    with pytest.raises(Unsupported, match="is called with use_causal_mask"):
        translate(keras.Model(inputs, layers.Dense(1)(layers.GlobalMaxPooling1D()(causal))))
    masked = keras.Sequential([keras.Input((None,)), layers.Embedding(40, 4, mask_zero=True)])
    with pytest.raises(Unsupported, match="has a mask"):
        translate(masked)
