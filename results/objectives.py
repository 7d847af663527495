"""What a search can optimize, and how its first objective orders results."""

import math
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from results.result import Result


@dataclass(frozen=True)
class Objective:
    """One figure of a result that the search makes large or small.

    Attributes:
        name: The attribute of `Result` that holds it.
        direction: "maximize" or "minimize".
        title: The figure in words.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    title: str

    @property
    def best(self) -> str:
        """What it looks for, e.g. "the lowest validation loss"."""
        return f"the {'highest' if self.direction == 'maximize' else 'lowest'} {self.title}"

    def value(self, result: Result) -> float | None:
        """Read the figure.

        Args:
            result: A result.

        Returns:
            Its value; None where the result has none.
        """
        value = getattr(result, self.name)
        return None if value is None else float(value)

    def cost(self, result: Result) -> float:
        """Read the figure as one of which less is better.

        Args:
            result: A result.

        Returns:
            The cost. A training that is not complete, or has no such figure, counts as one that
            is right nowhere, or infinitely costly.
        """
        value = self.value(result) if result.status == "complete" else None
        if value is None or math.isnan(value):
            return 0.0 if self.direction == "maximize" else math.inf
        return -value if self.direction == "maximize" else value


ACCURACY = Objective("val_accuracy", "maximize", "validation accuracy")
LOSS = Objective("val_loss", "minimize", "validation loss")
OBJECTIVES = {
    objective.name: objective
    for objective in (
        ACCURACY,
        LOSS,
        Objective("latency_us", "minimize", "CPU time of one request"),
        Objective("latency_batch_us", "minimize", "CPU time of a request in batches"),
        Objective("parameters", "minimize", "number of weights"),
        Objective("train_seconds", "minimize", "training time"),
    )
}


def order(objective: Objective, *seeds: Result) -> tuple[float, float, float, int]:
    """Give a trial's place among others, to sort by: the best is the least.

    The objective decides, then the validation accuracy, then the validation loss, then which was
    first. This is the one order by which the champion, the checkpoints that are kept, the finalists
    and the members of the ensemble are chosen.

    Args:
        objective: The first objective of the search.
        seeds: The trial's result; and those of its trainings with other seeds, if the mean counts.

    Returns:
        What to sort by.
    """
    first, accuracy, loss = (
        fmean(figure.cost(seed) for seed in seeds) for figure in (objective, ACCURACY, LOSS)
    )
    return first, accuracy, loss, seeds[0].number or 0
