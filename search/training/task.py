"""A training that a worker is given: of a baseline, a trial, or what was trained before."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from results.study import Result, as_refit, refit_name

# A worker discovers the space, asks for a trial, or trains.
Phase = Literal["discover", "ask", "train"]
TaskKind = Literal["baseline", "trial", "repeat", "refit"]


@dataclass(frozen=True)
class TrainingTask:
    """One training; every kind is trained by `train`, watched and tried again by the same rules.

    A "trial" is the next one of the study's queue, whichever that is; a "repeat" trains `first`
    with another seed, a finalist among others; a "refit" on all training rows.
    """

    kind: TaskKind
    name: str  # "model2", "trial 7", or "next trial"
    first: Result | None = None  # what the first training left; None if this is it
    seed_index: int = 0  # from 1 for a repeat
    seeds: int = 1  # how many there are to be, the first one's included
    folder: Path = Path()  # of a repeated trial's files; a baseline is kept with the baselines
    deadline: float = math.inf  # on the monotonic clock that a machine's processes share
    discover: bool = True  # the space first, in a new worker, which may build its default model

    @property
    def title(self) -> str:
        """The name that the user sees."""
        if self.kind == "refit":
            return refit_name(self.name)
        return (
            f"{self.name}, seed {self.seed_index + 1} of {self.seeds}" if self.first else self.name
        )

    @property
    def is_of_baseline(self) -> bool:
        """Whether it trains a baseline, for the first time or again."""
        return self.kind == "baseline" or (self.first is not None and self.first.kind == "baseline")

    def failed(self, reason: str) -> Result:
        """Return the result of a training that was ended from outside."""
        first = self.first or Result(self.name, "baseline", "failed")
        result = Result(
            name=first.name,
            kind=first.kind,
            status="failed",
            reason=reason,
            number=first.number,
            hyperparameters=first.hyperparameters,
        )
        return as_refit(result) if self.kind == "refit" else result
