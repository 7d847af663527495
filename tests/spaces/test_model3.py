"""Model 3's own: which hyperparameters exist, when they are active, and what a draw becomes."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spaces import Model3, layer_count, violations
from spaces.choices import choose
from spaces.layers import WIDE_BUCKETS
from tests.spaces.draws import chosen, draw, predict
from tests.spaces.records import buckets_of, padded

NUM_WORDS = 70
SPACE = Model3(NUM_WORDS)
SEEDS = st.integers(0, 2**31 - 1)
LAYERED = settings(max_examples=80, deadline=None)


@LAYERED
@given(SEEDS)
def test_a_hyperparameter_has_a_value_exactly_if_its_parent_asks_for_it(seed: int) -> None:
    values = draw(SPACE, seed).values
    for layer in (1, 2):
        assert (f"recurrent_units_{layer}" in values) == (values["recurrent_layers"] >= layer)
        assert (f"dense_units_{layer}" in values) == (values["dense_layers"] >= layer)
    assert ("dense_activation" in values) == (values["dense_layers"] > 0)
    assert ("recurrent_dropout" in values) == values["use_recurrent_dropout"]
    assert ("weight_decay" in values) == (values["optimizer"] == "adamw")
    for name in ("longest", "factor", "dropout"):
        assert (f"wide_{name}" in values) == values["wide"]


@LAYERED
@given(SEEDS)
def test_choices_repeat_what_was_drawn_and_their_ranges_suit_two_cores(seed: int) -> None:
    hp = draw(SPACE, seed)
    choices, values = choose(hp), hp.values
    encoder, head, training = choices.encoder, choices.head, choices.training
    units = encoder.recurrence.units
    assert len(units) == values["recurrent_layers"]
    assert units[-1] == values[f"recurrent_units_{values['recurrent_layers']}"]
    assert encoder.recurrence.dropout == values.get("recurrent_dropout", 0)
    assert 16 <= encoder.embedding.width <= 64
    for widths in (units, head.units):
        assert all(16 <= width <= 128 for width in widths)
        assert all(width <= 64 for width in widths[1:])
    stem = encoder.conv_stem
    assert stem is not None and stem.layers == values["conv_layers"]
    assert 32 <= stem.filters <= 128
    assert stem.pool**stem.layers <= 32, "nothing left of 32 characters"
    assert len(head.units) == values["dense_layers"]
    assert (head.wide is not None) == values["wide"]
    if head.wide is not None:
        drawn = {f"wide_{key}": value for key, value in asdict(head.wide).items()}
        assert drawn.items() <= values.items()
        assert 3 <= head.wide.longest <= 5
    assert training.learning_rate == values["learning_rate"]
    assert training.weight_decay == values.get("weight_decay")
    assert training.batch_size == values["batch_size"]
    assert training.batch_size in (16, 32, 64)


@lru_cache
def _draws() -> list[dict[str, Any]]:
    return [draw(SPACE, seed).values for seed in range(200)]


def _seen(name: str) -> set[Any]:
    return {values[name] for values in _draws() if name in values}


def test_every_option_can_be_drawn() -> None:
    expected: dict[str, set[Any]] = {
        "optimizer": {"rmsprop", "nadam", "adamw"},
        "cell": {"gru", "lstm"},
        "summary": {"max", "mean", "attention"},
        "normalization": {"layer", "batch"},
        "recurrent_layers": {1, 2},
        "conv_layers": {1, 2},
        "dense_layers": {0, 1, 2},
        "bidirectional": {True, False},
        "wide": {True, False},
        "wide_factor": {100, 300, 1000},
    }
    assert {name: _seen(name) for name in expected} == expected
    assert all(min(_seen(name)) > 0 for name in ("dropout", "spatial_dropout"))


def test_the_defaults_are_the_first_trial() -> None:
    hp = keras_tuner.HyperParameters()
    encoder = choose(hp).encoder
    assert encoder.recurrence.units == (64,)
    assert encoder.recurrence.bidirectional
    assert encoder.pooling == "max"
    assert "recurrent_units_2" not in hp


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_barest_draw_keeps_the_rules(cell: str) -> None:
    model = SPACE.build(chosen(SPACE, cell=cell, bidirectional=False, wide=False))
    assert layer_count(model) == 10
    assert violations(model) == ()


@pytest.mark.parametrize("point", range(len(SPACE.starting_points)))
def test_a_starting_point_has_the_wide_branch(point: int) -> None:
    model = SPACE.build(chosen(SPACE, **SPACE.starting_points[point]))
    assert model.get_layer("wide_logit").scale == 300
    assert violations(model) == ()


def test_the_schedule_spans_the_training_it_is_told_of() -> None:
    hp = chosen(SPACE, batch_size=64)
    for epochs, steps in ((2, 20), (5, 50)):
        model = Model3(63, rows=640, epochs=epochs).build(hp)
        schedule = model.optimizer.get_config()["learning_rate"]["config"]
        assert schedule["decay_steps"] == steps


# Layers


def _ids(rows: int, length: int) -> Any:
    return padded(rows, length, NUM_WORDS)


def test_each_layer_reads_what_was_chosen() -> None:
    hp = chosen(
        SPACE,
        embedding=16,
        conv_layers=2,
        conv_filters=128,
        conv_kernel=7,
        conv_pool=3,
        normalization="layer",
        cell="lstm",
        recurrent_layers=2,
        recurrent_units_1=32,
        recurrent_units_2=16,
        bidirectional=False,
        use_recurrent_dropout=True,
        recurrent_dropout=0.5,
        summary="last",
        dropout=0.35,
        dense_layers=1,
        dense_units_1=128,
        dense_activation="gelu",
        wide=False,
    )
    model = SPACE.build(hp)
    assert [layer.name for layer in model.layers] == [
        *("ids", "embedding", "spatial_dropout"),
        *("conv_1", "conv_1_layer_norm", "conv_1_pool"),
        *("conv_2", "conv_2_layer_norm", "conv_2_pool"),
        *("recurrent_1", "recurrent_1_layer_norm", "recurrent_2", "recurrent_2_layer_norm"),
        *("dropout", "dense_1", "probability"),
    ]
    assert model.get_layer("embedding").output.shape == (None, None, 16)
    conv = model.get_layer("conv_2")
    assert (conv.filters, conv.kernel_size) == (128, (7,))
    assert model.get_layer("conv_2_pool").pool_size == (3,)
    first, last = model.get_layer("recurrent_1"), model.get_layer("recurrent_2")
    assert type(first) is keras.layers.LSTM
    assert (first.units, first.return_sequences, first.recurrent_dropout) == (32, True, 0.5)
    assert (last.units, last.return_sequences, last.recurrent_dropout) == (16, False, 0.5)
    assert model.get_layer("dropout").rate == 0.35
    assert model.get_layer("dense_1").activation is keras.activations.gelu


@pytest.mark.parametrize("longest", [3, 4, 5])
def test_the_wide_branch_is_the_mean_of_the_ngrams_weights(longest: int) -> None:
    model = SPACE.build(chosen(SPACE, wide_longest=longest, wide_factor=100, wide_dropout=0.5))
    weights = np.random.default_rng(0).normal(size=(WIDE_BUCKETS, 1)).astype(np.float32)
    model.get_layer("wide_weights").set_weights([weights])
    ids = _ids(3, 64)
    hashed = [buckets_of(row.tolist(), longest, WIDE_BUCKETS) for row in ids]
    expected = [100 * weights[buckets].mean() for buckets in hashed]
    found = predict(keras.Model(model.input, model.get_layer("wide_logit").output), ids)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert model.get_layer("wide_dropout").rate == 0.5


def test_the_branches_logits_are_added_and_the_wide_one_starts_at_zero() -> None:
    model = SPACE.build(chosen(SPACE))
    parts = [model.get_layer(name) for name in ("logit", "wide_logit")]
    ids = _ids(3, 64)

    def logits() -> list[Any]:
        return [predict(keras.Model(model.input, part.output), ids) for part in parts]

    assert not logits()[1].any()
    model.get_layer("wide_weights").set_weights([np.full((WIDE_BUCKETS, 1), 0.01, np.float32)])
    deep, wide = logits()
    np.testing.assert_allclose(wide, 3, rtol=1e-5)
    np.testing.assert_allclose(predict(model, ids), 1 / (1 + np.exp(-deep - wide)), rtol=1e-5)


def test_attention_weighs_the_steps_so_that_they_sum_to_one() -> None:
    model = SPACE.build(
        chosen(SPACE, summary="attention", bidirectional=False, normalization="layer")
    )
    weights = model.get_layer("attention_weights").output
    states = model.get_layer("recurrent_1_layer_norm").output
    attended = model.get_layer("attended").output
    parts = keras.Model(model.input, [weights, states, attended])
    w, s, a = (keras.ops.convert_to_numpy(part) for part in parts(_ids(3, 64)))
    np.testing.assert_allclose(w.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((w * s).sum(axis=1), a, atol=1e-5)
