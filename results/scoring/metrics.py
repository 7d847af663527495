"""What a list of probabilities is worth against its labels; needs no TensorFlow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from results.scoring.significance import wilson

THRESHOLD = 0.5
KERAS_EPSILON = np.float32(1e-7)
ECE_BINS = 15
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class Metrics:
    """How well probabilities of label 1 fit the labels.

    Attributes:
        accuracy: Share of rows predicted right.
        accuracy_low: Lower end of its 95 % Wilson interval.
        accuracy_high: Upper end of its 95 % Wilson interval.
        loss: Mean binary cross-entropy as Keras computes it; nan if a probability is not finite.
        roc_auc: Area under the ROC curve; None if a class is missing or a probability is not
            finite.
        f1: Harmonic mean of precision and recall of label 1; 0 if nothing is found.
        false_positive_rate: Share of the rows with label 0 predicted as 1; None without such rows.
        ece: Expected calibration error, as `calibration_error` gives it.
        recall_at_fpr_0_1: Recall at a false positive rate of at most .1 %, as `recall_at` gives it.
        recall_at_fpr_1: Recall at a false positive rate of at most 1 %.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    loss: float
    roc_auc: float | None
    f1: float
    false_positive_rate: float | None
    ece: float | None
    recall_at_fpr_0_1: float | None
    recall_at_fpr_1: float | None


def predictions(probabilities: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Predict label 1 above .5, as Keras' accuracy does, [n]; nan is no vote for it."""
    return np.asarray(np.asarray(probabilities) > THRESHOLD, dtype=np.bool_)


def accuracy(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the share of rows, [n], that are predicted right."""
    return float(np.mean(predictions(probabilities) == np.asarray(labels)))


def cross_entropy(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the mean binary cross-entropy, clipped and rounded to float32 as Keras does.

    It is nan if a probability, [n], is not finite.
    """
    target = np.asarray(labels, dtype=np.float32)
    output = np.asarray(probabilities, dtype=np.float32)
    if not np.isfinite(output).all():
        return float("nan")
    output = np.clip(output, KERAS_EPSILON, np.float32(1) - KERAS_EPSILON)
    each = -(target * np.log(output) + (1 - target) * np.log(1 - output))
    return float(each.mean(dtype=np.float64))


def calibration_error(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float | None:
    """Return the expected calibration error of probabilities; None if one is not finite.

    The rows are put into 15 equally wide bins by their probability; the error is the mean over
    the rows of | share of label 1 in the bin - mean probability in the bin |. The definition for
    two classes is that of Naeini, Cooper and Hauskrecht (Obtaining well calibrated probabilities
    using Bayesian binning, AAAI 2015), the number of bins that of Guo, Pleiss, Sun and Weinberger
    (On calibration of modern neural networks, ICML 2017).
    """
    truth = np.asarray(labels, dtype=np.float64)
    scores = np.asarray(probabilities, dtype=np.float64)
    if not np.isfinite(scores).all():
        return None
    bins = np.clip((scores * ECE_BINS).astype(np.int64), 0, ECE_BINS - 1)
    return float(np.abs(np.bincount(bins, scores - truth)).sum() / truth.size)


def recall_at(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, false_positive_rate: float
) -> float | None:
    """Return the largest recall that a threshold reaches within a false positive rate.

    That rate is the largest share of the rows with label 0 that may be predicted as 1. The recall
    is on the same rows, [n], without interpolation; None if a class is missing or a probability is
    not finite.
    """
    truth, scores = np.asarray(labels).astype(bool), np.asarray(probabilities)
    if not _can_be_ranked(truth, scores):
        return None
    from sklearn.metrics import roc_curve

    # Of points on one line those between are real thresholds too.
    rates, recalls, _ = roc_curve(truth, scores, drop_intermediate=False)
    return float(recalls[rates <= false_positive_rate].max())


def roc_auc(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float | None:
    """Return the area under the ROC curve; None as for `recall_at`."""
    truth, scores = np.asarray(labels).astype(bool), np.asarray(probabilities)
    if not _can_be_ranked(truth, scores):
        return None
    # It takes a second to be imported, which not every command has to wait for.
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores))


def _can_be_ranked(truth: npt.NDArray[np.bool_], scores: npt.NDArray[Any]) -> bool:
    """Return whether both classes are there and every probability is finite."""
    return bool(truth.any() and not truth.all() and np.isfinite(scores).all())


def f1(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the harmonic mean of precision and recall of label 1; 0 if nothing is found."""
    truth, predicted = np.asarray(labels).astype(bool), predictions(probabilities)
    found = int((predicted & truth).sum())
    return 2 * found / int(predicted.sum() + truth.sum()) if found else 0.0


def compute_metrics(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Metrics:
    """Compute all metrics of labels, 0 or 1, and of the probabilities of label 1, each [n].

    Raises:
        ValueError: If there are no rows, or not as many probabilities as labels.
    """
    truth = np.asarray(labels).astype(bool)
    scores = np.asarray(probabilities)
    if truth.shape != scores.shape or truth.ndim != 1 or not truth.size:
        raise ValueError(f"labels {truth.shape} and probabilities {scores.shape} do not match")
    predicted = predictions(scores)
    right = int((predicted == truth).sum())
    low, high = wilson(right, truth.size)
    normal = int((~truth).sum())
    return Metrics(
        accuracy=right / truth.size,
        accuracy_low=low,
        accuracy_high=high,
        loss=cross_entropy(truth, scores),
        roc_auc=roc_auc(truth, scores),
        f1=f1(truth, scores),
        false_positive_rate=int((predicted & ~truth).sum()) / normal if normal else None,
        ece=calibration_error(truth, scores),
        recall_at_fpr_0_1=recall_at(truth, scores, 0.001),
        recall_at_fpr_1=recall_at(truth, scores, 0.01),
    )


def constant_predictions(probabilities: npt.ArrayLike) -> str:
    """Return a warning if a model predicts one class for all records.

    Such a training is complete, and its accuracy is the share of one class: only this remark tells
    a dead or exploded network from one that has learned a little. It is "" if both classes are
    predicted on the validation rows, [n], or a probability is not finite.
    """
    scores = np.asarray(probabilities)
    if not scores.size or not np.isfinite(scores).all():
        return ""
    if scores.max() - scores.min() <= _NO_SPREAD:
        return f"the same score, {scores.mean():.4f}, for every validation row"
    predicted = predictions(scores)
    if predicted.all() or not predicted.any():
        return f"predicts only class {int(predicted[0])} on the validation rows"
    return ""
