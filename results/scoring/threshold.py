"""From which score on a record is called malicious: a number, or chosen on the validation rows."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.common import UserError
from results.scoring.metrics import THRESHOLD

Numbers = npt.NDArray[np.float64]

_FORMS = "a number between 0 and 1, fpr=RATE (fpr=0.001), or cost=FP:FN (cost=1:10)"


@dataclass(frozen=True)
class ThresholdRule:
    """How a threshold is found; one of the three is given."""

    value: float | None = None  # the threshold itself
    fpr: float | None = None  # the largest share of normal rows that may be called malicious
    cost: tuple[float, float] | None = None  # of a false alarm and of a missed attack

    def __str__(self) -> str:
        if self.cost is not None:
            return f"cost={self.cost[0]:.9g}:{self.cost[1]:.9g}"
        return f"fpr={self.fpr:.9g}" if self.fpr is not None else f"{self.value:.9g}"


DEFAULT_RULE = ThresholdRule(value=THRESHOLD)


@dataclass(frozen=True)
class Threshold:
    """A record whose score is above `value` is called malicious.

    Attributes:
        value: The threshold, from 0 to 1.
        rule: How it was found, as `--threshold` takes it.
        recall: Share of the malicious validation rows above it; None if unknown.
        false_positive_rate: Share of the normal validation rows above it; None if unknown.
    """

    value: float
    rule: str
    recall: float | None = None
    false_positive_rate: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.value, self.recall, self.false_positive_rate]
        if not all(number is None or 0 <= number <= 1 for number in numbers):
            raise ValueError(f"a threshold and its rates lie between 0 and 1: {self}")

    @classmethod
    def of(cls, values: Any) -> "Threshold":
        """Read what `asdict` gave and JSON kept.

        Raises:
            ValueError: If a name or a type is wrong.
        """
        try:
            made = cls(**values)
        except TypeError as error:
            raise ValueError(f"its names or types are wrong ({error})") from error
        if type(made.value) not in (int, float) or not isinstance(made.rule, str):
            raise ValueError("its names or types are wrong")
        return made


def parse_threshold(text: str) -> ThresholdRule:
    """Read a `--threshold`: "0.5", "fpr=0.001" or "cost=1:10".

    Raises:
        UserError: If it is none of these.
    """
    name, equals, given = text.partition("=")
    try:
        numbers = [float(part) for part in (given if equals else text).split(":")]
    except ValueError:
        numbers = []
    match name, numbers:
        case "fpr", [rate] if equals and 0 <= rate < 1:
            return ThresholdRule(fpr=rate)
        case "cost", [alarm, missed] if equals and all(0 < cost < math.inf for cost in numbers):
            return ThresholdRule(cost=(alarm, missed))
        case _, [value] if not equals and 0 < value < 1:
            return ThresholdRule(value=value)
    raise UserError(f"--threshold is '{text}', but must be {_FORMS}")


def choose_threshold(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, rule: ThresholdRule = DEFAULT_RULE
) -> Threshold:
    """Apply a rule to validation rows.

    Candidates lie halfway between neighboring scores, so that the last digits of another runtime
    move no row across. `fpr` takes the lowest one that calls at most that share of the normal rows
    malicious; `cost` the cheapest one, the highest if several cost the same. The threshold has its
    recall and false positive rate on the rows, whose labels and probabilities are [n] each.

    Raises:
        UserError: If the rows cannot tell: a class is missing, or a score is not finite.
    """
    truth = np.asarray(labels).astype(bool)
    scores = np.asarray(probabilities, dtype=np.float64)
    value = rule.value
    if value is None:
        if truth.all() or not truth.any() or not np.isfinite(scores).all():
            raise UserError(
                f"--threshold {rule} cannot be chosen: the validation rows need both classes and "
                "finite scores; give a number"
            )
        value = _search(truth, scores, rule)
    above = scores > value
    return Threshold(value, str(rule), _share(above[truth]), _share(above[~truth]))


def _search(truth: npt.NDArray[np.bool_], scores: Numbers, rule: ThresholdRule) -> float:
    distinct = np.unique(scores)
    lower, upper = np.append(0.0, distinct), np.append(distinct, 1.0)
    candidates = (lower + upper) / 2  # one below all scores, one above, the others in between
    attacks, normal = np.sort(scores[truth]), np.sort(scores[~truth])
    alarms = len(normal) - np.searchsorted(normal, candidates, side="right")
    missed = np.searchsorted(attacks, candidates, side="right")
    if rule.cost is not None:
        costs = rule.cost[0] * alarms + rule.cost[1] * missed
        return float(candidates[np.flatnonzero(costs == costs.min())[-1]])
    assert rule.fpr is not None
    # Counted in rows: .001 * 3000 must allow 3, whatever the last bit of the product says.
    allowed = math.floor(rule.fpr * len(normal) + 1e-9)
    return float(candidates[np.argmax(alarms <= allowed)])


def _share(above: npt.NDArray[np.bool_]) -> float | None:
    return float(above.mean()) if above.size else None
