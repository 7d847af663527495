"""The space `open`: its families, which hyperparameters each has, and the layers of a draw."""

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spaces import Open, load_space, violations
from spaces.open import FAMILIES
from tests.spaces.draws import chosen, draw, predict
from tests.spaces.records import buckets_of, padded

NUM_WORDS = 70
SPACE = Open(NUM_WORDS)
RECURRENT = ("recurrent", "conv-recurrent")
COMMON = {
    *("dropout", "dense_layers", "wide"),
    *("optimizer", "schedule", "gradient_clip", "batch_size"),
}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_a_draw_repeats_what_was_drawn_of_its_own_family_alone(seed: int) -> None:
    hp = draw(SPACE, seed)
    values = hp.values
    choices = SPACE.choose(hp)
    family, drawn = choices.family, choices.drawn
    own = {key.partition("/")[2]: value for key, value in values.items() if "/" in key}
    assert {name.partition("/")[0] for name in values if "/" in name} == {values["family"]}
    assert values.keys() >= COMMON
    assert family == values["family"]
    assert (drawn.embedding.width, drawn.pooling) == (own["embedding"], own["summary"])
    # Something must be left of 32 characters.
    if family in RECURRENT:
        assert (drawn.conv_stem is not None) == (family == "conv-recurrent")
        assert len(drawn.recurrence.units) == own["recurrent_layers"]
        assert drawn.normalization == own["normalization"]
        assert not drawn.conv_stem or drawn.conv_stem.pool**drawn.conv_stem.layers <= 32
    elif family == "conv":
        assert (drawn.layers, drawn.pool) == (own["layers"], own.get("pool"))
        assert ("pool" in own) == (drawn.layers > 1)
        assert drawn.normalization == own["normalization"]
        assert (drawn.pool or 1) ** (drawn.layers - 1) <= 32
    elif family == "attention":
        assert drawn.width % drawn.heads == 0
        assert drawn.patch == own["patch"] <= 32
    else:
        assert (drawn.longest, drawn.buckets) == (own["longest"], own["buckets"])


@lru_cache
def _draws() -> list[dict[str, Any]]:
    return [draw(SPACE, seed).values for seed in range(300)]


def test_every_family_can_be_drawn_and_the_rules_be_broken() -> None:
    assert {values["family"] for values in _draws()} == set(FAMILIES)
    assert "adam" in {values["optimizer"] for values in _draws()}
    assert 0.0 in {values["dropout"] for values in _draws()}
    assert 0.0 in {values.get("bag/spatial_dropout") for values in _draws()}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_family_alone_is_a_space_by_name(family: str) -> None:
    space = load_space(f"open-{family}", 63, rows=640, epochs=2)
    hp = keras_tuner.HyperParameters()
    space.declare(hp)
    owners = {parameter.name.partition("/")[0] for parameter in hp.space if "/" in parameter.name}
    assert owners == {family}
    assert hp.values["family"] == family
    model = space.build(keras_tuner.HyperParameters())
    assert (violations(model) == ()) == (family in RECURRENT)
    assert model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 40


def test_the_whole_space_by_name() -> None:
    space = load_space("open", 63, rows=1_000, epochs=5)
    assert isinstance(space, Open)
    assert (space.num_words, space.rows, space.epochs) == (63, 1_000, 5)
    assert space.families == FAMILIES


@pytest.mark.parametrize("families", [(), ("conv", "boosted")])
def test_families_that_do_not_exist(families: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"but must be some of .*'bag', 'conv'"):
        Open(63, families=families)


@pytest.mark.slow
def test_a_file_more_is_a_family_more(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
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


# Layers


def _chosen(family: str, others: dict[str, Any] | None = None, **own: Any) -> Any:
    space = Open(NUM_WORDS, families=(family,))
    values = {f"{family}/{name}": value for name, value in own.items()}
    return space.build(chosen(space, **values, **(others or {})))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_of_training_moves_every_weight(family: str) -> None:
    keras.utils.set_random_seed(0)
    model = _chosen(family, {"optimizer": "adam", "dropout": 0.0}, spatial_dropout=0.0)
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    x, y = padded(16, 32, NUM_WORDS), np.arange(16) % 2
    model.run_eagerly = True  # one step: a graph takes longer
    assert np.isfinite(model.train_on_batch(x, y)[0])
    still = [
        weight.path for weight in model.trainable_weights
        if np.array_equal(before[weight.path], weight.numpy())
    ]  # fmt: skip
    # The key's bias adds the same to every score of a step, which its softmax takes out again.
    assert [path for path in still if "key/bias" not in path] == []


@pytest.mark.parametrize(("longest", "buckets"), [(1, 2**11), (2, 2**15), (4, 2**15)])
def test_a_bag_holds_every_ngram_up_to_the_longest(longest: int, buckets: int) -> None:
    space = Open(40_000, families=("bag",))  # More characters than buckets.
    model = space.build(chosen(space, **{"bag/longest": longest, "bag/buckets": buckets}))
    table = model.get_layer("embedding")
    ids = padded(3, 32, 40_000)
    hashed = keras.Model(model.input, table.input)(ids)
    assert table.input_dim == buckets
    for row, found in zip(ids, np.asarray(hashed), strict=True):
        assert found.tolist() == buckets_of(row.tolist(), longest, buckets)


def test_a_bag_knows_what_stands_together_and_not_where() -> None:
    model = _chosen("bag", longest=2)
    ids = np.full((3, 32), 5, np.int32)
    ids[0, 10:12], ids[1, 20:22], ids[2, 10:12] = (7, 8), (7, 8), (8, 7)
    one, moved, turned = predict(model, ids)[:, 0]
    assert one == pytest.approx(moved, abs=1e-7)
    assert abs(one - turned) > 1e-7


def test_attention_tells_the_order_of_steps() -> None:
    model = _chosen("attention", summary="mean", patch=8)
    keras.utils.set_random_seed(0)
    ids = np.random.default_rng(0).integers(1, NUM_WORDS, (1, 64), dtype=np.int32)
    # Whole patches swapped, whose inner characters keep their neighbours but at the borders.
    swapped = np.concatenate([ids[:, 32:], ids[:, :32]], axis=1)
    assert abs(predict(model, ids) - predict(model, swapped)).max() > 1e-6
    attention = model.get_layer("block_1_attention")
    assert (attention.num_heads, attention.key_dim) == (2, 32)


def test_a_stack_pools_between_its_layers_only() -> None:
    others = {"wide": False}
    model = _chosen("conv", others, layers=3, pool=2, normalization="batch", kernel=9)
    assert [layer.name for layer in model.layers] == [
        *("ids", "embedding", "spatial_dropout"),
        *("conv_1", "conv_1_batch_norm", "conv_1_pool"),
        *("conv_2", "conv_2_batch_norm", "conv_2_pool"),
        *("conv_3", "conv_3_batch_norm", "max", "dropout", "probability"),
    ]
    others["dropout"] = 0.0
    plain = _chosen("conv", others, layers=2, pool=1, spatial_dropout=0.0)
    assert not [layer for layer in plain.layers if "pool" in layer.name or "drop" in layer.name]
