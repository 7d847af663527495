"""Drawn models: shapes, padded lengths, independence of neighbours, and saving."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spaces import Model3
from spaces.layers import WIDE_BUCKETS
from tests.spaces.draws import chosen, draw
from tests.spaces.records import buckets_of, padded

NUM_WORDS = 70
SPACE = Model3(NUM_WORDS)
SUMMARIES = ["last", "max", "mean", "attention"]


def _ids(rows: int, length: int, seed: int = 0) -> Any:
    return padded(rows, length, NUM_WORDS, seed)


def _predict(model: Any, ids: Any) -> Any:
    return keras.ops.convert_to_numpy(model(ids, training=False))


@pytest.mark.parametrize("seed", range(5))
def test_a_row_scores_the_same_alone_and_among_others(seed: int) -> None:
    model = SPACE.build(draw(SPACE, seed))
    ids = _ids(4, 32, seed)
    together = _predict(model, ids)
    alone = np.concatenate([_predict(model, row[None]) for row in ids])
    assert together.shape == (4, 1)
    assert together.dtype == np.float32
    assert np.all((together >= 0) & (together <= 1))
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(_predict(model, ids[::-1])[::-1], together, atol=1e-6)


@pytest.mark.parametrize("summary", SUMMARIES)
def test_any_padded_length_works_under_the_strongest_pooling(summary: str) -> None:
    hp = chosen(SPACE, summary=summary, conv_layers=2, conv_pool=4, conv_filters=32)
    model = SPACE.build(hp)
    for length in (32, 64, 1024):
        scores = _predict(model, _ids(2, length))
        assert scores.shape == (2, 1)
        assert np.all(np.isfinite(scores))


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
    found = _predict(keras.Model(model.input, model.get_layer("wide_logit").output), ids)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert model.get_layer("wide_dropout").rate == 0.5


def test_the_branches_logits_are_added_and_the_wide_one_begins_at_zero() -> None:
    model = SPACE.build(chosen(SPACE))
    parts = [model.get_layer(name) for name in ("logit", "wide_logit")]
    ids = _ids(3, 64)

    def logits() -> list[Any]:
        return [_predict(keras.Model(model.input, part.output), ids) for part in parts]

    assert not logits()[1].any()
    model.get_layer("wide_weights").set_weights([np.full((WIDE_BUCKETS, 1), 0.01, np.float32)])
    deep, wide = logits()
    np.testing.assert_allclose(wide, 3, rtol=1e-5)
    np.testing.assert_allclose(_predict(model, ids), 1 / (1 + np.exp(-deep - wide)), rtol=1e-5)


def test_the_free_space_leaves_unused_dropout_layers_out() -> None:
    free = Model3(NUM_WORDS, keep_rules=False)
    model = free.build(chosen(free, spatial_dropout=0.0, dropout=0.0))
    assert not [layer for layer in model.layers if "dropout" in layer.name]


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


def _saved(folder: Path, seed: int) -> tuple[Path, Any]:
    """Save a drawn model with an optimizer that has its variables, as a trained one does."""
    model = SPACE.build(draw(SPACE, seed))
    model.optimizer.build(model.trainable_variables)
    path = folder / f"{seed}.keras"
    model.save(path)
    return path, model


@pytest.mark.parametrize("seed", range(5))
def test_a_saved_model_loads_compiled_and_scores_the_same(tmp_path: Path, seed: int) -> None:
    path, model = _saved(tmp_path, seed)
    loaded = keras.models.load_model(path)
    ids = _ids(4, 96)
    np.testing.assert_array_equal(_predict(loaded, ids), _predict(model, ids))
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.slow
def test_saved_models_load_where_only_keras_is_known(tmp_path: Path) -> None:
    for seed in range(20):
        _saved(tmp_path, seed)
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
    assert done.stdout.strip() == "20", done.stderr
