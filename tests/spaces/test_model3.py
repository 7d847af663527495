"""Model 3 keeps the brief whatever is drawn, and is a hypermodel that KerasTuner can drive."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from spaces import Model3, layer_count, violations
from spaces.choices import choose
from tests.spaces.draws import chosen, draw

SPACE = Model3(63)


def _assert_keeps_the_brief(seed: int) -> None:
    model = SPACE.build(draw(SPACE, seed))
    assert violations(model) == ()
    assert layer_count(model) >= 5
    assert model.loss == "binary_crossentropy"
    assert model.input_shape == (None, None)
    assert model.input.dtype == "int32"
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize("seed", range(100, 140))
def test_every_draw_keeps_the_brief(seed: int) -> None:
    _assert_keeps_the_brief(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 1_400, 20))
def test_many_more_draws_keep_the_brief(first: int) -> None:
    for seed in range(first, first + 20):
        _assert_keeps_the_brief(seed)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_barest_draw_keeps_the_brief(cell: str) -> None:
    hp = chosen(SPACE, cell=cell, bidirectional=False, wide=False)
    model = SPACE.build(hp)
    assert layer_count(model) == 10
    assert violations(model) == ()


@pytest.mark.parametrize("point", range(len(SPACE.starting_points)))
def test_a_starting_point_has_the_wide_branch(point: int) -> None:
    model = SPACE.build(chosen(SPACE, **SPACE.starting_points[point]))
    assert model.get_layer("wide_logit").scale == 300
    assert violations(model) == ()


def test_the_free_space_may_break_it() -> None:
    free = Model3(63, keep_rules=False)
    hp = chosen(
        free,
        optimizer="adam",
    )
    assert len(violations(free.build(hp))) == 1


def test_the_schedule_spans_the_training_it_is_told_of() -> None:
    hp = chosen(SPACE, batch_size=64)
    short, long = Model3(63, rows=640, epochs=2).build(hp), Model3(63, rows=640, epochs=5).build(hp)
    steps = [
        model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"]
        for model in (short, long)
    ]
    assert steps == [20, 50]


@pytest.mark.parametrize(
    "tuner_class",
    [keras_tuner.RandomSearch, keras_tuner.BayesianOptimization, keras_tuner.Hyperband],
)
def test_stock_tuners_find_the_whole_space_and_propose_in_it(
    tmp_path: Path, tuner_class: Any
) -> None:
    tuner = tuner_class(SPACE, objective="val_loss", seed=1, directory=tmp_path)
    declared = keras_tuner.HyperParameters()
    SPACE.declare(declared)
    found = tuner.oracle.get_space().space
    assert {parameter.name for parameter in found} == {p.name for p in declared.space}
    proposed = [tuner.oracle.create_trial(f"tuner{n}").hyperparameters for n in range(3)]
    for hp in proposed:
        assert violations(SPACE.build(hp)) == ()
    assert len({str(choose(hp)) for hp in proposed}) == 3


@pytest.mark.slow
def test_the_first_trial_learns_what_only_order_tells() -> None:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.integers(1, 63, (1_536, 64), dtype=np.int32)
    y = (np.arange(1_536) % 2).astype(np.float32)
    x[:, 30:34] = np.where(y[:, None] == 1, [5, 9, 7, 3], [3, 7, 9, 5])
    seen, unseen = slice(0, 1_024), slice(1_024, None)
    model = Model3(63, rows=1_024, epochs=6).build(keras_tuner.HyperParameters())
    model.fit(x[seen], y[seen], epochs=6, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x[unseen], y[unseen], verbose=0)
    assert accuracy > 0.95
