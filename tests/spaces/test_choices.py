"""The declared space: which hyperparameters exist, when they are active, what a draw reads."""

import subprocess
import sys
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from hypothesis import given, settings, strategies as st

from spaces import Model3
from spaces.choices import choose
from tests.spaces.draws import chosen, draw

SPACE = Model3(63)
FREE = Model3(63, keep_rules=False)
SEEDS = st.integers(0, 2**31 - 1)
LAYERED = settings(max_examples=80, deadline=None)


@LAYERED
@given(SEEDS)
def test_a_hyperparameter_has_a_value_exactly_where_its_parent_asks_for_it(seed: int) -> None:
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
def test_choices_repeat_what_was_drawn(seed: int) -> None:
    hp = draw(SPACE, seed)
    before = dict(hp.values)
    choices = choose(hp)
    values = hp.values
    assert values == before
    assert len(choices.encoder.recurrence.units) == values["recurrent_layers"]
    assert (
        choices.encoder.recurrence.units[-1]
        == values[f"recurrent_units_{values['recurrent_layers']}"]
    )
    assert len(choices.head.units) == values["dense_layers"]
    assert choices.encoder.conv_stem.layers == values["conv_layers"]
    assert choices.encoder.recurrence.dropout == values.get("recurrent_dropout", 0)
    wide = choices.head.wide
    assert (wide is not None) == values["wide"]
    if wide is not None:
        assert {
            f"wide_{key}": value for key, value in asdict(wide).items()
        }.items() <= values.items()
    assert choices.training.learning_rate == values["learning_rate"]
    assert choices.training.weight_decay == values.get("weight_decay")
    assert choices.training.batch_size == values["batch_size"]


@LAYERED
@given(SEEDS)
def test_ranges_suit_two_cores(seed: int) -> None:
    choices = choose(draw(SPACE, seed))
    assert 16 <= choices.encoder.embedding.width <= 64
    for units in (choices.encoder.recurrence.units, choices.head.units):
        assert all(16 <= width <= 128 for width in units)
        assert all(width <= 64 for width in units[1:])
    assert choices.training.batch_size in (16, 32, 64)
    assert 32 <= choices.encoder.conv_stem.filters <= 128
    if choices.head.wide is not None:
        assert 3 <= choices.head.wide.longest <= 5
    assert choices.encoder.conv_stem.pool**choices.encoder.conv_stem.layers <= 32, (
        "nothing left of 32 characters"
    )


@lru_cache
def _draws(space: Any) -> list[dict[str, Any]]:
    return [draw(space, seed).values for seed in range(200)]


def _seen(space: Any, name: str) -> set[Any]:
    return {values[name] for values in _draws(space)}


def test_every_option_of_the_issue_can_be_drawn() -> None:
    assert _seen(SPACE, "optimizer") == {"rmsprop", "nadam", "adamw"}
    assert _seen(SPACE, "cell") == {"gru", "lstm"}
    assert _seen(SPACE, "summary") == {"max", "mean", "attention"}
    assert _seen(SPACE, "normalization") == {"layer", "batch"}
    assert _seen(SPACE, "recurrent_layers") == {1, 2}
    assert _seen(SPACE, "conv_layers") == {1, 2}
    assert _seen(SPACE, "dense_layers") == {0, 1, 2}
    assert _seen(SPACE, "bidirectional") == {True, False}
    assert _seen(SPACE, "wide") == {True, False}
    with_branch = [values for values in _draws(SPACE) if values["wide"]]
    assert {values["wide_factor"] for values in with_branch} == {100, 300, 1000}


def test_only_the_free_space_draws_adam_and_leaves_dropout_out() -> None:
    assert "adam" in _seen(FREE, "optimizer")
    assert 0.0 in _seen(FREE, "dropout")
    assert 0.0 in _seen(FREE, "spatial_dropout")
    assert min(_seen(SPACE, "dropout")) > 0
    assert min(_seen(SPACE, "spatial_dropout")) > 0


def test_the_defaults_are_the_first_trial() -> None:
    hp = keras_tuner.HyperParameters()
    choices = choose(hp)
    assert choices.encoder.recurrence.units == (64,)
    assert choices.encoder.recurrence.bidirectional
    assert choices.encoder.pooling == "max"
    assert "recurrent_units_2" not in hp


@pytest.mark.parametrize("space", [SPACE, FREE])
def test_building_declares_the_same_space(space: Any) -> None:
    declared, built = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    space.declare(declared)
    space.build(built)
    assert declared.get_config() == built.get_config()


def test_a_draw_survives_kerastuners_own_serialization() -> None:
    hp = chosen(SPACE, optimizer="adamw", recurrent_layers=2, dense_layers=2)
    again = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert choose(again) == choose(hp)


def test_declaring_needs_no_keras() -> None:
    code = "import sys, spaces.choices; sys.exit('keras' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
