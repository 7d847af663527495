"""KerasTuner's hyperparameters as Optuna's distributions, and the values both ways.

The study holds the values that a hypermodel sees, so that Optuna's own tools show them; what it
holds is called *internal*, and differs from them by rounding at most. If Optuna has no range of a
kind, a sampler is shown a *code* instead, from which it learns what the study cannot tell it:

* of an ordered choice, and of a range with both a step and a logarithmic sampling, which the study
  holds as choices, the index;
* of `reverse_log` without a step the mirrored value: the sum of the range's ends, less the value,
  is logarithmic in the same range.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
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

# Absorbs the rounding in how often a step fits, as in 0 to 0.3 by 0.1.
_EXCESS = 5e-7


def param_key(hyperparameter: HyperParameter) -> str:
    r"""Name a hyperparameter in the study: its name plus the conditions it stands under.

    KerasTuner allows one name in two scopes with other ranges; Optuna has one range a name.

    Returns:
        For example `units` or `momentum [optimizer=sgd|rmsprop]`; a `\` stands before each of the
        characters `\|,=[]` that a name or a value has itself.
    """
    conditions = [
        f"{_escape(condition.name)}={'|'.join(map(_escape, condition.values))}"
        for condition in hyperparameter.conditions
    ]
    return _escape(hyperparameter.name) + (f" [{', '.join(conditions)}]" if conditions else "")


def _escape(part: Any) -> str:
    return re.sub(r"[\\|,=\[\]]", r"\\\g<0>", str(part))


def to_distribution(hyperparameter: HyperParameter) -> BaseDistribution | None:
    """Return the Optuna distribution of a hyperparameter.

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
        case Choice():
            return CategoricalDistribution(tuple(hyperparameter.values))
        case Int() | Float() if _is_indexed(hyperparameter):
            return CategoricalDistribution(tuple(_values(hyperparameter)))
        case Int():
            log = hyperparameter.sampling == "log"
            step = hyperparameter.step or 1
            low, high = hyperparameter.min_value, hyperparameter.max_value
            return IntDistribution(low, high - (high - low) % step, log=log, step=step)
        case Float(step=None):
            log = hyperparameter.sampling == "log"
            return FloatDistribution(hyperparameter.min_value, hyperparameter.max_value, log=log)
        case Float():
            return FloatDistribution(
                hyperparameter.min_value, _top(hyperparameter), step=hyperparameter.step
            )
    raise TypeError(f"no distribution for a {type(hyperparameter).__name__}")


def to_coded(hyperparameter: HyperParameter) -> BaseDistribution | None:
    """Return the distribution of a hyperparameter's codes; that of its values if it has none."""
    target = to_distribution(hyperparameter)
    if _is_ordinal(hyperparameter):
        assert isinstance(target, CategoricalDistribution)
        return IntDistribution(0, len(target.choices) - 1)
    if _is_mirrored(hyperparameter):
        match target:
            case IntDistribution(low=low, high=high):
                return IntDistribution(low, high, log=True)
            case FloatDistribution(low=low, high=high):
                return FloatDistribution(low, high, log=True)
    return target


def to_code(hyperparameter: HyperParameter, internal: Any) -> Any:
    """Turn what the study holds into what a sampler is shown."""
    if _is_ordinal(hyperparameter):
        target = to_distribution(hyperparameter)
        assert target is not None
        return int(target.to_internal_repr(internal))
    return _mirrored(hyperparameter, internal)


def from_code(hyperparameter: HyperParameter, code: Any) -> Any:
    """Turn what a sampler proposes into what the study holds; the inverse of `to_code`."""
    if _is_ordinal(hyperparameter):
        target = to_distribution(hyperparameter)
        assert isinstance(target, CategoricalDistribution)
        return target.choices[code]
    return _mirrored(hyperparameter, code)


def to_value(hyperparameter: HyperParameter, internal: Any) -> Any:
    """Turn what the study holds into what the hypermodel sees: a bool, int, float or str."""
    match hyperparameter:
        case Float(step=float() | int()) if not _is_indexed(hyperparameter):
            steps = (internal - hyperparameter.min_value) / hyperparameter.step
            written = _at(hyperparameter, round(steps))
            # A range that moves may have had other steps.
            return written if _is_close(written, internal) else float(internal)
        case Float():
            return float(internal)
        case Int():
            return int(internal)
    return internal


def holds(hyperparameter: HyperParameter, value: Any) -> bool:
    """Return True if a value is one of the choices, or lies in the range and on its steps."""
    match hyperparameter:
        case Fixed():
            return _is_same(hyperparameter.value, value)
        case Boolean():
            return isinstance(value, bool)
        case Choice():
            return any(_is_same(choice, value) for choice in hyperparameter.values)
        case Int() | Float():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value):
                return False
            nearest = to_value(hyperparameter, to_internal(hyperparameter, value))
            return _is_close(nearest, value)
    return False


def can_move(one: HyperParameter, other: HyperParameter) -> bool:
    """Return True if one key of the study can stand for two ranges.

    What the study holds of one must mean the same of the other, and Optuna must take both.
    """
    for it in (one, other):
        if not isinstance(it, Int | Float) or _is_indexed(it) or it.sampling == "reverse_log":
            return False
    match to_distribution(one), to_distribution(other):
        case IntDistribution(log=log), IntDistribution(log=again):
            return bool(log == again)
        case FloatDistribution(log=log), FloatDistribution(log=again):
            return bool(log == again)
    return False


def offer(hyperparameter: HyperParameter) -> str:
    """Describe what a hyperparameter can be, e.g. `1..8 (step 2, log)`; equal for equal offers."""
    match hyperparameter:
        case Int() | Float():
            step = [f"step {hyperparameter.step}"] if hyperparameter.step not in (None, 1) else []
            sampling = [hyperparameter.sampling] if hyperparameter.sampling != "linear" else []
            more = f" ({', '.join(step + sampling)})" if step or sampling else ""
            return f"{hyperparameter.min_value}..{hyperparameter.max_value}{more}"
        case Choice():
            return repr(list(hyperparameter.values))
        case Boolean():
            return "False or True"
    return repr(hyperparameter.default)


def active_values(
    space: Iterable[HyperParameter],
    value_of: Callable[[HyperParameter], Any],
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Set the value of each active entry of a space.

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


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _is_same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def to_internal(hyperparameter: HyperParameter, value: Any) -> Any:
    """Turn a hypermodel's value into what the study holds; the inverse of `to_value`.

    For a number the nearest of a range stands; a value that a choice lacks is a ValueError.
    """
    match hyperparameter:
        case Choice():
            if value not in hyperparameter.values:
                raise ValueError(f"{value!r} is none of {hyperparameter.values}")
            return hyperparameter.values[hyperparameter.values.index(value)]
        case Int() | Float() if _is_indexed(hyperparameter):
            return min(_values(hyperparameter), key=lambda one: abs(one - value))
        case Int() | Float():
            return _nearest(to_distribution(hyperparameter), value)
    return value


def _nearest(target: BaseDistribution | None, number: float) -> float:
    assert isinstance(target, IntDistribution | FloatDistribution)
    if target.step is not None:
        steps = round((number - target.low) / target.step)
        number = target.low + steps * target.step
    return min(max(number, target.low), target.high)


def _is_ordinal(hp: HyperParameter) -> bool:
    if isinstance(hp, Choice):
        return bool(hp.ordered)
    return isinstance(hp, Int | Float) and _is_indexed(hp)


def _is_mirrored(hp: HyperParameter) -> bool:
    return isinstance(hp, Int | Float) and hp.sampling == "reverse_log" and not _is_indexed(hp)


def _mirrored(hp: HyperParameter, number: Any) -> Any:
    """Mirror a number within the range if the sampling is reversed; twice gives it back."""
    if not _is_mirrored(hp):
        return number
    low, high = hp.min_value, hp.max_value
    return min(max(high + low - number, low), high)


def _is_indexed(hp: Int | Float) -> bool:
    if hp.step is None:
        return False
    if hp.sampling != "linear":
        return True
    # Optuna counts a float's steps by decimal digits, and drops the last one if they do not
    # add up within the digits that a float has.
    return isinstance(hp, Float) and Decimal(str(_top(hp))) != _decimal_top(hp)


def _top(hp: Float) -> float:
    return float(_decimal_top(hp))


def _decimal_top(hp: Float) -> Decimal:
    return Decimal(str(hp.min_value)) + _steps(hp) * Decimal(str(hp.step))


def _at(hp: Float, index: int) -> float:
    """Return a stepped value as it is written: three steps of 0.1 are 0.3, as in a condition."""
    low, high, step = (Decimal(str(number)) for number in (hp.min_value, hp.max_value, hp.step))
    if hp.sampling == "linear":
        return float(low + index * step)
    if hp.sampling == "log":
        return float(low * step**index)
    return float(high + low - low * step**index)


def _steps(hp: Int | Float) -> int:
    fits: float = (hp.max_value - hp.min_value) / hp.step
    return math.floor(fits + _EXCESS)


def _values(hp: Int | Float) -> list[float]:
    if isinstance(hp, Int):
        return [int(value) for value in hp.values]
    count = _steps(hp) + 1 if hp.sampling == "linear" else len(list(hp.values))
    return [_at(hp, index) for index in range(count)]
