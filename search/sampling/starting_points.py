"""The first points of a search: the defaults, or what a space's author knows to be good."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine.hyperparameters import HyperParameter

from data.common import UserError
from search.sampling.distributions import (
    active_values,
    holds,
    offer,
    param_key,
    to_distribution,
    to_internal,
    to_value,
)

StartingPoint = Mapping[str, Any]

DEFAULTS: StartingPoint = {}

# Stands before the name of a value whose entry is yet to be met; no entry's key begins so.
_WAITING = "="


class StartError(UserError, ValueError):
    """A starting point has a value that its hyperparameter cannot have."""


def starting_points_of(space: Any) -> Sequence[StartingPoint]:
    """Return the points that a hypermodel wants tried first.

    Args:
        space: A `keras_tuner.HyperModel`. It may have an attribute `starting_points`: mappings of
            hyperparameters' names to values, the best guess first; what a mapping does not name
            takes its default.

    Returns:
        The points; if it names none, the defaults alone.
    """
    return tuple(getattr(space, "starting_points", (DEFAULTS,)))


def internal_point(space: keras_tuner.HyperParameters, start: StartingPoint) -> dict[str, Any]:
    """Write a starting point as the study holds its points, with defaults for what it lacks.

    What it names besides the active hyperparameters waits: `fit`, or a branch of `build`, may be
    the first to ask for it.
    """
    point = {}

    def take(entry: HyperParameter) -> Any:
        if to_distribution(entry) is None:
            return entry.default
        if entry.name in start:
            point[param_key(entry)] = nearest(entry, start[entry.name], "a starting point's")
        else:
            point[param_key(entry)] = nearest(entry, entry.default, "its default")
        return to_value(entry, point[param_key(entry)])

    met = active_values(space.space, take)
    waiting = {_WAITING + name: value for name, value in start.items() if name not in met}
    return {**point, **waiting}


def check_start(space: keras_tuner.HyperParameters, start: StartingPoint) -> None:
    """Refuse a starting point with a value that its hyperparameter cannot have."""

    def take(entry: HyperParameter) -> Any:
        value = start.get(entry.name, entry.default)
        if entry.name in start:
            _check(entry, value)
        return value

    active_values(space.space, take)


def waiting_values(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a starting point's values whose entries were unknown when its trial began, by name."""
    return {name[1:]: value for name, value in fixed.items() if name.startswith(_WAITING)}


def nearest(entry: HyperParameter, value: Any, whose: str) -> Any:
    """Return what comes nearest to somebody's value, as the study holds it; warn if it moved."""
    try:
        internal = to_internal(entry, value)
    except (ValueError, TypeError):
        internal = to_internal(entry, entry.default)
    if not holds(entry, value):
        warnings.warn(
            f"hyperparameter '{entry.name}': {whose} {value!r} is not in {offer(entry)}; "
            f"{to_value(entry, internal)!r} is tried instead",
            stacklevel=2,
        )
    return internal


def _check(entry: HyperParameter, value: Any) -> None:
    try:
        if hasattr(entry, "min_value") and not entry.min_value <= value <= entry.max_value:
            raise ValueError
        if to_distribution(entry) is None and not holds(entry, value):
            raise ValueError
        to_internal(entry, value)
    except (ValueError, TypeError):
        raise StartError(
            f"starting points: {entry.name} cannot be {value!r}, only {offer(entry)}"
        ) from None
