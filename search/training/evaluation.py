"""What a trained network leaves behind: its result, its probabilities, how long a request takes."""

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
from search.training.fit import Fit
from spaces import layer_count, violations


def describe(model: keras.Model, fitted: Fit, **own: Any) -> Result:
    """Describe a training as a result, without its probabilities.

    Args:
        model: The trained model.
        fitted: How its training ended.
        own: The result's other attributes, its name and kind among them.

    Returns:
        The result.
    """
    last = fitted.final
    remark = fitted.reason
    if fitted.status == "complete" and fitted.validation is not None:
        remark = constant_predictions(fitted.validation)
    return Result(
        status=fitted.status,
        reason=remark,
        epochs=fitted.epochs,
        curve=fitted.curve,
        val_accuracy=last.val_accuracy if last else None,
        val_loss=last.val_loss if last and math.isfinite(last.val_loss) else None,
        **fitted.figures,
        val_rows=fitted.val_rows,
        layers=layer_count(model),
        parameters=model.count_params(),
        size_bytes=sum(np.asarray(weight).nbytes for weight in model.weights),
        violations=violations(model),
        train_seconds=fitted.seconds,
        cpu_seconds=fitted.cpu_seconds,
        **own,
    )


def measure(
    result: Result,
    fitted: Fit,
    dataset: Dataset,
    padding: Padding,
    folder: Path,
    *,
    seconds: float = 0.5,
) -> Result:
    """Keep a network's probabilities and time it; nothing here looks at a held-out label.

    Args:
        result: Its description.
        fitted: Its training, which reached the end of an epoch.
        dataset: The data that it was trained on.
        padding: How its records are padded.
        folder: Where its probabilities go.
        seconds: About how long each of the two measurements of the latency may take.

    Returns:
        The result with its latencies.
    """
    assert fitted.validation is not None
    heldout = dataset.split.heldout
    scores = probabilities(fitted.scorer, dataset.encoded, heldout, padding=padding)
    save_scores(folder, fitted.validation, scores)

    def answer(rows: Rows) -> None:
        probabilities(fitted.scorer, dataset.encoded, rows, padding=padding)

    return timed(result, measure_latency(answer, heldout, seconds=seconds))


def timed(result: Result, taken: Latency) -> Result:
    """Give a result with its latencies.

    Args:
        result: A result.
        taken: What was measured.

    Returns:
        The result.
    """
    return replace(
        result,
        latency_us=taken.alone.p50,
        latency_p99_us=taken.alone.p99,
        latency_batch_us=taken.batch.p50,
        latency_batch_p99_us=taken.batch.p99,
    )
