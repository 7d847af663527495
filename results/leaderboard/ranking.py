"""Ranks trainings on the held-out rows, and tests their differences from the two references."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from results.leaderboard.columns import Row
from results.leaderboard.leaderboard import LINEAR, MODEL2, Leaderboard
from results.scoring import Metrics, accuracy, compute_metrics, holm, mcnemar, predictions
from results.study import Result, refit_name

# What a row takes over as it is, by name.
_ATTRIBUTES = {field.name for field in fields(Row)}
_OF_RESULT = _ATTRIBUTES & {field.name for field in fields(Result)}
_OF_METRICS = {
    "heldout_accuracy": "accuracy",
    "heldout_low": "accuracy_low",
    "heldout_high": "accuracy_high",
    "heldout_loss": "loss",
    **{field.name: field.name for field in fields(Metrics) if field.name in _ATTRIBUTES},
}


# A rival against a reference on the same rows: difference of accuracy, and McNemar's p.
_Versus = tuple[float, float]


def rank_results(
    results: Sequence[Result],
    heldout_labels: npt.ArrayLike,
    heldout_probabilities: Mapping[str, npt.ArrayLike],
    champion: str | None,
    data: dict[str, Any],
    protocol: dict[str, Any],
    repeats: Mapping[str, Sequence[npt.ArrayLike]] = MappingProxyType({}),
    repeated: npt.NDArray[np.bool_] | None = None,
) -> Leaderboard:
    """Rank results on the held-out rows.

    Sorted by held-out accuracy, then held-out loss, then number and name. Below the finite ones
    stand those never scored there (pruned), then the diverged, then the failed.

    The champion was chosen beforehand, so its two comparisons, with Model 2 and with the linear
    baseline, are the only tests that were planned: Holm corrects over these two, however many
    trials there are. Every other p is that of its one test, and exploratory. Refits have seen more
    rows, so they are compared with refits alone, the champion's in the same way.

    Args:
        results: What was trained; names are unique.
        heldout_labels: 0 or 1, [n].
        heldout_probabilities: Probabilities of label 1 on the held-out rows by result name, each
            [n]; a result may be missing.
        champion: Name of the result that was chosen beforehand; None if none was.
        data: The leaderboard's `data`.
        protocol: The leaderboard's `protocol`.
        repeats: Held-out probabilities of the same results trained again with other seeds, by
            name, each [n].
        repeated: Which held-out rows have a text of the training part, bool [n]; the accuracy is
            measured without them as well. None if that is not worth it.

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
        name: _compare(name, heldout_labels, first)
        | _compare(refit_name(name), heldout_labels, again)
        for name in (MODEL2, LINEAR)
    }
    for name in () if champion is None else (champion, refit_name(champion)):
        _correct(list(versus.values()), name)
    validation_rows = data.get("slices", {}).get("validation", 0)
    ordered = sorted(results, key=lambda result: _order(result, found.get(result.name)))
    rows = [
        Row(
            rank=rank,
            selected=result.name == champion,
            champion_refit=champion is not None and result.name == refit_name(champion),
            **_of_training(result, validation_rows),
            **_of_heldout(found.get(result.name)),
            **_of_references(result.name, versus),
            unrepeated_accuracy=_unrepeated(heldout_labels, scores.get(result.name), repeated),
            **_of_seeds(
                found.get(result.name),
                [accuracy(heldout_labels, score) for score in repeats.get(result.name, ())],
            ),
        )
        for rank, result in enumerate(ordered, 1)
    ]
    best = _front(rows)
    return Leaderboard(data, protocol, tuple(replace(row, pareto=row.name in best) for row in rows))


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


def _compare(
    reference: str, labels: npt.ArrayLike, scores: Mapping[str, npt.ArrayLike]
) -> dict[str, _Versus]:
    """Compare every scored rival with the reference; empty if the reference has no scores."""
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
        found[name] = delta, mcnemar(only_rival, only_reference)
    return found


def _correct(against: Sequence[dict[str, _Versus]], name: str) -> None:
    """Correct the p-values of the champion, or of its refit, for being one a reference."""
    known = [found for found in against if name in found]
    for found, p in zip(known, holm([found[name][1] for found in known]), strict=True):
        found[name] = found[name][0], p


def _of_training(result: Result, validation_rows: int) -> dict[str, Any]:
    return {
        **{name: _finite(getattr(result, name)) for name in _OF_RESULT},
        "meets_brief": result.meets_brief,
        "val_partial": result.val_rows is not None and result.val_rows < validation_rows,
    }


def _of_heldout(found: Metrics | None) -> dict[str, Any]:
    return {name: found and _finite(getattr(found, key)) for name, key in _OF_METRICS.items()}


def _of_references(name: str, versus: Mapping[str, Mapping[str, _Versus]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for reference in (MODEL2, LINEAR):
        delta, p = versus[reference].get(name, (None, None))
        found |= {f"delta_vs_{reference}": delta, f"p_vs_{reference}": p}
    return found


def _unrepeated(
    labels: npt.ArrayLike, score: npt.ArrayLike | None, repeated: npt.NDArray[np.bool_] | None
) -> float | None:
    if score is None or repeated is None or repeated.all():
        return None
    return accuracy(np.asarray(labels)[~repeated], np.asarray(score)[~repeated])


def _of_seeds(first: Metrics | None, others: Sequence[float]) -> dict[str, Any]:
    """Return the spread over the seeds; nothing if only the first was scored."""
    if first is None or not others:
        return {}
    found = np.array([first.accuracy, *others])
    return {
        "repeats": len(found),
        "repeats_mean": float(found.mean()),
        "repeats_std": float(found.std(ddof=1)),
        "repeats_min": float(found.min()),
        "repeats_max": float(found.max()),
    }


def _front(rows: Sequence[Row]) -> set[str]:
    """Name the complete first trainings that no other one beats in accuracy and latency.

    One beats another if it is at least as accurate and at least as fast, and better in one of the
    two; of equal ones neither does.
    """
    points = {
        row.name: (row.heldout_accuracy, row.latency_us)
        for row in rows
        if row.status == "complete"
        and row.kind in ("baseline", "trial")
        and row.heldout_accuracy is not None
        and row.latency_us is not None
    }
    found: set[str] = set()
    best = (-1.0, math.inf)
    for name, point in sorted(points.items(), key=lambda item: (item[1][1], -item[1][0])):
        if point[0] > best[0]:
            best = point
        if point == best:
            found.add(name)
    return found


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
