"""What a search can optimize, and how its first objective orders results."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any, Literal

import numpy.typing as npt

from results.study.result import Point, Result

MetricFunction = Callable[[npt.ArrayLike, npt.ArrayLike], float | None]


@dataclass(frozen=True)
class Objective:
    """One figure of a result that the search makes large or small.

    Attributes:
        name: The attribute of `Result` that holds it.
        direction: "maximize" or "minimize".
        title: The figure in words.
        figure: Computes it from the labels, [n], and the probabilities of label 1, [n], of the
            validation rows; None if every report tells it anyway, or none can.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    title: str
    figure: MetricFunction | None = None

    @property
    def best(self) -> str:
        """What it looks for, e.g. "the lowest validation loss"."""
        return f"the {'highest' if self.direction == 'maximize' else 'lowest'} {self.title}"

    @property
    def is_reported(self) -> bool:
        """Whether the reports of a training tell it, so that a pruner can judge by it."""
        return self.figure is not None or self.name in (ACCURACY.name, LOSS.name)

    def reported(self, point: Point) -> float | None:
        """Read the figure off a report.

        Args:
            point: A report of a training that was told to compute it.

        Returns:
            Its value; None if the report has none.
        """
        return getattr(point, self.name, point.value) if self.is_reported else None

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


def _auc(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float | None:
    # The metrics import scikit-learn, which would take a second of every command's start.
    from results.scoring import roc_auc

    return roc_auc(labels, probabilities)


def _f1(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float | None:
    from results.scoring import f1

    return f1(labels, probabilities)


def _recall_at(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, false_positive_rate: float
) -> float | None:
    from results.scoring import recall_at

    return recall_at(labels, probabilities, false_positive_rate)


ACCURACY = Objective("val_accuracy", "maximize", "validation accuracy")
LOSS = Objective("val_loss", "minimize", "validation loss")
OBJECTIVES = {
    objective.name: objective
    for objective in (
        ACCURACY,
        LOSS,
        Objective("val_auc", "maximize", "validation AUC", _auc),
        Objective("val_f1", "maximize", "validation F1", _f1),
        Objective(
            "val_recall_at_fpr_0_1",
            "maximize",
            "validation recall at .1 % false alarms",
            partial(_recall_at, false_positive_rate=0.001),
        ),
        Objective(
            "val_recall_at_fpr_1",
            "maximize",
            "validation recall at 1 % false alarms",
            partial(_recall_at, false_positive_rate=0.01),
        ),
        Objective("latency_us", "minimize", "CPU time of one request"),
        Objective("latency_batch_us", "minimize", "CPU time of a request in batches"),
        Objective("parameters", "minimize", "number of weights"),
        Objective("train_seconds", "minimize", "training time"),
    )
}


def objective_values(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> dict[str, Any]:
    """Compute what a search can optimize besides the accuracy and the loss of a report.

    Args:
        labels: Of the validation rows, 0 or 1, [n].
        probabilities: Of label 1 on the same rows, [n].

    Returns:
        The attributes of `Result` by name; None where a class is missing or a probability is not
        finite.
    """
    return {
        objective.name: objective.figure(labels, probabilities)
        for objective in OBJECTIVES.values()
        if objective.figure is not None
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
