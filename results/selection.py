"""How much of the champion's validation score it owes to having been chosen by that score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from results.metrics import KERAS_EPSILON, predictions

RESAMPLES = 1000
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

    Where finalists were trained again, the choice that is repeated has both its steps. A sample
    may make finalists of trials that were not trained again; their one training then stands for
    the mean of two, so that a little more is put down to luck than need be.

    Attributes:
        champion: Name of the trial that was chosen.
        val_accuracy: Its accuracy on the validation rows, by which it was chosen.
        heldout_accuracy: Its accuracy on the held-out rows; None where it was not scored there.
        expected_accuracy: Mean accuracy of the chosen on the rows left out.
        expected_low: 2.5th percentile of those accuracies.
        expected_high: 97.5th percentile of them.
        optimism: `val_accuracy` less `expected_accuracy`.
        chosen_again: Share of the samples that choose the champion.
        candidates: How many complete trials were chosen among.
        resamples: How many bootstrap samples were drawn.
        rows: How many validation rows there are.
        finalists: How many of the best were then compared by the mean of two seeds; 0 for none.
    """

    champion: str
    val_accuracy: float
    heldout_accuracy: float | None
    expected_accuracy: float
    expected_low: float
    expected_high: float
    optimism: float
    chosen_again: float
    candidates: int
    resamples: int
    rows: int
    finalists: int = 0


def measure(
    labels: npt.ArrayLike,
    probabilities: Mapping[str, npt.ArrayLike],
    champion: str,
    heldout_accuracy: float | None,
    *,
    again: Mapping[str, npt.ArrayLike] = MappingProxyType({}),
    finalists: int = 0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Selection | None:
    """Repeat the choice of the champion on bootstrap samples of the validation rows.

    A sample's choice is the real one: the highest accuracy, then the lowest loss, then the
    earlier candidate. With finalists it takes so many of the best, and among them decides the mean
    over both seeds.

    Args:
        labels: Of the validation rows, 0 or 1, [n].
        probabilities: Of label 1 on those rows, by candidate, each [n]; the earliest first.
        champion: The candidate that was chosen.
        heldout_accuracy: Its accuracy on the held-out rows.
        again: Probabilities of candidates that were trained with a second seed, each [n].
        finalists: How many were compared by the mean; 0 where the first training decided.
        resamples: How many samples to draw.
        seed: Their seed.

    Returns:
        What the choice is worth; None where the champion's probabilities are not there, or there
        are too few rows to leave any out.
    """
    truth = np.asarray(labels).astype(bool)
    if champion not in probabilities or truth.size < 2:
        return None
    names = list(probabilities)
    right = np.array([predictions(probabilities[name]) == truth for name in names], np.float32)
    shares = right.mean(axis=1, dtype=np.float64)
    kept = np.sort(np.argsort(-shares, kind="stable")[:MOST_CANDIDATES])
    losses = np.array([_losses(truth, probabilities[names[index]]) for index in kept])
    of_champion = float(shares[names.index(champion)])
    second = [again.get(names[index], probabilities[names[index]]) for index in kept]
    final = _final(truth, right[kept], losses, second, finalists) if finalists else None
    chosen, left_out = _choices(right[kept], losses, final, resamples, seed)
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


@dataclass(frozen=True)
class _Final:
    """How the finalists are compared: their number, and the means over both seeds."""

    count: int
    right: Floats  # [candidates, rows]
    losses: Floats  # [candidates, rows]

    def picks(self, hits: Floats, losses: Floats, weights: Floats) -> npt.NDArray[np.int64]:
        """Choose on each sample by the means, among the best by the first training."""
        best = np.lexsort((losses, -hits), axis=0)[: self.count]
        inside = np.zeros(hits.shape, bool)
        np.put_along_axis(inside, best, True, axis=0)
        return _picks(np.where(inside, self.right @ weights.T, -1), self.losses @ weights.T)


def _final(
    truth: npt.NDArray[np.bool_],
    right: Floats,
    losses: Floats,
    second: Sequence[npt.ArrayLike],
    count: int,
) -> _Final:
    right_again = np.array([predictions(score) == truth for score in second], np.float32)
    losses_again = np.array([_losses(truth, score) for score in second], np.float32)
    half = np.float32(0.5)
    return _Final(count, half * (right + right_again), half * (losses + losses_again))


def _losses(truth: npt.NDArray[np.bool_], probabilities: npt.ArrayLike) -> Floats:
    """Give each row's cross-entropy, float32 [n]; a large one where it is not finite."""
    score = np.nan_to_num(np.asarray(probabilities, dtype=np.float32), nan=0.5)
    of_truth = np.where(truth, score, 1 - score)
    return np.asarray(-np.log(np.clip(of_truth, KERAS_EPSILON, 1)), dtype=np.float32)


def _choices(
    right: Floats, losses: Floats, final: _Final | None, resamples: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Choose on each sample, and score the chosen on the rows that the sample left out.

    Args:
        right: 1 where a candidate is right, [candidates, rows].
        losses: Each row's loss, [candidates, rows].
        final: How the finalists are compared; None where there are none.
        resamples: How many samples.
        seed: Their seed.

    Returns:
        Index of the chosen, [resamples]; its accuracy on the rows left out, [resamples].
    """
    chosen, scores = [], []
    for weights in _weights(right.shape[1], resamples, seed):
        hits = right @ weights.T  # [candidates, samples]; float32 counts exactly up to 2**24
        loss = losses @ weights.T
        picks = final.picks(hits, loss, weights) if final else _picks(hits, loss)
        out = weights == 0  # [samples, rows]
        hits_out = (right[picks] * out).sum(axis=1, dtype=np.float64)
        # A sample that leaves no row out can only be one of very few rows.
        counts = out.sum(axis=1)
        scores.append(hits_out[counts > 0] / counts[counts > 0])
        chosen.append(picks)
    return np.concatenate(chosen), np.concatenate(scores)


def _picks(hits: Floats, losses: Floats) -> npt.NDArray[np.int64]:
    """Give the candidate with the most hits on each sample, then the least loss: [samples]."""
    best = hits == hits.max(axis=0)
    return np.asarray(np.where(best, losses, np.inf).argmin(axis=0), np.int64)


def _weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Say how often each row is in each sample: float32 [samples, rows], some samples at once."""
    rng = np.random.default_rng(seed)
    for begun in range(0, resamples, _AT_ONCE):
        count = min(_AT_ONCE, resamples - begun)
        drawn = rng.integers(0, rows, size=(count, rows))
        flat = (drawn + np.arange(count)[:, None] * rows).ravel()
        counts = np.bincount(flat, minlength=count * rows).reshape(count, rows)
        yield counts.astype(np.float32)
