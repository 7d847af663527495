"""Points of a conditional space: when two are one, which are known, and how to walk over them all.

A point holds the internal values of the active hyperparameters by their keys, as a trial's
`params` do.
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import optuna
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from results.study import counted_trials
from search.queue import queue as slots
from search.queue.distributions import param_key, to_distribution, to_value

Point = Mapping[str, Any]
Identity = frozenset[tuple[str, Any]]

# How many values a grid takes of a range without a step, as KerasTuner's grid does.
GRID = 10


def active_values(
    space: Iterable[HyperParameter],
    value_of: Callable[[HyperParameter], Any],
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give each active entry of a space its value.

    Args:
        space: KerasTuner's entries, parents before children.
        value_of: Gives the value of an entry, asked in that order.
        known: Values by name that stand already.

    Returns:
        The values by name, the known ones first.
    """
    values = dict(known or {})
    for entry in space:
        active = all(condition.is_active(values) for condition in entry.conditions)
        if active and entry.name not in values:
            values[entry.name] = value_of(entry)
    return values


def identity(point: Point) -> Identity:
    """Give what two equal points share: floats count as equal where a step's rounding differs.

    Args:
        point: A point.

    Returns:
        Something to compare and to keep in a set.
    """
    return frozenset(
        (name, float(f"{value:.12g}") if isinstance(value, float) else value)
        for name, value in point.items()
    )


def known(
    study: optuna.Study, apart_from: int | None, kept: dict[int, Identity] | None = None
) -> set[Identity]:
    """Give the points that are taken: tried, being tried, or waiting to be tried again.

    Args:
        study: The study.
        apart_from: Number of the trial that is left out, if any.
        kept: The identities of trials that have ended, by number; those that it lacks are added.

    Returns:
        The points of the trials that a budget counts.
    """
    taken = set()
    kept = {} if kept is None else kept
    for trial in counted_trials(study):
        if trial.number == apart_from:
            continue
        if trial.number in kept:
            taken.add(kept[trial.number])
            continue
        point = trial.params
        if trial.state == TrialState.WAITING:
            point = trial.system_attrs.get(slots.FIXED, {})
        # What has no value yet may still get one, and what failed may have failed before: only a
        # trial that trained shows a space without.
        if point or trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            found = identity(point)
            taken.add(found)
            if trial.state.is_finished():
                kept[trial.number] = found
    return taken


def unseen(
    space: Sequence[HyperParameter],
    taken: set[Identity],
    values: Callable[[BaseDistribution], Iterable[Any]],
) -> Point | None:
    """Find a point that is not taken.

    Args:
        space: KerasTuner's entries, parents before children.
        taken: The points that are taken.
        values: The values to try of a distribution, the most wanted first.

    Returns:
        The first point that is not taken; None where there is no other.
    """
    # Each taken point is met at most once: the walk is as short as the study.
    return next((point for point in walk(space, values) if identity(point) not in taken), None)


def walk(
    space: Sequence[HyperParameter], values: Callable[[BaseDistribution], Iterable[Any]]
) -> Iterator[Point]:
    """Walk over all points.

    Args:
        space: KerasTuner's entries, parents before children.
        values: The values to try of a distribution.

    Yields:
        The points.
    """

    def onwards(index: int, plain: dict[str, Any], point: dict[str, Any]) -> Iterator[Point]:
        if index == len(space):
            yield point
            return
        entry = space[index]
        active = all(condition.is_active(plain) for condition in entry.conditions)
        if not active or entry.name in plain:
            yield from onwards(index + 1, plain, point)
            return
        target = to_distribution(entry)
        if target is None:
            yield from onwards(index + 1, {**plain, entry.name: entry.default}, point)
            return
        for internal in values(target):
            value = to_value(entry, internal)
            yield from onwards(
                index + 1, {**plain, entry.name: value}, {**point, param_key(entry): internal}
            )

    return onwards(0, {}, {})


def anywhere(rng: random.Random) -> Callable[[BaseDistribution], Iterable[Any]]:
    """Try all values of what has finitely many, and some of any other range.

    Args:
        rng: Says where to begin.

    Returns:
        For `unseen`.
    """

    def values(target: BaseDistribution) -> Iterable[Any]:
        if not isinstance(target, FloatDistribution) or target.step is not None:
            return _turned(all_values(target), rng)
        if target.single():
            return [target.low]
        if target.log:
            low, high = math.log(target.low), math.log(target.high)
            return [_inside(target, math.exp(rng.uniform(low, high))) for _ in range(3)]
        return [rng.uniform(target.low, target.high) for _ in range(3)]

    return values


def on_grid(rng: random.Random) -> Callable[[BaseDistribution], Iterable[Any]]:
    """Try all values of what has steps or choices, and ten, evenly spread, of any other range.

    Args:
        rng: Says where to begin.

    Returns:
        For `unseen`.
    """

    def values(target: BaseDistribution) -> Iterable[Any]:
        if not isinstance(target, FloatDistribution | IntDistribution):
            return _turned(all_values(target), rng)
        if target.step is not None and not target.log:
            return _turned(all_values(target), rng)
        spread = (np.geomspace if target.log else np.linspace)(target.low, target.high, GRID)
        kind = round if isinstance(target, IntDistribution) else float
        return _turned(sorted({kind(_inside(target, value)) for value in spread}), rng)

    return values


def _inside(target: FloatDistribution | IntDistribution, number: float) -> float:
    return min(max(number, target.low), target.high)


def all_values(target: BaseDistribution) -> Sequence[Any]:
    """Give all values of a distribution that has finitely many.

    Args:
        target: The distribution.

    Returns:
        Its values as the study holds them.

    Raises:
        TypeError: If it has too many.
    """
    match target:
        case CategoricalDistribution():
            return target.choices
        case IntDistribution():
            return range(target.low, target.high + 1, target.step)
        case FloatDistribution(step=float(step)):
            steps = round((target.high - target.low) / step)
            return [min(target.low + index * step, target.high) for index in range(steps + 1)]
    raise TypeError(f"{target} has too many values")


def _turned(values: Sequence[Any], rng: random.Random) -> Iterator[Any]:
    """Begin anywhere and go round, without a copy of what may be a long range."""
    start = rng.randrange(len(values))
    return chain(
        (values[index] for index in range(start, len(values))),
        (values[index] for index in range(start)),
    )
