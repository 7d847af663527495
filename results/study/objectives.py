"""What a search can optimize, and the one order in which trials are ranked."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any, Literal

import numpy.typing as npt

from results.scoring import f1, recall_at, roc_auc
from results.study.result import Point, Result

# Takes labels and probabilities of label 1, [n] each.
MetricFunction = Callable[[npt.ArrayLike, npt.ArrayLike], float | None]


@dataclass(frozen=True)
class Objective:
    """One figure of a result that the search makes large or small."""

    name: str  # the attribute of `Result` that holds it
    direction: Literal["maximize", "minimize"]
    title: str
    metric: MetricFunction | None = None  # None if every report tells it anyway, or none can

    @property
    def best(self) -> str:
        """What it looks for, e.g. "the lowest validation loss"."""
        return f"the {'highest' if self.direction == 'maximize' else 'lowest'} {self.title}"

    @property
    def is_reported(self) -> bool:
        """Whether the reports of a training tell it, so that a pruner can judge by it."""
        return self.metric is not None or self.name in (ACCURACY.name, LOSS.name)

    def reported(self, point: Point) -> float | None:
        """Read the figure off a report of a training that computed it; None if it has none."""
        return getattr(point, self.name, point.value) if self.is_reported else None

    def value(self, result: Result) -> float | None:
        """Read the figure off a result; None if it has none."""
        value = getattr(result, self.name)
        return None if value is None else float(value)

    def cost(self, result: Result) -> float:
        """Read the figure as one of which less is better.

        A training that is not complete, or has no such figure, counts as one that is right nowhere,
        or infinitely costly.
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
        Objective("val_auc", "maximize", "validation AUC", roc_auc),
        Objective("val_f1", "maximize", "validation F1", f1),
        Objective(
            "val_recall_at_fpr_0_1",
            "maximize",
            "validation recall at .1 % false alarms",
            partial(recall_at, false_positive_rate=0.001),
        ),
        Objective(
            "val_recall_at_fpr_1",
            "maximize",
            "validation recall at 1 % false alarms",
            partial(recall_at, false_positive_rate=0.01),
        ),
        Objective("latency_us", "minimize", "CPU time of one request"),
        Objective("latency_batch_us", "minimize", "CPU time of a request in batches"),
        Objective("parameters", "minimize", "number of parameters"),
        Objective("train_seconds", "minimize", "training time"),
    )
}


def objective_values(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> dict[str, Any]:
    """Compute what a search can optimize besides the accuracy and the loss of a report.

    Of the validation rows' labels and probabilities, [n] each, it gives attributes of `Result` by
    name; None if a class is missing or a probability is not finite.
    """
    return {
        objective.name: objective.metric(labels, probabilities)
        for objective in OBJECTIVES.values()
        if objective.metric is not None
    }


def with_tie_breakers(objective: Objective) -> tuple[Objective, ...]:
    """Return what trials are ranked by, in order: the objective, then accuracy, then loss.

    This is the one order by which the champion, the checkpoints that are kept, the finalists and
    the members of the ensemble are chosen; among equals the earliest trial wins.
    """
    return tuple(dict.fromkeys((objective, ACCURACY, LOSS)))


def rank_key(objective: Objective, *seeds: Result) -> tuple[float, ...]:
    """Return the key to sort trials by, the best first; of several seeds the mean counts."""
    costs = (fmean(each.cost(seed) for seed in seeds) for each in with_tie_breakers(objective))
    return *costs, seeds[0].number or 0
