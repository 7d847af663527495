"""Points of a conditional space: found, counted, enumerated, and told apart.

A point holds the internal values of the active hyperparameters by their keys, as a trial's
`params` do.
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.src.engine.hypermodel import get_hypermodel
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from search.common import limit_parameters
from search.optuna_private import FIXED
from search.sampling.distributions import (
    from_code,
    param_key,
    to_coded,
    to_distribution,
    to_value,
)
from search.sampling.hyperparameters import ScopedHyperParameters

Point = Mapping[str, Any]
Identity = frozenset[tuple[str, Any]]
# Gives the values to try of a distribution, as a sampler is shown it, the most wanted first.
ValuesOf = Callable[[BaseDistribution], Iterable[Any]]
Learn = Callable[[Sequence[HyperParameter]], None]

# How many values a grid takes of a range without a step, as KerasTuner's grid does.
GRID = 10


# ---- discovery ---------------------------------------------------------------------------------


def discover_space(
    hypermodel: Any, max_parameters: int | None = None, learn: Learn | None = None
) -> list[HyperParameter]:
    """Find a space's entries, conditional ones too, before its first trial.

    Args:
        hypermodel: A `keras_tuner.HyperModel` or a function of `hp`. If it has no method
            `declare(hp)`, models are built until every conditional scope was active once.
        max_parameters: A model that has more is not built; None for no bound.
        learn: Called with the entries each time that some were found.

    Returns:
        KerasTuner's entries, parents before children.

    Raises:
        ModelTooLarge: If a model has more parameters than `max_parameters`.
    """
    discovery = _Discovery(hypermodel, learn)
    declare = getattr(hypermodel, "declare", None)
    if declare is not None:
        space = discovery.get_space()
        declare(space)
        discovery.update_space(space)
    else:
        with limit_parameters(max_parameters):
            discovery._populate_initial_space()
    return list(discovery.space.space)


class _Discovery(BaseTuner):
    """KerasTuner's way to build until all scopes were active, without its folder and oracle."""

    def __init__(self, hypermodel: Any, learn: Learn | None) -> None:
        self.hypermodel = get_hypermodel(hypermodel)
        self.oracle = self
        self.space = ScopedHyperParameters()
        self._learn = learn

    def get_space(self) -> keras_tuner.HyperParameters:
        return ScopedHyperParameters.from_config(self.space.get_config())

    def update_space(self, found: keras_tuner.HyperParameters) -> None:
        self.space.merge(found.space, overwrite=False)
        if self._learn is not None:
            self._learn(found.space)


# ---- size --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpaceSize:
    """How large a space is.

    Attributes:
        hyperparameters: How many names it has, active or not; fixed ones are not counted.
        continuous: How many of them are ranges without a step.
        points: How many points the others make, conditions heeded.
    """

    hyperparameters: int
    continuous: int
    points: int


def space_size(space: Sequence[HyperParameter]) -> SpaceSize:
    """Count a space, given as KerasTuner's entries, parents before children."""
    targets = {entry.name: to_distribution(entry) for entry in space}
    tuned = [target for target in targets.values() if target is not None]
    return SpaceSize(len(tuned), sum(map(_is_continuous, tuned)), _count_points(space))


def _count_points(space: Sequence[HyperParameter]) -> int:
    conditions = [condition for entry in space for condition in entry.conditions]

    @cache
    def count(index: int, known: Identity) -> int:
        """Count the ways on from an entry, if the parents before it have these values."""
        if index == len(space):
            return 1
        # What no later entry looks at would only make equal states differ.
        needed = {c.name for entry in space[index:] for c in entry.conditions}
        needed |= {entry.name for entry in space[index:]}
        known = frozenset(item for item in known if item[0] in needed)
        entry, plain = space[index], dict(known)
        active = all(condition.is_active(plain) for condition in entry.conditions)
        if not active or entry.name in plain:
            return count(index + 1, known)
        again = any(later.name == entry.name for later in space[index + 1 :])
        ways = 0
        for value, times in _groups(entry, conditions):
            seen = known | {(entry.name, value)} if again or value is not None else known
            ways += times * count(index + 1, seen)
        return ways

    return count(0, frozenset())


def _groups(entry: HyperParameter, conditions: Iterable[Any]) -> list[tuple[Any, int]]:
    """Return the values that a condition names, each once, and None for all the others together."""
    target = to_distribution(entry)
    if target is None:
        return [(entry.default, 1)]
    if _is_continuous(target):
        return [(None, 1)]
    named = [v for c in conditions if c.name == entry.name for v in c.values]
    if not named:
        return [(None, 1 if target.single() else len(all_values(target)))]
    values = [to_value(entry, internal) for internal in all_values(target)]
    chosen = [value for value in values if value in named]
    others = len(values) - len(chosen)
    return [(value, 1) for value in chosen] + ([(None, others)] if others else [])


