"""The leaderboard as data: one row a training, ranked on the held-out rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from results.leaderboard.pareto import front
from results.leaderboard.row import LINEAR, MODEL2, Leaderboard, Row
from results.scoring import Metrics, accuracy, compute_metrics, holm, mcnemar, predictions
from results.study import Result, refit_name


@dataclass(frozen=True)
class _Versus:
    """A rival against a reference on the same rows: accuracy difference and McNemar's p."""

    delta: float
    p: float


def rank_results(
    results: Sequence[Result],
    heldout_labels: npt.ArrayLike,
    heldout_probabilities: Mapping[str, npt.ArrayLike],
    champion: str | None,
    data: dict[str, Any],
    protocol: dict[str, Any],
    repeats: Mapping[str, Sequence[npt.ArrayLike]] = MappingProxyType({}),
) -> Leaderboard:
    """Rank results on the held-out rows.

    Sorted by held-out accuracy, then held-out loss, then name. Below the finite ones stand those
    never scored there (pruned), then the diverged, then the failed.

    The champion was chosen beforehand, so its two comparisons, with Model 2 and with the linear
    baseline, are the only tests that were planned: Holm corrects over these two, however many
    trials there are. Every other p is that of its one test, and exploratory. Refits have seen more
    rows, so they are compared with refits alone, the champion's in the same way.

    Args:
        results: What was trained; names are unique.
        heldout_labels: 0 or 1, [n].
        heldout_probabilities: Probabilities of label 1 on the held-out rows by result name, each
            [n]; a result may be missing.
        champion: Name of the result that was chosen beforehand; None where none was.
        data: The leaderboard's `data`.
        protocol: The leaderboard's `protocol`.
        repeats: Held-out probabilities of the same results trained again with other seeds, by
            name, each [n].

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
    found = {name: compute_metrics(heldout_labels, score) for name, score in scores.items()}
    refits = {result.name for result in results if result.kind == "refit"}
    first = {name: score for name, score in scores.items() if name not in refits}
    again = {name: score for name, score in scores.items() if name in refits}
    versus = {
        name: _against(name, heldout_labels, first)
        | _against(refit_name(name), heldout_labels, again)
        for name in (MODEL2, LINEAR)
    }
    planned = () if champion is None else (champion, refit_name(champion))
    for name in planned:
        _correct(list(versus.values()), name)
    ordered = sorted(results, key=lambda result: _order(result, found.get(result.name)))
    rows = (
        _row(
            result,
            found.get(result.name),
            versus[MODEL2].get(result.name),
            versus[LINEAR].get(result.name),
            data.get("slices", {}).get("validation", 0),
            selected=result.name == champion,
            champion_refit=result.name in planned[1:],
        )
        for result in ordered
    )
    ranked = _marked([replace(row, rank=rank) for rank, row in enumerate(rows, 1)])
    spread = tuple(
        _repeated(row, [accuracy(heldout_labels, again) for again in repeats.get(row.name, ())])
        for row in ranked
    )
    return Leaderboard(data=data, protocol=protocol, rows=spread)


def _marked(rows: Sequence[Row]) -> list[Row]:
    """Mark the front of held-out accuracy against latency among the complete trainings."""
    points = {
        row.name: (row.heldout_accuracy, row.latency_us)
        for row in rows
        if row.status == "complete"
        and row.kind in ("baseline", "trial")
        and row.heldout_accuracy is not None
        and row.latency_us is not None
    }
    best = front(points)
    return [replace(row, pareto=row.name in best) for row in rows]


def _repeated(row: Row, others: Sequence[float]) -> Row:
    """Add the spread over the seeds; nothing where only the first was scored."""
    if row.heldout_accuracy is None or not others:
        return row
    found = np.array([row.heldout_accuracy, *others])
    return replace(
        row,
        repeats=len(found),
        repeats_mean=float(found.mean()),
        repeats_std=float(found.std(ddof=1)),
        repeats_min=float(found.min()),
        repeats_max=float(found.max()),
    )


def _order(result: Result, found: Metrics | None) -> tuple[int, float, float, int, str]:
    if result.status == "failed":
        group = 3
    elif result.status == "diverged" or (found is not None and math.isnan(found.loss)):
        group = 2
    else:
        group = 1 if found is None else 0
    share = found.accuracy if found else result.val_accuracy or 0.0
    loss = _finite(found.loss if found else result.val_loss)
    number = -1 if result.number is None else result.number
    return group, -share, math.inf if loss is None else loss, number, result.name


def _against(
    reference: str, labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> dict[str, _Versus]:
    """Compare every scored rival with the reference; empty where the reference has no scores."""
    if reference not in scores:
        return {}
    truth = np.asarray(labels).astype(bool)
    right = predictions(scores[reference]) == truth
    found = {}
    for name in scores.keys() - {reference}:
        rival_right = predictions(scores[name]) == truth
        only_rival = int((rival_right & ~right).sum())
        only_reference = int((right & ~rival_right).sum())
        delta = (only_rival - only_reference) / truth.size
        found[name] = _Versus(delta, mcnemar(only_rival, only_reference))
    return found


def _correct(against: Sequence[dict[str, _Versus]], name: str) -> None:
    """Correct the p-values of the champion, or of its refit, for being one a reference."""
    known = [found for found in against if name in found]
    corrected = holm([found[name].p for found in known])
    for found, p in zip(known, corrected, strict=True):
        found[name] = replace(found[name], p=p)


def _row(
    result: Result,
    found: Metrics | None,
    model2: _Versus | None,
    linear: _Versus | None,
    validation_rows: int,
    *,
    selected: bool,
    champion_refit: bool,
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
        ece=found.ece if found else None,
        recall_at_fpr_0_1=found.recall_at_fpr_0_1 if found else None,
        recall_at_fpr_1=found.recall_at_fpr_1 if found else None,
        latency_p99_us=_finite(result.latency_p99_us),
        latency_batch_us=_finite(result.latency_batch_us),
        latency_batch_p99_us=_finite(result.latency_batch_p99_us),
        size_bytes=result.size_bytes,
        val_rows=result.val_rows,
        val_auc=result.val_auc,
        val_f1=result.val_f1,
        val_recall_at_fpr_0_1=result.val_recall_at_fpr_0_1,
        val_recall_at_fpr_1=result.val_recall_at_fpr_1,
        val_partial=result.val_rows is not None and result.val_rows < validation_rows,
        champion_refit=champion_refit,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
