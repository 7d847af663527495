"""The declared space `open`: which hyperparameters each family has, and what a draw reads."""

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from hypothesis import given, settings, strategies as st

from spaces import Open
from spaces.open import FAMILIES
from tests.spaces.draws import chosen, draw

SPACE = Open(63)
SEEDS = st.integers(0, 2**31 - 1)
LAYERED = settings(max_examples=80, deadline=None)
COMMON = {
    *("dropout", "dense_layers", "wide"),
    *("optimizer", "schedule", "gradient_clip", "batch_size"),
}


@LAYERED
@given(SEEDS)
def test_a_hyperparameter_has_a_value_in_its_own_family_alone(seed: int) -> None:
    values = draw(SPACE, seed).values
    owners = {name.partition("/")[0] for name in values if "/" in name}
    assert owners == {values["family"]}
    assert values.keys() >= COMMON
    if values["family"] == "conv":
        assert ("conv/pool" in values) == (values["conv/layers"] > 1)


@LAYERED
@given(SEEDS)
def test_a_draw_repeats_what_was_drawn(seed: int) -> None:
    hp = draw(SPACE, seed)
    before = dict(hp.values)
    choices = SPACE.choose(hp)
    assert hp.values == before
    family, drawn = choices.family, choices.drawn
    own = {key.partition("/")[2]: value for key, value in before.items() if "/" in key}
    assert family == before["family"]
    assert (drawn.embedding.width, drawn.pooling) == (own["embedding"], own["summary"])
    if family in ("recurrent", "conv-recurrent"):
        assert (drawn.conv_stem is not None) == (family == "conv-recurrent")
        assert len(drawn.recurrence.units) == own["recurrent_layers"]
        assert drawn.normalization == own["normalization"]
    elif family == "conv":
        assert (drawn.layers, drawn.pool) == (own["layers"], own.get("pool"))
        assert drawn.normalization == own["normalization"]
    elif family == "attention":
        assert drawn.width % drawn.heads == 0
        assert drawn.patch == own["patch"]
    else:
        assert (drawn.longest, drawn.buckets) == (own["longest"], own["buckets"])


@LAYERED
@given(SEEDS)
def test_ranges_leave_something_of_32_characters(seed: int) -> None:
    choices = SPACE.choose(draw(SPACE, seed))
    drawn = choices.drawn
    if choices.family == "conv":
        assert (drawn.pool or 1) ** (drawn.layers - 1) <= 32
    elif choices.family == "attention":
        assert drawn.patch <= 32
    elif choices.family == "conv-recurrent":
        assert drawn.conv_stem.pool**drawn.conv_stem.layers <= 32


@lru_cache
def _draws() -> list[dict[str, Any]]:
    return [draw(SPACE, seed).values for seed in range(300)]


def test_every_family_can_be_drawn_and_the_brief_be_broken() -> None:
    assert {values["family"] for values in _draws()} == set(FAMILIES)
    assert "adam" in {values["optimizer"] for values in _draws()}
    assert 0.0 in {values["dropout"] for values in _draws()}
    assert 0.0 in {values.get("bag/spatial_dropout") for values in _draws()}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_family_alone_declares_nothing_of_the_others(family: str) -> None:
    hp = keras_tuner.HyperParameters()
    Open(63, families=(family,)).declare(hp)
    owners = {parameter.name.partition("/")[0] for parameter in hp.space if "/" in parameter.name}
    assert owners == {family}
    assert hp.values["family"] == family


@pytest.mark.parametrize("searched", [FAMILIES, *[(family,) for family in FAMILIES]])
def test_building_declares_the_same_space(searched: tuple[str, ...]) -> None:
    space = Open(63, families=searched)
    declared, built = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    space.declare(declared)
    space.build(built)
    assert declared.get_config() == built.get_config()


def test_a_draw_survives_kerastuners_own_serialization() -> None:
    hp = chosen(SPACE, family="conv-recurrent", optimizer="adam")
    again = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert SPACE.choose(again) == SPACE.choose(hp)


def test_knowing_the_families_needs_no_keras() -> None:
    code = "import sys, spaces.open; spaces.open.FAMILIES; sys.exit('keras' in sys.modules)"
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.slow
def test_a_file_more_is_a_family_more(tmp_path: Path) -> None:
    root = Path(__file__).parents[4]
    for package in ("data", "spaces"):
        shutil.copytree(root / package, tmp_path / package)
    (tmp_path / "spaces" / "open" / "families" / "mean_of_all.py").write_text(
        "import keras\n"
        "from spaces import choices, layers\n"
        "def declare(hp):\n"
        "    return choices.embedding(hp)\n"
        "def build(ids, drawn, num_words):\n"
        "    return keras.ops.mean(layers.embed(ids, drawn, num_words), axis=1)\n"
    )
    code = (
        "import keras_tuner\n"
        "from spaces import load_space\n"
        "hp = keras_tuner.HyperParameters()\n"
        "print(load_space('open-mean-of-all', 63).build(hp).count_params(), hp.values['family'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{63 * 32 + 32 + 1 + 2**16} mean-of-all\n", done.stderr
