"""The declared space `open`: which hyperparameters each family has, and what a draw reads."""

import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.families import (
    ATTENTION,
    BAG,
    CONV,
    CONV_RECURRENT,
    FAMILIES,
    RECURRENT,
    Attention,
    Bag,
    Convolutions,
    Recurrent,
    choose,
)
from spaces.open import Open
from tests.spaces.draws import chosen, draw

SPACE = Open(63)
SEEDS = st.integers(0, 2**31 - 1)
LAYERED = settings(max_examples=80, deadline=None)

# Which hyperparameters stand in a draw of which families, where nothing else decides.
OWNED = {
    "embedding": {CONV, ATTENTION, RECURRENT, CONV_RECURRENT},
    "normalization": {CONV, RECURRENT, CONV_RECURRENT},
    "stack_layers": {CONV},
    "stack_filters": {CONV},
    "stack_kernel": {CONV},
    "patch": {ATTENTION},
    "patch_kernel": {ATTENTION},
    "attention_width": {ATTENTION},
    "attention_blocks": {ATTENTION},
    "attention_heads": {ATTENTION},
    "attention_dropout": {ATTENTION},
    "ngram_longest": {BAG},
    "ngram_buckets": {BAG},
    "ngram_width": {BAG},
    "conv_layers": {CONV_RECURRENT},
    "conv_filters": {CONV_RECURRENT},
    "cell": {RECURRENT, CONV_RECURRENT},
    "recurrent_layers": {RECURRENT, CONV_RECURRENT},
    "bidirectional": {RECURRENT, CONV_RECURRENT},
    "summary": {RECURRENT, CONV_RECURRENT},
    "pooling": {CONV, ATTENTION},
    "ngram_pooling": {BAG},
    "spatial_dropout": set(FAMILIES),
    "dropout": set(FAMILIES),
    "dense_layers": set(FAMILIES),
    "optimizer": set(FAMILIES),
}
BODIES = {
    CONV: Convolutions,
    ATTENTION: Attention,
    BAG: Bag,
    RECURRENT: Recurrent,
    CONV_RECURRENT: Recurrent,
}


@LAYERED
@given(SEEDS)
def test_a_hyperparameter_has_a_value_exactly_in_its_families(seed: int) -> None:
    values = draw(SPACE, seed).values
    for name, families in OWNED.items():
        assert (name in values) == (values["family"] in families), name
    assert ("stack_pool" in values) == (values.get("stack_layers", 1) > 1)


@LAYERED
@given(SEEDS)
def test_choices_repeat_what_was_drawn(seed: int) -> None:
    hp = draw(SPACE, seed)
    before = dict(hp.values)
    choices, values = choose(hp), hp.values
    assert values == before
    body = choices.body
    assert type(body) is BODIES[choices.family]
    assert choices.family == values["family"]
    assert choices.embedding == values.get("embedding", values.get("ngram_width"))
    ends = [values[name] for name in ("summary", "pooling", "ngram_pooling") if name in values]
    assert [choices.head.summary] == ends
    if isinstance(body, Recurrent):
        assert (body.front is not None) == (choices.family == CONV_RECURRENT)
        assert len(body.recurrence.units) == values["recurrent_layers"]
        assert body.normalization == values["normalization"]
    elif isinstance(body, Convolutions):
        assert (body.layers, body.pool) == (values["stack_layers"], values.get("stack_pool"))
        assert body.normalization == values["normalization"]
    elif isinstance(body, Attention):
        assert body.width % body.heads == 0
        assert body.patch == values["patch"]
    else:
        assert (body.longest, body.buckets) == (values["ngram_longest"], values["ngram_buckets"])


@LAYERED
@given(SEEDS)
def test_ranges_leave_something_of_32_characters(seed: int) -> None:
    body = choose(draw(SPACE, seed)).body
    if isinstance(body, Convolutions):
        assert (body.pool or 1) ** (body.layers - 1) <= 32
    elif isinstance(body, Attention):
        assert body.patch <= 32
    elif isinstance(body, Recurrent) and body.front:
        assert body.front.pool**body.front.layers <= 32


@lru_cache
def _draws() -> list[dict[str, Any]]:
    return [draw(SPACE, seed).values for seed in range(300)]


def test_every_family_can_be_drawn_and_the_brief_be_broken() -> None:
    assert {values["family"] for values in _draws()} == set(FAMILIES)
    assert "adam" in {values["optimizer"] for values in _draws()}
    assert 0.0 in {values["dropout"] for values in _draws()}
    assert 0.0 in {values["spatial_dropout"] for values in _draws()}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_family_alone_declares_nothing_of_the_others(family: str) -> None:
    hp = keras_tuner.HyperParameters()
    Open(63, families=(family,)).declare(hp)
    names = {parameter.name for parameter in hp.space}
    assert {name for name in OWNED if name in names} == {
        name for name, families in OWNED.items() if family in families
    }
    assert hp.values["family"] == family


@pytest.mark.parametrize("families", [FAMILIES, *[(family,) for family in FAMILIES]])
def test_building_declares_the_same_space(families: tuple[str, ...]) -> None:
    space = Open(63, families=families)
    declared, built = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    space.declare(declared)
    space.build(built)
    assert declared.get_config() == built.get_config()


def test_a_draw_survives_kerastuners_own_serialization() -> None:
    hp = chosen(SPACE, family=CONV_RECURRENT, optimizer="adam", recurrent_layers=2)
    again = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert choose(again) == choose(hp)


def test_declaring_needs_no_keras() -> None:
    code = "import sys, spaces.families; sys.exit('keras' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
