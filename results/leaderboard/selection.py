"""How much of its validation accuracy the champion owes to having been chosen on those rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from results.scoring import KERAS_EPSILON, predictions
from results.study import ACCURACY, LOSS, Objective, with_tie_breakers

RESAMPLES = 1000
# The objectives whose choice can be repeated on other validation rows.
RULES = (ACCURACY.name, LOSS.name)
# A candidate that so many others are ahead of is chosen by no resample; memory then stays bounded.
MOST_CANDIDATES = 200
_AT_ONCE = 100

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Selection:
    """The champion's validation score beside what it is worth without the luck of the choice.

    The choice among the complete trials is repeated on bootstrap samples of the validation rows;
    each time the chosen trial is scored on the rows that the sample left out. The mean of those
    scores is the accuracy to expect, and the champion's own score less that mean is its optimism.
    This is the bootstrap bias correction of Tsamardinos, Greasidou and Borboudakis,
    "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation",
    Machine Learning 107 (2018). It measures the choice among complete trials only, not what
    pruning and the sampler took from the same rows before.

    If finalists were trained again, the choice that is repeated has both its steps. A sample
    may make finalists of trials that were not trained again; their one training then stands for
    the mean of two, so that a little more is put down to luck than need be.
    """

    champion: str
    val_accuracy: float  # of the champion
    heldout_accuracy: float | None  # of the champion, if it was scored there
    expected_accuracy: float  # mean of the chosen on the rows left out
    expected_low: float  # 2.5th percentile of those accuracies
    expected_high: float  # 97.5th percentile of them
    optimism: float  # val_accuracy less expected_accuracy
    chosen_again: float  # share of the samples that choose the champion
    candidates: int  # complete trials that were chosen among
    resamples: int
    rows: int  # of the validation part
    finalists: int = 0  # how many of the best were then compared by the mean of two seeds


def measure(
    labels: npt.ArrayLike,
    probabilities: Mapping[str, npt.ArrayLike],
    champion: str,
    heldout_accuracy: float | None,
    *,
    again: Mapping[str, npt.ArrayLike] = MappingProxyType({}),
    finalists: int = 0,
    by: Objective = ACCURACY,
    resamples: int = RESAMPLES,
) -> Selection | None:
    """Repeat the choice of the champion on bootstrap samples of the validation rows.

    A sample's choice is the real one: by the objective and its tie-breakers, then the earlier
    candidate. With finalists it takes so many of the best, and among them decides the mean over
    both seeds (`again` has the second). None if the champion's probabilities are not there, or
    there are too few rows to leave any out.
    """
    truth = np.asarray(labels).astype(bool)
    if champion not in probabilities or truth.size < 2:
        return None
    names = list(probabilities)
    shares = np.array([_hits(truth, probabilities[name]).mean(dtype=np.float64) for name in names])
    means = -shares
    if by == LOSS:
        means = np.array([_losses(truth, probabilities[name]).mean() for name in names])
    kept = np.sort(np.argsort(means, kind="stable")[:MOST_CANDIDATES])
    first = [probabilities[names[index]] for index in kept]
    right = np.array([_hits(truth, score) for score in first])
    both = costs = _costs(truth, first, by)
    if finalists:
        second = [again.get(names[index], probabilities[names[index]]) for index in kept]
        half = np.float32(0.5)
        both = [half * (a + b) for a, b in zip(costs, _costs(truth, second, by), strict=True)]
    chosen, left_out = _choices(right, costs, both, finalists, resamples)
    of_champion = float(shares[names.index(champion)])
    expected = float(left_out.mean())
    low, high = np.quantile(left_out, (0.025, 0.975))
    same = [names[kept[index]] == champion for index in chosen]
    return Selection(
        champion=champion,
        val_accuracy=of_champion,
        heldout_accuracy=heldout_accuracy,
        expected_accuracy=expected,
        expected_low=float(low),
        expected_high=float(high),
        optimism=of_champion - expected,
        chosen_again=float(np.mean(same)),
        candidates=len(names),
        resamples=resamples,
        rows=truth.size,
        finalists=finalists,
    )


def _costs(
    truth: npt.NDArray[np.bool_], probabilities: Sequence[npt.ArrayLike], by: Objective
) -> list[Floats]:
    """Return two costs of each candidate on each row, by the objective and by its tie-breaker."""
    costs = {
        ACCURACY: -np.array([_hits(truth, score) for score in probabilities]),
        LOSS: np.array([_losses(truth, score) for score in probabilities]),
    }
    return [costs[objective] for objective in with_tie_breakers(by)]


def _hits(truth: npt.NDArray[np.bool_], probabilities: npt.ArrayLike) -> Floats:
    """Return 1 for each row that is predicted right, float32 [n]."""
    return np.asarray(predictions(probabilities) == truth, np.float32)


def _losses(truth: npt.NDArray[np.bool_], probabilities: npt.ArrayLike) -> Floats:
    """Return each row's cross-entropy, float32 [n]; a large one if it is not finite."""
    score = np.nan_to_num(np.asarray(probabilities, dtype=np.float32), nan=0.5)
    of_truth = np.where(truth, score, 1 - score)
    return np.asarray(-np.log(np.clip(of_truth, KERAS_EPSILON, 1)), dtype=np.float32)


def _choices(
    right: Floats,
    costs: list[Floats],
    both: list[Floats],
    finalists: int,
    resamples: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Choose on each sample, and score the chosen on the rows that the sample left out.

    `right` is 1 where a candidate is right; `both` has the mean costs of two seeds, by which the
    finalists are compared; all are [candidates, rows]. Returns the index of each sample's chosen
    one and its accuracy on the rows left out, both [resamples].
    """
    chosen, scores = [], []
    for weights in _weights(right.shape[1], resamples):
        # [candidates, samples] each; float32 counts exactly up to 2**24
        first, second = (cost @ weights.T for cost in costs)
        if finalists:
            best = np.lexsort((second, first), axis=0)[:finalists]
            is_finalist = np.zeros(first.shape, bool)
            np.put_along_axis(is_finalist, best, True, axis=0)
            first, second = (cost @ weights.T for cost in both)
            first = np.where(is_finalist, first, np.inf)
        picks = _picks(first, second)
        out = weights == 0  # [samples, rows]
        hits_out = (right[picks] * out).sum(axis=1, dtype=np.float64)
        # A sample that leaves no row out can only be one of very few rows.
        counts = out.sum(axis=1)
        scores.append(hits_out[counts > 0] / counts[counts > 0])
        chosen.append(picks)
    return np.concatenate(chosen), np.concatenate(scores)


def _picks(first: Floats, second: Floats) -> npt.NDArray[np.int64]:
    """Return the candidate of the least first, then second, cost on each sample: [samples]."""
    best = first == first.min(axis=0)
    return np.asarray(np.where(best, second, np.inf).argmin(axis=0), np.int64)


def _weights(rows: int, resamples: int) -> Iterator[Floats]:
    """Yield how often each row is in each sample: float32 [samples, rows], some samples at once."""
    rng = np.random.default_rng(0)
    for begun in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - begun)
        drawn = rng.integers(0, rows, size=(count, rows))
        flat = (drawn + np.arange(count)[:, None] * rows).ravel()
        counts = np.bincount(flat, minlength=count * rows).reshape(count, rows)
        yield counts.astype(np.float32)
