"""Points of a conditional space: equal, taken, and walked over once each."""

import random
from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
import pytest
from hypothesis import given, strategies as st
from optuna.trial import TrialState

from results.study import INDEX, counted_trials
from search.queue import claims
from search.sampling import search_space as points
from spaces import Model3
from tests.search.asking import POINTS, conditional, space_of
from tests.search.small import Small
from tests.search.tuning import Building


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> keras_tuner.HyperParameters:
    return space_of(conditional, tmp_path_factory.mktemp("space"))


def all_points(space: keras_tuner.HyperParameters, values: str, seed: int) -> list[points.Point]:
    rng = random.Random(seed)
    taken: set[points.Identity] = set()
    found: list[points.Point] = []
    while (
        point := points.first_untried(space.space, taken, getattr(points, values)(rng))
    ) is not None:
        taken.add(points.identity(point))
        found.append(point)
        assert len(found) <= 300
    return found


@pytest.mark.parametrize("values", ["random_order", "grid_order"])
@pytest.mark.parametrize("seed", range(5))
def test_each_point_of_a_discrete_space_once(
    space: keras_tuner.HyperParameters, values: str, seed: int
) -> None:
    found = all_points(space, values, seed)
    assert len(found) == POINTS
    assert len({points.identity(point) for point in found}) == POINTS
    for point in found:
        kind = point["kind"]
        expected = {
            "none": {"kind"},
            "wide": {"kind", "width [kind=wide]"},
            "deep": {"kind", "depth [kind=deep]", "width [kind=deep]"},
        }[kind]
        if point.get("depth [kind=deep]", 1) > 1:
            expected = {*expected, "skip [kind=deep, depth=2|3]"}
        assert set(point) == expected


def test_the_seed_says_where_to_begin(space: keras_tuner.HyperParameters) -> None:
    firsts = {points.identity(all_points(space, "random_order", seed)[0]) for seed in range(20)}
    assert len(firsts) > 4
    assert all_points(space, "random_order", 1) == all_points(space, "random_order", 1)


def test_a_range_without_steps_is_never_exhausted() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Boolean("on")
    rng = random.Random(0)
    taken: set[points.Identity] = set()
    for _ in range(100):
        point = points.first_untried(hp.space, taken, points.random_order(rng))
        assert point is not None
        assert 1e-4 <= point["rate"] <= 1e-1
        taken.add(points.identity(point))
    assert len(taken) == 100


def test_a_grid_takes_ten_of_a_range_without_steps() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("share", 0, 0.9)
    hp.Int("few", 1, 3, sampling="log")
    found = all_points(hp, "grid_order", 0)
    assert len(found) == 10 * 10 * 3
    rates = sorted({point["rate"] for point in found})
    assert len(rates) == points.GRID
    assert (rates[0], rates[-1]) == (1e-4, 1e-1)
    assert rates[1] / rates[0] == pytest.approx(rates[-1] / rates[-2])
    assert sorted({point["share"] for point in found}) == pytest.approx(
        [index / 10 for index in range(10)]
    )
    assert {point["few"] for point in found} == {1, 2, 3}


def test_a_long_range_is_not_copied() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Int("seed", 0, 10**15)
    hp.Int("other", 0, 10**15)
    assert points.first_untried(hp.space, set(), points.grid_order(random.Random(0))) is not None


def test_a_space_without_choice_has_one_point() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Fixed("units", 3)
    with hp.conditional_scope("units", [3]):
        hp.Fixed("rate", 0.5)
    assert all_points(hp, "random_order", 0) == [{}]


@given(st.floats(1e-6, 1e6), st.integers(-3, 3))
def test_rounding_makes_no_other_point(value: float, ulps: int) -> None:
    value = float(f"{value:.6g}")  # As a step gives it, and so not halfway between two roundings.
    other = value * (1 + ulps * 2e-16)
    assert points.identity({"x": value, "on": True}) == points.identity({"on": True, "x": other})


def test_other_values_make_another_point() -> None:
    pairs = [({"x": 0.1}, {"x": 0.2}), ({"x": 1e-9}, {"x": 2e-9}), ({"x": "1"}, {"x": 1})]
    for one, other in [*pairs, ({"x": 1}, {"y": 1}), ({"x": 1}, {"x": 1, "y": 1}), ({}, {"x": 1})]:
        assert points.identity(one) != points.identity(other)


