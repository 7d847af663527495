"""Networks of every family: padded lengths, independence of neighbours, training and saving."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from results.serving import load_model
from spaces import Open
from spaces.open import FAMILIES
from tests.spaces.draws import chosen, draw
from tests.spaces.records import buckets_of, padded

NUM_WORDS = 70


def _space(family: str) -> Open:
    return Open(NUM_WORDS, families=(family,))


def _drawn(family: str, seed: int = 1) -> Any:
    return _space(family).build(draw(_space(family), seed))


def _chosen(family: str, others: dict[str, Any] | None = None, **own: Any) -> Any:
    values = {f"{family}/{name}": value for name, value in own.items()}
    return _space(family).build(chosen(_space(family), **values, **(others or {})))


def _predict(model: Any, ids: Any) -> Any:
    return keras.ops.convert_to_numpy(model(ids, training=False))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_scores_the_same_alone_and_among_others(family: str) -> None:
    model = _drawn(family)
    ids = padded(4, 32, NUM_WORDS)
    together = _predict(model, ids)
    alone = np.concatenate([_predict(model, row[None]) for row in ids])
    assert together.shape == (4, 1)
    assert together.dtype == np.float32
    assert np.ptp(together) > 0
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(_predict(model, ids[::-1])[::-1], together, atol=1e-6)


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("conv", {"layers": 3, "pool": 4, "summary": "attention"}),
        ("attention", {"patch": 16, "blocks": 2, "summary": "mean"}),
        ("bag", {"longest": 4, "summary": "mean"}),
    ],
)
def test_any_padded_length_works(family: str, values: dict[str, Any]) -> None:
    model = _chosen(family, **values)
    for length in (32, 64, 1024):
        scores = _predict(model, padded(2, length, NUM_WORDS))
        assert scores.shape == (2, 1)
        assert np.all((scores >= 0) & (scores <= 1))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_of_training_moves_every_weight(family: str) -> None:
    keras.utils.set_random_seed(0)
    model = _chosen(family, {"optimizer": "adam", "dropout": 0.0}, spatial_dropout=0.0)
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    x, y = padded(16, 32, NUM_WORDS), np.arange(16) % 2
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
    one, moved, turned = _predict(model, ids)[:, 0]
    assert one == pytest.approx(moved, abs=1e-7)
    assert abs(one - turned) > 1e-7


def test_attention_tells_the_order_of_steps() -> None:
    model = _chosen("attention", summary="mean", patch=8)
    keras.utils.set_random_seed(0)
    ids = np.random.default_rng(0).integers(1, NUM_WORDS, (1, 64), dtype=np.int32)
    # Whole patches swapped, whose inner characters keep their neighbours but at the borders.
    swapped = np.concatenate([ids[:, 32:], ids[:, :32]], axis=1)
    assert abs(_predict(model, ids) - _predict(model, swapped)).max() > 1e-6
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


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_is_taken_as_harmless_and_scores_the_same(
    family: str, tmp_path: Path
) -> None:
    model = _drawn(family, 3)
    model.optimizer.build(model.trainable_variables)
    path = tmp_path / "model.keras"
    model.save(path)
    ids = padded(4, 96, NUM_WORDS)
    np.testing.assert_array_equal(_predict(load_model(path), ids), _predict(model, ids))
    compiled = keras.models.load_model(path)
    assert compiled.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.slow
def test_saved_models_load_where_only_keras_is_known(tmp_path: Path) -> None:
    for family in FAMILIES:
        model = _drawn(family)
        model.optimizer.build(model.trainable_variables)
        model.save(tmp_path / f"{family}.keras")
    code = (
        "import sys, keras, pathlib; sys.path = [p for p in sys.path if p]\n"
        "paths = list(pathlib.Path('.').glob('*.keras'))\n"
        "for path in paths: keras.models.load_model(path, safe_mode=True)\n"
        "assert not [name for name in sys.modules if name.startswith('spaces')]\n"
        "print(len(paths))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "5", done.stderr
