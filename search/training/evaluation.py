"""What a training leaves: its result, its probabilities, how long a request takes."""

import logging
import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data.dataset import Dataset, batches
from data.records import Padding, padded_lengths
from results.export import translate
from results.scoring import (
    Latency,
    OnnxScorer,
    Rows,
    constant_predictions,
    measure_latency,
    probabilities,
    save_scores,
)
from results.study import LatencyRuntime, Result
from search.training.fit import TrainingOutcome
from spaces import layer_count, violations

log = logging.getLogger(__name__)


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
    result: Result,
    model: keras.Model,
    outcome: TrainingOutcome,
    dataset: Dataset,
    padding: Padding,
) -> Result:
    """Add to a result how long its network takes for a request, where it will be served.

    That is ONNX Runtime, on one thread, from the padded ids to the probability. For a network that
    has no translation, as with layers of the user's own, it is Keras' call, on all of its threads.
    """
    heldout = dataset.split.heldout
    try:
        scorer = OnnxScorer(translate(model).SerializeToString())
        answer = partial(_in_onnx_runtime, scorer, dataset, padding)
        return with_latency(result, measure_latency(answer, heldout), "onnx")
    # A user's network may have anything in it, and must not fail for how its latency is taken.
    except Exception:
        log.debug("%s is measured in Keras", result.name, exc_info=True)

    def in_keras(rows: Rows) -> Any:
        return partial(probabilities, outcome.scorer, dataset.encoded, rows, padding=padding)

    taken = measure_latency(in_keras, heldout, clock=time.process_time)
    return with_latency(result, taken, "keras")


def _in_onnx_runtime(scorer: OnnxScorer, dataset: Dataset, padding: Padding, rows: Rows) -> Any:
    """Pad records, and return what scores them."""
    encoded = dataset.encoded
    lengths = padded_lengths(encoded.offsets[rows + 1] - encoded.offsets[rows], padding)
    groups = batches(np.arange(len(rows)), lengths, len(rows), None)
    padded = [encoded.padded(rows[group.rows], group.length) for group in groups]
    return lambda: [scorer(ids) for ids in padded]


def with_latency(result: Result, taken: Latency, runtime: LatencyRuntime) -> Result:
    """Add measured latencies to a result, and what they were measured in."""
    return replace(
        result,
        latency_us=taken.alone.p50,
        latency_p99_us=taken.alone.p99,
        latency_batch_us=taken.batch.p50,
        latency_batch_p99_us=taken.batch.p99,
        latency_runtime=runtime,
    )
