"""What every space of the project's own must pass, whatever it draws."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from results.serving import load_model
from spaces import Model3, Open, violations
from spaces.open import FAMILIES
from tests.spaces.draws import chosen, draw, predict
from tests.spaces.records import padded

ROOT = Path(__file__).parents[2]
NUM_WORDS = 70
ALONE = {name: Open(NUM_WORDS, families=(name,)) for name in FAMILIES}
SPACES = {"model3": Model3(NUM_WORDS), "open": Open(NUM_WORDS), **ALONE}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
# Of Model 3 several draws, since its layers are all in one space.
DRAWS = [("model3", 0), ("model3", 1), ("conv", 1), ("attention", 1)]
MORE_DRAWS = [*(("model3", seed) for seed in range(2, 6)), *((name, 2) for name in ALONE)]


@pytest.fixture(
    scope="module",
    params=[*DRAWS, *(pytest.param(drawn, marks=pytest.mark.slow) for drawn in MORE_DRAWS)],
    ids=lambda draw: "{}-{}".format(*draw),
)
def drawn(request: pytest.FixtureRequest) -> Any:
    """A model of each draw, with an optimizer that has its variables, as a trained one does."""
    return _built(*request.param)


def _built(name: str, seed: int) -> Any:
    model = SPACES[name].build(draw(SPACES[name], seed))
    model.optimizer.build(model.trainable_variables)
    return model


@every_space
def test_building_declares_the_same_space(space: Any) -> None:
    declared, built = keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    space.declare(declared)
    space.build(built)
    assert declared.get_config() == built.get_config()


@every_space
def test_a_draw_is_read_unchanged_and_survives_kerastuners_own_serialization(space: Any) -> None:
    for seed in range(20):
        hp = draw(space, seed)
        before = dict(hp.values)
        choices = space.choose(hp)
        assert hp.values == before
        assert space.choose(keras_tuner.HyperParameters.from_config(hp.get_config())) == choices


def _assert_builds(space: Any, seed: int) -> None:
    hp = draw(space, seed)
    model = space.build(hp)
    broken = violations(model)
    if space is SPACES["model3"]:
        assert broken == ()
    else:
        recurrent = hp.values["family"] in ("recurrent", "conv-recurrent")
        assert any("not recurrent" in each for each in broken) != recurrent
        assert any("is adam" in each for each in broken) == (hp.values["optimizer"] == "adam")
    assert model.loss == "binary_crossentropy"
    assert model.input_shape == (None, None)
    assert model.input.dtype == "int32"
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize(
    ("name", "seed"),
    [("model3", seed) for seed in range(100, 140)] + [("open", seed) for seed in range(100, 120)],
)
def test_every_draw_builds_and_keeps_the_rules_of_its_space(name: str, seed: int) -> None:
    _assert_builds(SPACES[name], seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "first"),
    [("model3", first) for first in range(1_000, 1_400, 20)] + [("open", 1_000), ("open", 1_020)],
)
def test_many_more_draws_build(name: str, first: int) -> None:
    for seed in range(first, first + 20):
        _assert_builds(SPACES[name], seed)


@pytest.mark.parametrize(
    ("name", "tuner_class"),
    [
        ("model3", keras_tuner.RandomSearch),
        ("model3", keras_tuner.BayesianOptimization),
        ("model3", keras_tuner.Hyperband),
        pytest.param("open", keras_tuner.RandomSearch, marks=pytest.mark.slow),
        pytest.param("open", keras_tuner.BayesianOptimization, marks=pytest.mark.slow),
        pytest.param("open", keras_tuner.Hyperband, marks=pytest.mark.slow),
    ],
)
def test_stock_tuners_find_the_whole_space_and_propose_in_it(
    tmp_path: Path, name: str, tuner_class: Any
) -> None:
    space = SPACES[name]
    tuner = tuner_class(space, objective="val_loss", seed=1, directory=tmp_path)
    declared = keras_tuner.HyperParameters()
    space.declare(declared)
    found = tuner.oracle.get_space().space
    assert {parameter.name for parameter in found} == {p.name for p in declared.space}
    proposed = [tuner.oracle.create_trial(f"tuner{n}").hyperparameters for n in range(3)]
    for hp in proposed:
        model = space.build(hp)
        assert model.output_shape == (None, 1)
        assert name == "open" or violations(model) == ()
    assert len({str(space.choose(hp)) for hp in proposed}) == 3


def test_a_row_scores_the_same_alone_and_among_others(drawn: Any) -> None:
    ids = padded(4, 32, NUM_WORDS)
    together = predict(drawn, ids)
    alone = np.concatenate([predict(drawn, row[None]) for row in ids])
    assert together.shape == (4, 1)
    assert together.dtype == np.float32
    assert np.all((together >= 0) & (together <= 1))
    assert np.ptp(together) > 0
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(predict(drawn, ids[::-1])[::-1], together, atol=1e-6)


STRONGEST_POOLING = [
    *[
        ("model3", {"summary": summary, "conv_layers": 2, "conv_pool": 4, "conv_filters": 32})
        for summary in ("last", "max", "mean", "attention")
    ],
    ("conv", {"conv/layers": 3, "conv/pool": 4, "conv/summary": "attention"}),
    ("attention", {"attention/patch": 16, "attention/blocks": 2, "attention/summary": "mean"}),
    ("bag", {"bag/longest": 4, "bag/summary": "mean"}),
]


@pytest.mark.parametrize(("name", "values"), STRONGEST_POOLING)
def test_any_padded_length_works_under_the_strongest_pooling(
    name: str, values: dict[str, Any]
) -> None:
    model = SPACES[name].build(chosen(SPACES[name], **values))
    for length in (32, 64, 1024):
        scores = predict(model, padded(2, length, NUM_WORDS))
        assert scores.shape == (2, 1)
        assert np.all((scores >= 0) & (scores <= 1))


def test_a_saved_model_loads_compiled_or_not_and_scores_the_same(
    tmp_path: Path, drawn: Any
) -> None:
    path = tmp_path / "model.keras"
    drawn.save(path)
    ids = padded(4, 32, NUM_WORDS)
    scores = predict(drawn, ids)
    np.testing.assert_array_equal(predict(load_model(path), ids), scores)
    compiled = keras.models.load_model(path)
    np.testing.assert_array_equal(predict(compiled, ids), scores)
    assert compiled.optimizer.get_config() == drawn.optimizer.get_config()


@pytest.mark.slow
def test_saved_models_load_where_only_keras_is_known(tmp_path: Path) -> None:
    draws = [("model3", seed) for seed in range(20)] + [(family, 1) for family in FAMILIES]
    for name, seed in draws:
        _built(name, seed).save(tmp_path / f"{name}-{seed}.keras")
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
    assert done.stdout.strip() == str(len(draws)), done.stderr


# The other families' first trials are much like Model 3's.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["model3", "conv", "attention", "bag"])
def test_the_first_trial_learns_what_only_order_tells(name: str) -> None:
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.integers(1, 63, (1_536, 64), dtype=np.int32)
    y = (np.arange(1_536) % 2).astype(np.float32)
    x[:, 30:34] = np.where(y[:, None] == 1, [5, 9, 7, 3], [3, 7, 9, 5])
    seen, unseen = slice(0, 1_024), slice(1_024, None)
    size = {"rows": 1_024, "epochs": 6}
    space = Model3(63, **size) if name == "model3" else Open(63, **size, families=(name,))
    model = space.build(chosen(space))
    model.fit(x[seen], y[seen], epochs=6, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x[unseen], y[unseen], verbose=0)
    assert accuracy > 0.95


@pytest.mark.parametrize(
    "code",
    ["import spaces.choices", "from spaces import BASELINE_NAMES, epochs_for",
     "from spaces.open import FAMILIES"],
)  # fmt: skip
def test_names_and_choices_are_known_without_keras(code: str) -> None:
    check = f"import sys\n{code}\nsys.exit(bool({{'keras', 'tensorflow'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