def _is_continuous(target: BaseDistribution) -> bool:
    return isinstance(target, FloatDistribution) and target.step is None and not target.single()


def all_values(target: BaseDistribution) -> Sequence[Any]:
    """Return all values, as the study holds them, of a distribution that has finitely many.

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


# ---- points ------------------------------------------------------------------------------------


def identity(point: Point) -> Identity:
    """Return what two equal points share: floats are equal if they differ by a step's rounding."""
    return frozenset(
        (name, float(f"{value:.12g}") if isinstance(value, float) else value)
        for name, value in point.items()
    )


def tried_points(
    trials: Iterable[FrozenTrial], cache: dict[int, Identity] | None = None
) -> set[Identity]:
    """Return the points that were tried, are being tried, or wait to be tried again.

    `cache` keeps the points of trials that have ended, by number; those that it lacks are added.
    """
    cache = {} if cache is None else cache
    tried = set()
    for trial in trials:
        if trial.number in cache:
            tried.add(cache[trial.number])
            continue
        waits = trial.state == TrialState.WAITING
        point = trial.system_attrs.get(FIXED, {}) if waits else trial.params
        # What has no value yet may still get one, and what failed may have failed before: only a
        # trial that trained shows a space without.
        if point or trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            found = identity(point)
            tried.add(found)
            if trial.state.is_finished():
                cache[trial.number] = found
    return tried


def first_untried(
    space: Sequence[HyperParameter], tried: set[Identity], values_of: ValuesOf
) -> Point | None:
    """Return the first point that was not tried; None if there is no other."""
    # Each tried point is met at most once: the walk is as short as the study.
    points = enumerate_points(space, values_of)
    return next((point for point in points if identity(point) not in tried), None)


def enumerate_points(space: Sequence[HyperParameter], values_of: ValuesOf) -> Iterator[Point]:
    """Walk over all points of a space, given as entries, parents before children."""

    def onwards(index: int, plain: dict[str, Any], point: dict[str, Any]) -> Iterator[Point]:
        if index == len(space):
            yield point
            return
        entry = space[index]
        active = all(condition.is_active(plain) for condition in entry.conditions)
        if not active or entry.name in plain:
            yield from onwards(index + 1, plain, point)
            return
        target = to_coded(entry)
        if target is None:
            yield from onwards(index + 1, {**plain, entry.name: entry.default}, point)
            return
        for internal in (from_code(entry, code) for code in values_of(target)):
            value = to_value(entry, internal)
            known = {**plain, entry.name: value}
            yield from onwards(index + 1, known, {**point, param_key(entry): internal})

    return onwards(0, {}, {})


def random_order(rng: random.Random) -> ValuesOf:
    """Try all values of what has finitely many, from any one on, and three of any other range."""

    def values_of(target: BaseDistribution) -> Iterable[Any]:
        if not _is_continuous(target):
            if isinstance(target, FloatDistribution) and target.step is None:
                return [target.low]
            return _rotated(all_values(target), rng)
        assert isinstance(target, FloatDistribution)
        if target.log:
            low, high = math.log(target.low), math.log(target.high)
            return [_inside(target, math.exp(rng.uniform(low, high))) for _ in range(3)]
        return [rng.uniform(target.low, target.high) for _ in range(3)]

    return values_of


def grid_order(rng: random.Random) -> ValuesOf:
    """Try all values of steps or choices, and ten, evenly spread, of any other range."""

    def values_of(target: BaseDistribution) -> Iterable[Any]:
        if not isinstance(target, FloatDistribution | IntDistribution):
            return _rotated(all_values(target), rng)
        if target.step is not None and not target.log:
            return _rotated(all_values(target), rng)
        spread = (np.geomspace if target.log else np.linspace)(target.low, target.high, GRID)
        kind = round if isinstance(target, IntDistribution) else float
        return _rotated(sorted({kind(_inside(target, value)) for value in spread}), rng)

    return values_of


def _inside(target: FloatDistribution | IntDistribution, number: float) -> float:
    return min(max(number, target.low), target.high)


def _rotated(values: Sequence[Any], rng: random.Random) -> Iterator[Any]:
    """Begin anywhere and go round, without a copy of what may be a long range."""
    start = rng.randrange(len(values))
    return chain(
        (values[index] for index in range(start, len(values))),
        (values[index] for index in range(start)),
    )
