"""KerasTuner's hyperparameters as Optuna's distributions, and the values both ways.

An *internal* value is what the study holds (`trial.params`), a plain *value* what a hypermodel
sees. They differ only where Optuna has no counterpart: an ordered choice, and a range with both a
step and a logarithmic sampling, are an index over their values; `reverse_log` is a number from 0
to 1.
"""

import math
from typing import Any

from keras_tuner.engine.hyperparameters import (
    Boolean,
    Choice,
    Fixed,
    Float,
    HyperParameter,
    Int,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def key(hyperparameter: HyperParameter) -> str:
    """Name a hyperparameter in the study: its name plus the conditions it stands under.

    KerasTuner allows one name in two scopes with other ranges; Optuna has one range a name.

    Args:
        hyperparameter: Any of KerasTuner's hyperparameters.

    Returns:
        For example `units` or `momentum [optimizer=sgd]`.
    """
    conditions = [
        f"{condition.name}={'|'.join(map(str, condition.values))}"
        for condition in hyperparameter.conditions
    ]
    name: str = hyperparameter.name
    return name + (f" [{', '.join(conditions)}]" if conditions else "")


def distribution(hyperparameter: HyperParameter) -> BaseDistribution | None:
    """Give the Optuna distribution of a hyperparameter.

    Args:
        hyperparameter: Any of KerasTuner's hyperparameters.

    Returns:
        Its distribution; None for `Fixed`, which is never suggested.

    Raises:
        TypeError: If the hyperparameter is of a kind that KerasTuner does not have.
    """
    match hyperparameter:
        case Fixed():
            return None
        case Boolean():
            return CategoricalDistribution((False, True))
        case Choice(ordered=True):
            return IntDistribution(0, len(hyperparameter.values) - 1)
        case Choice():
            return CategoricalDistribution(tuple(hyperparameter.values))
        case Int() | Float():
            return _range(hyperparameter)
    raise TypeError(f"no distribution for a {type(hyperparameter).__name__}")


def _range(hp: Int | Float) -> BaseDistribution:
    if _is_indexed(hp):
        return IntDistribution(0, len(_values(hp)) - 1)
    if hp.sampling == "reverse_log":
        return FloatDistribution(0.0, 1.0)
    log = hp.sampling == "log"
    if isinstance(hp, Int):
        step = hp.step or 1
        high = hp.min_value + (hp.max_value - hp.min_value) // step * step
        return IntDistribution(hp.min_value, high, log=log, step=step)
    if hp.step is None:
        return FloatDistribution(hp.min_value, hp.max_value, log=log)
    # The small excess absorbs the rounding of ranges such as 0 to 0.3 by 0.1.
    steps = math.floor((hp.max_value - hp.min_value) / hp.step + 5e-7)
    return FloatDistribution(hp.min_value, hp.min_value + steps * hp.step, step=hp.step)


def to_value(hyperparameter: HyperParameter, internal: Any) -> Any:
    """Turn what the study holds into what the hypermodel sees.

    Args:
        hyperparameter: The hyperparameter the internal value belongs to.
        internal: A value out of its distribution.

    Returns:
        A plain Python bool, int, float or str.
    """
    match hyperparameter:
        case Choice(ordered=True):
            return hyperparameter.values[internal]
        case Int() | Float() if _is_indexed(hyperparameter):
            return _values(hyperparameter)[internal]
        case Int() | Float() if hyperparameter.sampling == "reverse_log":
            return hyperparameter.prob_to_value(min(internal, math.nextafter(1.0, 0.0)))
    return internal


def to_internal(hyperparameter: HyperParameter, value: Any) -> Any:
    """Turn a hypermodel's value into what the study holds; the inverse of `to_value`.

    Args:
        hyperparameter: The hyperparameter the value belongs to.
        value: One of its values.

    Returns:
        The value in its distribution.

    Raises:
        ValueError: If an ordered choice does not hold the value.
    """
    match hyperparameter:
        case Choice(ordered=True):
            return list(hyperparameter.values).index(value)
        case Int() | Float() if _is_indexed(hyperparameter):
            values = _values(hyperparameter)
            return min(range(len(values)), key=lambda index: abs(values[index] - value))
        case Int() | Float() if hyperparameter.sampling == "reverse_log":
            return min(max(float(hyperparameter.value_to_prob(value)), 0.0), 1.0)
    return value


def _is_indexed(hp: Int | Float) -> bool:
    return hp.sampling != "linear" and hp.step is not None


def _values(hp: Int | Float) -> list[float]:
    return [int(value) if isinstance(hp, Int) else float(value) for value in hp.values]
