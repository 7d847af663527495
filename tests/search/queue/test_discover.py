"""How large a space is said to be, against a walk over all of its points."""

from collections.abc import Callable
from typing import Any

import keras_tuner
import pytest

from search.queue.discover import SpaceSize, discover_space, space_size
from search.queue.search_space import all_values, walk
from spaces import Model3
from tests.search.small import Small
from tests.search.tuning import Building

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
    every = {tuple(sorted(point.items())) for point in walk(hp.space, all_values)}
    found = space_size(hp.space)
    assert (found.points, found.continuous) == (len(every), 0)
    assert len(every) > 3


def test_continuous_ranges_are_told_apart() -> None:
    found = space_size(discover_space(Small(70), None))
    assert found == SpaceSize(hyperparameters=3, continuous=1, points=61 * 2)


def test_model_3_is_counted_in_a_moment() -> None:
    found = space_size(discover_space(Model3(70), None))
    assert (found.hyperparameters, found.continuous) == (30, 2)
    assert found.points > 10**11


def test_a_space_that_declares_nothing_is_built() -> None:
    def build(hp: HP) -> Any:
        model = Small(70).build(hp)
        with hp.conditional_scope("optimizer", ["rmsprop"]):
            if hp.get("optimizer") == "rmsprop":
                hp.Int("found", 1, 2)
        return model

    found = space_size(discover_space(Building(build), None))
    assert found == SpaceSize(hyperparameters=4, continuous=1, points=61 * (1 + 2))
