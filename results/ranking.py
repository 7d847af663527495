"""The leaderboard as data: one row a training, ranked on the held-out rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from results.metrics import Metrics, metrics, predictions
from results.result import Kind, Result, Status
from results.significance import holm, mcnemar

MODEL2 = "model2"
LINEAR = "linear"


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard; a figure that is unknown or not finite is None.

    Attributes:
        rank: 1 for the best.
        name: "model2", or "trial 17".
        kind: Baseline or trial.
        status: How its training ended.
        selected: Whether it is the champion, chosen on validation rows only.
        meets_brief: Whether its model keeps Model 3's rules.
        layers: Layers of its model.
        parameters: Weights of its model.
        epochs: Epochs trained.
        val_accuracy: Accuracy on the validation rows.
        val_loss: Loss on the validation rows.
        heldout_accuracy: Accuracy on the held-out rows.
        heldout_low: Lower end of its 95 % Wilson interval.
        heldout_high: Upper end of its 95 % Wilson interval.
        heldout_loss: Loss on the held-out rows.
        roc_auc: Area under the ROC curve on the held-out rows.
        f1: F1 of label 1 on the held-out rows.
        false_positive_rate: Share of the normal held-out rows called malicious.
        delta_vs_model2: Its held-out accuracy less Model 2's.
        p_vs_model2: McNemar's exact p on the same rows, Holm-corrected over all rivals of Model 2.
        train_seconds: Seconds of training.
        latency_us: Median microseconds a request, scored alone.
        delta_vs_linear: Its held-out accuracy less the linear baseline's.
        p_vs_linear: As `p_vs_model2`, over all rivals of the linear baseline.
        reason: One line on why it is not complete.
    """

    rank: int
    name: str
    kind: Kind
    status: Status
    selected: bool
    meets_brief: bool
    layers: int | None
    parameters: int | None
    epochs: float
    val_accuracy: float | None
    val_loss: float | None
    heldout_accuracy: float | None
    heldout_low: float | None
    heldout_high: float | None
    heldout_loss: float | None
    roc_auc: float | None
    f1: float | None
    false_positive_rate: float | None
    delta_vs_model2: float | None
    p_vs_model2: float | None
    train_seconds: float
    latency_us: float | None
    delta_vs_linear: float | None = None
    p_vs_linear: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """All trainings of a run, ranked.

    Attributes:
        data: What they learned from: fingerprint, rows, split, class shares.
        protocol: How they learned: vocabulary, epochs, batch size, seeds.
        rows: Best first.
    """

    data: dict[str, Any]
    protocol: dict[str, Any]
    rows: tuple[Row, ...]

    @property
    def champion(self) -> Row | None:
        """The selected row."""
        return next((row for row in self.rows if row.selected), None)

    def find(self, name: str) -> Row | None:
        """Return the row of that name.

        Args:
            name: E.g. "model2".
        """
        return next((row for row in self.rows if row.name == name), None)


@dataclass(frozen=True)
class _Versus:
    """A rival against a reference on the same rows: accuracy difference and corrected p."""

    delta: float
    p: float


def build(
    results: Sequence[Result],
    heldout_labels: npt.ArrayLike,
    heldout_probabilities: Mapping[str, npt.ArrayLike],
    champion: str | None,
    data: dict[str, Any],
    protocol: dict[str, Any],
) -> Leaderboard:
    """Rank results on the held-out rows.

    Sorted by held-out accuracy, then held-out loss, then name. Below the finite ones stand those
    never scored there (pruned), then the diverged, then the failed.

    Args:
        results: What was trained; names are unique.
        heldout_labels: 0 or 1, [n].
        heldout_probabilities: Probabilities of label 1 on the held-out rows by result name, each
            [n]; a result may be missing.
        champion: Name of the result that was chosen on validation rows; None where none was.
        data: The leaderboard's `data`.
        protocol: The leaderboard's `protocol`.

    Returns:
        The leaderboard.

    Raises:
        ValueError: If names repeat, or the champion is none of them.
    """
    names = [result.name for result in results]
    if len(set(names)) < len(names):
        raise ValueError(f"names repeat: {sorted(names)}")
    if champion is not None and champion not in names:
        raise ValueError(f"the champion '{champion}' is none of {sorted(names)}")
    scores = {name: heldout_probabilities[name] for name in names if name in heldout_probabilities}
    found = {name: metrics(heldout_labels, score) for name, score in scores.items()}
    model2 = _against(MODEL2, heldout_labels, scores)
    linear = _against(LINEAR, heldout_labels, scores)
    ordered = sorted(results, key=lambda result: _order(result, found.get(result.name)))
    rows = (
        _row(
            result,
            found.get(result.name),
            model2.get(result.name),
            linear.get(result.name),
            selected=result.name == champion,
        )
        for result in ordered
    )
    ranked = tuple(replace(row, rank=rank) for rank, row in enumerate(rows, 1))
    return Leaderboard(data=data, protocol=protocol, rows=ranked)


def _order(result: Result, found: Metrics | None) -> tuple[int, float, float, int, str]:
    if result.status == "failed":
        group = 3
    elif result.status == "diverged" or (found is not None and math.isnan(found.loss)):
        group = 2
    else:
        group = 1 if found is None else 0
    accuracy = found.accuracy if found else result.val_accuracy or 0.0
    loss = _finite(found.loss if found else result.val_loss)
    number = -1 if result.number is None else result.number
    return group, -accuracy, math.inf if loss is None else loss, number, result.name


def _against(
    reference: str, labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> dict[str, _Versus]:
    """Compare every scored rival with the reference; empty where the reference has no scores."""
    if reference not in scores:
        return {}
    truth = np.asarray(labels).astype(bool)
    right = predictions(scores[reference]) == truth
    rivals = [name for name in scores if name != reference]
    deltas, p_values = [], []
    for name in rivals:
        rival_right = predictions(scores[name]) == truth
        only_rival = int((rival_right & ~right).sum())
        only_reference = int((right & ~rival_right).sum())
        deltas.append((only_rival - only_reference) / truth.size)
        p_values.append(mcnemar(only_rival, only_reference))
    return {
        name: _Versus(delta, p)
        for name, delta, p in zip(rivals, deltas, holm(p_values), strict=True)
    }


def _row(
    result: Result,
    found: Metrics | None,
    model2: _Versus | None,
    linear: _Versus | None,
    *,
    selected: bool,
) -> Row:
    return Row(
        rank=0,
        name=result.name,
        kind=result.kind,
        status=result.status,
        selected=selected,
        meets_brief=result.meets_brief,
        layers=result.layers,
        parameters=result.parameters,
        epochs=result.epochs,
        val_accuracy=_finite(result.val_accuracy),
        val_loss=_finite(result.val_loss),
        heldout_accuracy=found.accuracy if found else None,
        heldout_low=found.accuracy_low if found else None,
        heldout_high=found.accuracy_high if found else None,
        heldout_loss=_finite(found.loss) if found else None,
        roc_auc=found.roc_auc if found else None,
        f1=found.f1 if found else None,
        false_positive_rate=found.false_positive_rate if found else None,
        delta_vs_model2=model2.delta if model2 else None,
        p_vs_model2=model2.p if model2 else None,
        train_seconds=result.train_seconds,
        latency_us=_finite(result.latency_us),
        delta_vs_linear=linear.delta if linear else None,
        p_vs_linear=linear.p if linear else None,
        reason=result.reason,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
