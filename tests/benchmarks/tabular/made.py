"""Small tables made by a rule, for the tests of this folder."""

from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner
import numpy as np

from tests.benchmarks.tabular.importance import draws
from tests.benchmarks.tabular.table import Table

REPORTS = 12

Rule = Callable[[Mapping[str, Any]], float]


def small_space() -> keras_tuner.HyperParameters:
    """Give a space of four hyperparameters, one of them conditional."""
    space = keras_tuner.HyperParameters()
    space.Choice("cell", ["gru", "lstm"])
    space.Int("layers", 1, 2)
    with space.conditional_scope("layers", [2]):
        space.Int("second", 8, 64, step=2, sampling="log")
    space.Float("rate", 1e-4, 1e-1, sampling="log")
    return space


def made(error: Rule, seconds: Rule = lambda point: 10.0, count: int = 120) -> Table:
    """Make a table whose errors fall from .5 to a rule's value."""
    space = small_space()
    points = draws(space, count)
    last = np.array([error(point) for point in points])
    falls = np.linspace(1 / REPORTS, 1, REPORTS)
    errors = 0.5 ** (1 - falls) * last[:, None] ** falls
    return Table(
        facts={"protocol": {"epochs": 3}, "data": {"slices": {"validation": 1000}}},
        space=space,
        points=points,
        val_accuracy=1 - errors,
        val_loss=2 * errors,
        seconds=np.array([seconds(point) for point in points]),
        heldout_accuracy=1 - last,
    )


def by_rate(point: Mapping[str, Any]) -> float:
    """Give an error that is lowest where the rate is .01."""
    return 0.001 + 0.02 * abs(np.log10(point["rate"]) + 2)
