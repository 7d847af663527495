"""Points of a conditional space: equal, taken, and walked over once each."""

import random

import keras_tuner
import optuna
import pytest
from hypothesis import given, strategies as st
from optuna.trial import TrialState

from results.study import INDEX
from search.queue import queue as slots, search_space as points
from search.queue.distributions import param_key
from tests.search.asking import POINTS, conditional, space_of


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> keras_tuner.HyperParameters:
    return space_of(conditional, tmp_path_factory.mktemp("space"))


def all_points(space: keras_tuner.HyperParameters, values: str, seed: int) -> list[points.Point]:
    rng = random.Random(seed)
    taken: set[points.Identity] = set()
    found: list[points.Point] = []
    while (point := points.unseen(space.space, taken, getattr(points, values)(rng))) is not None:
        taken.add(points.identity(point))
        found.append(point)
        assert len(found) <= 300
    return found


@pytest.mark.parametrize("values", ["anywhere", "on_grid"])
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
    firsts = {points.identity(all_points(space, "anywhere", seed)[0]) for seed in range(20)}
    assert len(firsts) > 4
    assert all_points(space, "anywhere", 1) == all_points(space, "anywhere", 1)


def test_a_range_without_steps_is_never_exhausted() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Boolean("on")
    rng = random.Random(0)
    taken: set[points.Identity] = set()
    for _ in range(100):
        point = points.unseen(hp.space, taken, points.anywhere(rng))
        assert point is not None
        assert 1e-4 <= point["rate"] <= 1e-1
        taken.add(points.identity(point))
    assert len(taken) == 100


def test_a_grid_takes_ten_of_a_range_without_steps() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("share", 0, 0.9)
    hp.Int("few", 1, 3, sampling="log")
    found = all_points(hp, "on_grid", 0)
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
    assert points.unseen(hp.space, set(), points.on_grid(random.Random(0))) is not None


def test_a_space_without_choice_has_one_point() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Fixed("units", 3)
    with hp.conditional_scope("units", [3]):
        hp.Fixed("rate", 0.5)
    assert all_points(hp, "anywhere", 0) == [{}]


@given(st.floats(1e-6, 1e6), st.integers(-3, 3))
def test_rounding_makes_no_other_point(value: float, ulps: int) -> None:
    other = value * (1 + ulps * 2e-16)
    assert points.identity({"x": value, "on": True}) == points.identity({"on": True, "x": other})


def test_other_values_make_another_point() -> None:
    pairs = [({"x": 0.1}, {"x": 0.2}), ({"x": 1e-9}, {"x": 2e-9}), ({"x": "1"}, {"x": 1})]
    for one, other in [*pairs, ({"x": 1}, {"y": 1}), ({"x": 1}, {"x": 1, "y": 1}), ({}, {"x": 1})]:
        assert points.identity(one) != points.identity(other)


def test_which_points_are_taken() -> None:
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
    taken = points.known(study, apart_from=own.number)
    assert taken == {points.identity({"x": value}) for value in expected}
    # One that was put back stands there once: by the trial that goes on with it.
    frozen = study.get_trials()[running.number]
    slots.replace(study, frozen, "lost", same_values=True)
    assert points.known(study, apart_from=own.number) == taken
    # What failed before it asked for a value tells nothing of the space.
    study.tell(study.ask(), state=TrialState.FAIL)
    assert points.identity({}) not in points.known(study, apart_from=own.number)
    study.tell(empty, 0.0)
    assert points.identity({}) in points.known(study, apart_from=own.number)


def test_keys_name_the_points(space: keras_tuner.HyperParameters) -> None:
    keys = {param_key(entry) for entry in space.space}
    assert all(set(point) <= keys for point in all_points(space, "anywhere", 0))
