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

    Attributes:
        kind: "trial" is the next one of the study's queue, whichever that is; "repeat" trains
            `first` with another seed, a finalist among others; "refit" on all training rows.
        name: What is trained: "model2", "trial 7", or "next trial".
        first: What the first training left; None for a baseline's own and for a trial's.
        seed_index: Which of the seeds of a repeat, from 1; 0 for the first training.
        seeds: How many seeds there are to be, the first one's included.
        folder: Where a repeated trial's files go; a baseline is kept with the baselines.
        deadline: When it is dropped, on the monotonic clock that a machine's processes share.
        discover: For a trial: whether a new worker discovers the space first, which may build its
            default model.
    """

    kind: TaskKind
    name: str
    first: Result | None = None
    seed_index: int = 0
    seeds: int = 1
    folder: Path = Path()
    deadline: float = math.inf
    discover: bool = True

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
