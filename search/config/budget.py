"""How long a search may go on: a number of trials, or a wall-clock time."""

import re
from argparse import ArgumentTypeError
from dataclasses import dataclass

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_TIME = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in _UNITS), re.ASCII)
_LONGEST = 366 * 86_400.0
_MOST = 1_000_000
_DIGITS = 3  # of a second
_FORMS = "a time (90s, 10m, 1h30m)"


@dataclass(frozen=True)
class Budget:
    """A budget of trials or of seconds, never both.

    Attributes:
        trials: How many trials the study shall hold in the end; None for a wall-clock budget.
        seconds: How long the search may go on; None for a budget of trials.
    """

    trials: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse a budget of both kinds, of neither, or below zero."""
        if (self.trials is None) == (self.seconds is None):
            raise ValueError("a budget counts either trials or seconds")
        if (self.trials or 0) < 0 or (self.seconds or 0.0) < 0:
            raise ValueError("a budget is never negative")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be searched: baselines only."""
        return not self.trials and not self.seconds

    def __str__(self) -> str:
        """Return the budget as it is written on the command line."""
        return str(self.trials) if self.seconds is None else duration_text(self.seconds)


def duration_text(seconds: float) -> str:
    """Write a time as on the command line, e.g. 1h30m."""
    left, text = round(seconds, _DIGITS), ""
    for unit, length in _UNITS.items():
        count = int(left // length)
        if unit == "s" and (left or not text):
            text += f"{left:.{_DIGITS}f}".rstrip("0").rstrip(".") + "s"
        elif count:
            text += f"{count}{unit}"
        left = round(left - count * length, _DIGITS)
    return text


def parse_budget(text: str) -> Budget:
    """Read a budget: `20` is trials, `90s`, `10m`, `2h`, `1h30m` and `1.5h` are wall-clock.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    text = text.strip()
    if re.fullmatch(r"\d+", text, re.ASCII):
        if len(text) > len(str(_MOST)) or int(text) > _MOST:
            raise ArgumentTypeError(f"'{text}' is too much; a million trials is the most")
        return Budget(trials=int(text))
    return Budget(seconds=_seconds(text, f"a number of trials (20) or {_FORMS}"))


def parse_duration(text: str) -> float:
    """Read a time above zero: `90s`, `10m`, `2h`, `1h30m`; return its seconds."""
    seconds = _seconds(text.strip(), _FORMS)
    if not seconds:
        raise ArgumentTypeError(f"'{text}' must be longer than that")
    return seconds


def _seconds(text: str, wanted: str) -> float:
    match = _TIME.fullmatch(text)
    if not text or match is None:
        raise ArgumentTypeError(f"'{text}' is not {wanted}")
    parts = zip(_UNITS.values(), match.groups(), strict=True)
    seconds = sum(length * float(count) for length, count in parts if count)
    if seconds > _LONGEST:
        raise ArgumentTypeError(f"'{text}' is too long; a year is the most")
    return round(seconds, _DIGITS)
