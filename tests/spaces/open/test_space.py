"""The space `open` is a hypermodel that KerasTuner can drive, and the brief is checked on it."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from spaces import Open, load_space, violations
from spaces.open import FAMILIES
from tests.spaces.draws import chosen, draw

SPACE = Open(63)


def _assert_builds(seed: int) -> None:
    hp = draw(SPACE, seed)
    model = SPACE.build(hp)
    recurrent = hp.values["family"] in ("recurrent", "conv-recurrent")
    broken = violations(model)
    assert any("not recurrent" in each for each in broken) != recurrent
    assert any("is adam" in each for each in broken) == (hp.values["optimizer"] == "adam")
    assert model.loss == "binary_crossentropy"
    assert model.input_shape == (None, None)
    assert model.input.dtype == "int32"
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize("seed", range(100, 120))
def test_every_draw_builds_and_is_judged_by_the_brief(seed: int) -> None:
    _assert_builds(seed)


@pytest.mark.slow
def test_many_more_draws_build() -> None:
    for seed in range(1_000, 1_040):
        _assert_builds(seed)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_trial_of_a_family_meets_the_brief_if_it_is_recurrent(family: str) -> None:
    space = load_space(f"open-{family}", 63, rows=640, epochs=2)
    model = space.build(keras_tuner.HyperParameters())
    assert (violations(model) == ()) == (family in ("recurrent", "conv-recurrent"))
    schedule = model.optimizer.get_config()["learning_rate"]["config"]
    assert schedule["decay_steps"] == 40


def test_the_whole_space_by_name() -> None:
    space = load_space("open", 63, rows=1_000, epochs=5)
    assert isinstance(space, Open)
    assert (space.num_words, space.rows, space.epochs) == (63, 1_000, 5)
    assert space.families == FAMILIES


@pytest.mark.parametrize("families", [(), ("conv", "boosted")])
def test_families_that_are_none(families: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"but must be some of .*'bag', 'conv'"):
        Open(63, families=families)


@pytest.mark.parametrize(
    "tuner_class",
    [
        keras_tuner.RandomSearch,
        pytest.param(keras_tuner.BayesianOptimization, marks=pytest.mark.slow),
        pytest.param(keras_tuner.Hyperband, marks=pytest.mark.slow),
    ],
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
        assert SPACE.build(hp).output_shape == (None, 1)
    assert len({str(SPACE.choose(hp)) for hp in proposed}) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", ["conv", "attention", "bag"]
)  # The others' is much like Model 3's.
def test_the_first_trial_learns_what_only_order_tells(family: str) -> None:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.integers(1, 63, (1_536, 64), dtype=np.int32)
    y = (np.arange(1_536) % 2).astype(np.float32)
    x[:, 30:34] = np.where(y[:, None] == 1, [5, 9, 7, 3], [3, 7, 9, 5])
    seen, unseen = slice(0, 1_024), slice(1_024, None)
    space = Open(63, rows=1_024, epochs=6, families=(family,))
    model = space.build(chosen(space))
    model.fit(x[seen], y[seen], epochs=6, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x[unseen], y[unseen], verbose=0)
    assert accuracy > 0.95