def tried(study: optuna.Study, own: int) -> set[points.Identity]:
    others = (trial for trial in counted_trials(study) if trial.number != own)
    return points.tried_points(others)


def test_which_points_are_tried() -> None:
    study = optuna.create_study()
    ended = {TrialState.COMPLETE: 1.0, TrialState.PRUNED: None, TrialState.FAIL: None}
    for number, (state, value) in enumerate(ended.items()):
        study.enqueue_trial({"x": float(number)})
        trial = study.ask()
        trial.suggest_float("x", 0, 10)
        study.tell(trial, value, state=state)
    running = study.ask()
    running.suggest_float("x", 0, 10)
    study.enqueue_trial({"x": 7.0})
    own = study.ask()
    own.suggest_float("x", 0, 10)
    empty = study.ask()
    study.enqueue_trial({"x": 8.0}, user_attrs={INDEX: 0})
    expected = [0.0, 1.0, 2.0, running.params["x"], 8.0]
    taken = tried(study, own.number)
    assert taken == {points.identity({"x": value}) for value in expected}
    # One that was put back stands there once: by the trial that goes on with it.
    frozen = study.get_trials()[running.number]
    claims.retry_trial(study, frozen, "lost", same_values=True)
    assert tried(study, own.number) == taken
    # What failed before it asked for a value tells nothing of the space.
    study.tell(study.ask(), state=TrialState.FAIL)
    assert points.identity({}) not in tried(study, own.number)
    study.tell(empty, 0.0)
    assert points.identity({}) in tried(study, own.number)


# ---- size and discovery --------------------------------------------------------------------------

HP = keras_tuner.HyperParameters


def flat(hp: HP) -> None:
    hp.Int("a", 1, 9, step=2)
    hp.Boolean("b")
    hp.Fixed("c", "it")
    hp.Float("d", 0.0, 0.3, step=0.1)


def nested(hp: HP) -> None:
    hp.Int("layers", 0, 3, default=2)
    for layer in range(1, 4):
        with hp.conditional_scope("layers", list(range(layer, 4))):
            hp.Int(f"units_{layer}", 16, 64, step=2, sampling="log")
            if layer == 2:
                with hp.conditional_scope("units_2", [32]):
                    hp.Choice("deep", ["x", "y", "z"])
    hp.Int("free", 1, 5, sampling="log")


def one_name_in_two_scopes(hp: HP) -> None:
    hp.Choice("kind", ["a", "b", "c"])
    with hp.conditional_scope("kind", ["a"]):
        hp.Int("units", 1, 3)
    with hp.conditional_scope("kind", ["b", "c"]):
        hp.Int("units", 1, 7)


def under_a_fixed_one(hp: HP) -> None:
    hp.Fixed("mode", 1)
    with hp.conditional_scope("mode", [1]):
        hp.Int("seen", 1, 4)
    with hp.conditional_scope("mode", [2]):
        hp.Int("unseen", 1, 4)


@pytest.mark.parametrize("declare", [flat, nested, one_name_in_two_scopes, under_a_fixed_one])
def test_all_points_are_counted_once(declare: Callable[[HP], None]) -> None:
    hp = HP()
    declare(hp)
    every = {
        tuple(sorted(point.items()))
        for point in points.enumerate_points(hp.space, points.all_values)
    }
    found = points.space_size(hp.space)
    assert (found.points, found.continuous) == (len(every), 0)
    assert len(every) > 3


def test_continuous_ranges_are_told_apart() -> None:
    found = points.space_size(points.discover_space(Small(70), None))
    assert found == points.SpaceSize(hyperparameters=3, continuous=1, points=61 * 2)


def test_model_3_is_counted_in_a_moment() -> None:
    found = points.space_size(points.discover_space(Model3(70), None))
    assert (found.hyperparameters, found.continuous) == (30, 2)
    assert found.points > 10**11


def test_a_space_that_declares_nothing_is_built() -> None:
    def build(hp: HP) -> Any:
        model = Small(70).build(hp)
        with hp.conditional_scope("optimizer", ["rmsprop"]):
            if hp.get("optimizer") == "rmsprop":
                hp.Int("found", 1, 2)
        return model

    found = points.space_size(points.discover_space(Building(build), None))
    assert found == points.SpaceSize(hyperparameters=4, continuous=1, points=61 * (1 + 2))
