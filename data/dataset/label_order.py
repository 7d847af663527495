"""Whether a log's rows are mixed, or sorted by their labels."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# A mixed log is called sorted once in a thousand times by the test alone. Long logs whose labels
# merely come in bursts fail it too, so there must also be less than half of the runs.
_SIGNIFICANT_BELOW = 0.001
_FEW = 0.5


@dataclass(frozen=True)
class LabelOrder:
    """In how many runs the labels of a log come, a run being neighboring rows of one label."""

    runs: int  # how many there are
    expected: float  # how many there would be on average, were the rows mixed
    # The chance of so few runs in a mixed log: the one-sided test of Wald & Wolfowitz (1940), by
    # the normal approximation with continuity correction; 1 if there is one class.
    p: float

    @classmethod
    def of(cls, labels: npt.NDArray[np.uint8]) -> "LabelOrder":
        """Count the runs of labels, 0 or 1, [n]."""
        n = len(labels)
        runs = int(np.count_nonzero(np.diff(labels))) + 1 if n else 0
        malicious = int(np.count_nonzero(labels))
        pairs = 2 * malicious * (n - malicious)
        if not pairs:
            return cls(runs, float(runs), 1.0)
        expected = pairs / n + 1
        variance = pairs * (pairs - n) / (n * n * (n - 1))
        if not variance:
            return cls(runs, expected, 1.0)
        z = (runs + 0.5 - expected) / math.sqrt(variance)
        return cls(runs, expected, math.erfc(-z / math.sqrt(2)) / 2)

    @property
    def is_mixed(self) -> bool:
        """Whether the order of the rows says little about their labels."""
        return self.p >= _SIGNIFICANT_BELOW or self.runs >= _FEW * self.expected

    def __str__(self) -> str:
        """Describe it, e.g. "the rows are sorted by label: 2 runs, about 151 if mixed"."""
        how = "sorted" if self.runs == 2 else "grouped"
        order = "the labels are mixed" if self.is_mixed else f"the rows are {how} by label"
        runs = f"{self.runs:,} run{'' if self.runs == 1 else 's'}"
        return f"{order}: {runs}, about {self.expected:,.0f} if mixed"

    @property
    def advice(self) -> str:
        """What is to be done about it; "" if the rows are mixed."""
        if self.is_mixed:
            return ""
        # Grouped rows may as well be attacks that came in waves, which a split by time respects.
        unless = "" if self.runs == 2 else ", unless the log is in the order of time"
        return f"{self}; give --split shuffled{unless}"
