"""What a training leaves: its result, its probabilities, how long a request takes."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data.dataset import Dataset, Padding
from results.scoring import (
    Latency,
    Rows,
    constant_predictions,
    measure_latency,
    probabilities,
    save_scores,
)
from results.study import Result
from search.training.fit import TrainingOutcome
from spaces import layer_count, violations


def summarize_training(model: keras.Model, outcome: TrainingOutcome, **more: Any) -> Result:
    """Make the result of a training; `more` are its other attributes, such as name and kind."""
    last = outcome.final
    remark = outcome.reason
    if outcome.status == "complete" and outcome.validation is not None:
        remark = constant_predictions(outcome.validation)
    return Result(
        status=outcome.status,
        reason=remark,
        epochs=outcome.epochs,
        curve=outcome.curve,
        val_accuracy=last.val_accuracy if last else None,
        val_loss=last.val_loss if last and math.isfinite(last.val_loss) else None,
        **outcome.figures,
        val_rows=outcome.val_rows,
        layers=layer_count(model),
        parameters=model.count_params(),
        size_bytes=sum(np.asarray(weight).nbytes for weight in model.weights),
        violations=violations(model),
        train_seconds=outcome.seconds,
        cpu_seconds=outcome.cpu_seconds,
        **more,
    )


def save_probabilities(
    outcome: TrainingOutcome, dataset: Dataset, padding: Padding, folder: Path
) -> None:
    """Score the held-out rows, without a look at their labels, and keep both parts' scores."""
    assert outcome.validation is not None
    heldout = dataset.split.heldout
    scores = probabilities(outcome.scorer, dataset.encoded, heldout, padding=padding)
    save_scores(folder, outcome.validation, scores)


def add_latency(
    result: Result, outcome: TrainingOutcome, dataset: Dataset, padding: Padding, seconds: float
) -> Result:
    """Add to a result how long a request takes; each of two measurements takes about `seconds`."""

    def answer(rows: Rows) -> None:
        probabilities(outcome.scorer, dataset.encoded, rows, padding=padding)

    return with_latency(result, measure_latency(answer, dataset.split.heldout, seconds=seconds))


def with_latency(result: Result, taken: Latency) -> Result:
    """Add measured latencies to a result."""
    return replace(
        result,
        latency_us=taken.alone.p50,
        latency_p99_us=taken.alone.p99,
        latency_batch_us=taken.batch.p50,
        latency_batch_p99_us=taken.batch.p99,
    )
