"""How large a space is: its hyperparameters, and how many points they have, without training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.src.engine.hypermodel import get_hypermodel
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search.common import limit_parameters
from search.queue.distributions import to_distribution, to_value
from search.queue.hyperparameters import ScopedHyperParameters
from search.queue.search_space import all_values

Known = frozenset[tuple[str, Any]]


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


def discover_space(
    hypermodel: Any,
    max_parameters: int | None = None,
    learn: Callable[[Sequence[HyperParameter]], None] | None = None,
) -> list[HyperParameter]:
    """Find a space's entries, conditional ones too, as a search does before its first trial.

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

    def __init__(
        self, hypermodel: Any, learn: Callable[[Sequence[HyperParameter]], None] | None
    ) -> None:
        self.hypermodel = get_hypermodel(hypermodel)
        self.oracle = self
        self.space = ScopedHyperParameters()
        self._learn = learn

    def get_space(self) -> keras_tuner.HyperParameters:
        """Give a copy of what was found by now."""
        return ScopedHyperParameters.from_config(self.space.get_config())

    def update_space(self, found: keras_tuner.HyperParameters) -> None:
        """Add what a build has met."""
        self.space.merge(found.space, overwrite=False)
        if self._learn is not None:
            self._learn(found.space)


def space_size(space: Sequence[HyperParameter]) -> SpaceSize:
    """Count a space.

    Args:
        space: KerasTuner's entries, parents before children.

    Returns:
        Its size.
    """
    targets = {entry.name: to_distribution(entry) for entry in space}
    tuned = [target for target in targets.values() if target is not None]
    return SpaceSize(len(tuned), sum(map(_is_continuous, tuned)), _points(space))


def _points(space: Sequence[HyperParameter]) -> int:
    conditions = [condition for entry in space for condition in entry.conditions]

    @cache
    def count(index: int, known: Known) -> int:
        """Count the ways on from an entry, where the parents before it have these values."""
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
    """Give the values that a condition names, each once, and None for all the others together."""
    target = to_distribution(entry)
    if target is None:
        return [(entry.default, 1)]
    if _is_continuous(target):
        return [(None, 1)]
    named = [
        value for condition in conditions if condition.name == entry.name
        for value in condition.values
    ]  # fmt: skip
    if not named:
        return [(None, _length(target))]
    values = [to_value(entry, internal) for internal in all_values(target)]
    chosen = [value for value in values if value in named]
    others = len(values) - len(chosen)
    return [(value, 1) for value in chosen] + ([(None, others)] if others else [])


def _length(target: BaseDistribution) -> int:
    return 1 if target.single() else len(all_values(target))


def _is_continuous(target: BaseDistribution) -> bool:
    if isinstance(target, CategoricalDistribution | IntDistribution):
        return False
    assert isinstance(target, FloatDistribution)
    return target.step is None and not target.single()
