"""The bad rows that a reader left out: why, which first, and whether one label lost more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Reasons kept apart, and those that are told.
_MOST_KEPT = 1000
_MOST_TOLD = 5
_LONGEST = 160
# What makes the reasons of two rows differ though they are the same: positions, values.
_OWN = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\d[\d,.]*")
_MUCH = 0.01
# One label is hit harder if so many times more of its rows go, and chance seldom does that.
_HARDER = 2.0
_CHANCE = 0.01


@dataclass(frozen=True)
class SkipReason:
    """Why rows were left out."""

    message: str  # what is wrong with the first of them
    first_row: int  # its number, from 1
    rows: int  # how many there are


class SkippedRows:
    """Counts the rows that are left out, by reason and by label.

    Attributes:
        rows: How many there are.
        labels: How many of them are labeled 0 and 1, as far as that can be read.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.labels = [0, 0]
        self._reasons: dict[str, SkipReason] = {}

    def add(self, row: int, message: str, label: int | None) -> None:
        """Count a row, of which a message says what is wrong; its label may be unknown."""
        self.rows += 1
        if label is not None:
            self.labels[label] += 1
        kind = _OWN.sub("", message)
        if kind not in self._reasons and len(self._reasons) >= _MOST_KEPT:
            kind, message = "", "other reasons"
        known = self._reasons.get(kind, SkipReason(message, row, 0))
        self._reasons[kind] = SkipReason(known.message, known.first_row, known.rows + 1)

    @property
    def reasons(self) -> list[SkipReason]:
        """The reasons, the most frequent first."""
        return sorted(self._reasons.values(), key=lambda reason: (-reason.rows, reason.first_row))

    def most(self) -> str:
        """Describe why most rows were left out, as the end of a message; nothing if none were."""
        if not self.rows:
            return ""
        most = self.reasons[0]
        others = "" if most.rows == self.rows else f", {most.rows:,} of them"
        return f": {self._many()} skipped{others} as row {most.first_row} ({most.message})"

    def describe(self, kept: Sequence[int]) -> list[str]:
        """Describe in a line each what was left out, and what that does to either class."""
        if not self.rows:
            return []
        lines = [self._why()]
        share = self.rows / (self.rows + sum(kept))
        if share > _MUCH:
            lines.append(
                f"{share:.1%} of the rows were skipped as bad; fix them unless the rest is "
                "representative"
            )
        shares = [self.labels[one] / max(1, kept[one] + self.labels[one]) for one in (0, 1)]
        more = int(shares[1] > shares[0])
        if shares[more] >= _HARDER * shares[1 - more] and self._is_no_chance(kept):
            lines.append(
                f"the rows labeled {more} were hit harder: {shares[more]:.1%} of them were "
                f"skipped, and {shares[1 - more]:.1%} of those labeled {1 - more}; fix them, or "
                "the model will see too few examples of that label"
            )
        return lines

    def _many(self) -> str:
        return f"{self.rows:,} bad {'rows were' if self.rows != 1 else 'row was'}"

    def _why(self) -> str:
        reasons = self.reasons
        parts = [
            f"{reason.rows:,} as row {reason.first_row} ({_shortened(reason.message)})"
            for reason in reasons[:_MOST_TOLD]
        ]
        if others := sum(reason.rows for reason in reasons[_MOST_TOLD:]):
            parts.append(f"{others:,} for other reasons")
        labels = [f"{rows:,} labeled {label}" for label, rows in enumerate(self.labels) if rows]
        if unknown := self.rows - sum(self.labels):
            labels.append(f"{unknown:,} without a label that can be read")
        return f"{self._many()} skipped: {', '.join(parts)}; {', '.join(labels)}"

    def _is_no_chance(self, kept: Sequence[int]) -> bool:
        if not any(self.labels):
            return False
        from scipy.stats import fisher_exact  # Half a second, which few logs need.

        return bool(fisher_exact([list(self.labels), list(kept)]).pvalue < _CHANCE)


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 3] + "..."
