"""The first points of a search: the defaults, or what a space's author knows to be good."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine.hyperparameters import HyperParameter

from data.errors import UserError
from search.distributions import distribution, key, to_internal
from search.points import active_values

Start = Mapping[str, Any]

DEFAULTS: Start = {}


def starts_of(space: Any) -> Sequence[Start]:
    """Give the points that a hypermodel wants tried first.

    Args:
        space: A `keras_tuner.HyperModel`. It may have an attribute `starting_points`: mappings of
            hyperparameters' names to values, the best guess first; what a mapping does not name
            takes its default.

    Returns:
        The points; where it names none, the defaults alone.
    """
    return tuple(getattr(space, "starting_points", (DEFAULTS,)))


def internal_point(space: keras_tuner.HyperParameters, start: Start) -> dict[str, Any]:
    """Write a starting point as the study holds its points.

    Args:
        space: The space as it is known by now.
        start: Values by name; where a name is missing, the default is taken.

    Returns:
        The internal values of the hyperparameters that are active there, by their keys.

    Raises:
        UserError: If the point names what is not active there, or a value that it cannot have.
    """
    point = {}

    def take(entry: HyperParameter) -> Any:
        value = start.get(entry.name, entry.default)
        if distribution(entry) is not None:
            point[key(entry)] = _internal(entry, value)
        return value

    values = active_values(space.space, take)
    for name in start:
        if name not in values:
            raise UserError(
                f"starting point {dict(start)}: the space has no hyperparameter '{name}' there"
            )
    return point


def _internal(entry: HyperParameter, value: Any) -> Any:
    try:
        if hasattr(entry, "min_value") and not entry.min_value <= value <= entry.max_value:
            raise ValueError
        return to_internal(entry, value)
    except (ValueError, TypeError):
        raise UserError(f"starting points: {entry.name} cannot be {value!r}") from None
