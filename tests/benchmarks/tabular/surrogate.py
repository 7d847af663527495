"""What a trial would do at a point that the table does not have, and how well that is predicted.

    python -m tests.benchmarks.tabular.surrogate [--logs sms,payloads,shared,synthetic]

Random forests, as in Eggensperger et al., "Efficient benchmarking of hyperparameter optimizers via
surrogates" (AAAI 2015) and NAS-Bench-301 (Siems et al. 2020). One tree's leaf holds a real trial
near the point, and the mean over all trees is what to expect of it. The curve of a tree drawn at
random is a training that might have been; as trees differ by what the forest does not know as well,
it is drawn towards the mean until curves spread as far as those of one point trained twice do.
Seconds, which are nearly a sum, are predicted by boosted trees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
from keras_tuner.engine.hyperparameters import Boolean, Choice, HyperParameter
from scipy.stats import kendalltau, spearmanr
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.model_selection import KFold
from tabulate import tabulate

from data.common.command import run
from tests.benchmarks.tabular.noise import paired, spread
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded

TREES = 100
# What a validation part of some thousand rows can tell apart, added before the logarithm is taken.
FLOOR = 1e-4
# Of a hyperparameter that a point does not have, beside [0, 1] for those that it has.
ABSENT = -0.5


@dataclass(frozen=True)
class Prediction:
    """A training as the surrogate sees it.

    Attributes:
        val_accuracy: At each report, [reports].
        val_loss: At each report, [reports].
        seconds: Of a whole epoch.
        heldout_accuracy: After the last one.
    """

    val_accuracy: Floats
    val_loss: Floats
    seconds: float
    heldout_accuracy: float


class Surrogate:
    """Trees fitted to a table.

    Args:
        table: The table. Points that it has more than once say how far trainings spread; without
            any they spread as the trees do.
        chosen: Which of its trials to fit, by index; None for all.
    """

    def __init__(self, table: Table, chosen: npt.ArrayLike | None = None) -> None:
        index = np.arange(len(table)) if chosen is None else np.asarray(chosen)
        self._space, self.epochs, self.reports = table.space, table.epochs, table.reports
        features = np.array([encode(table.space, table.points[place]) for place in index])
        self._learning = _trees(features, targets(table)[index])
        timed = ~np.isnan(table.seconds[index])
        self._costs = GradientBoostingRegressor(
            n_estimators=200, max_depth=3, learning_rate=0.05, subsample=0.7, random_state=0
        ).fit(features[timed], np.log10(table.seconds[index][timed]))
        self._luck = self._share_of_luck(table)

    def expected(self, point: Mapping[str, Any]) -> Prediction:
        """Say what to expect of a point: the mean over all trees."""
        row = self._features(point)
        return _prediction(_leaves(self._learning, row).mean(axis=0), self._seconds(row))

    def drawn(self, point: Mapping[str, Any], rng: np.random.Generator) -> Prediction:
        """Draw one training at a point; the seconds are those to expect."""
        row = self._features(point)
        leaves = _leaves(self._learning, row)
        expected = leaves.mean(axis=0)
        one = leaves[rng.integers(len(leaves))]
        return _prediction(expected + self._luck * (one - expected), self._seconds(row))

    def errors_and_seconds(
        self, points: Sequence[Mapping[str, Any]]
    ) -> tuple[Floats, Floats, Floats]:
        """Return what to expect of n points: validation and held-out errors, seconds an epoch."""
        rows = np.concatenate([self._features(point) for point in points])
        last = [self.reports - 1, -1]
        learned = np.mean([tree.predict(rows)[:, last, 0] for tree in self._learning], axis=0)
        validation, heldout = (10**learned - FLOOR).T
        return validation, heldout, 10 ** self._costs.predict(rows)

    def _share_of_luck(self, table: Table) -> float:
        """Say which share of the trees' spread is that of trainings: the median of all targets."""
        pairs = paired(table)
        if not pairs:
            return 1.0
        first, second = np.array(pairs).T
        learned = targets(table)
        real = spread(learned[first], learned[second])
        points = [self._features(table.points[row]) for row in first]
        trees = np.array([_leaves(self._learning, row).std(axis=0) for row in points])
        return min(1.0, float(np.median(real / np.sqrt((trees**2).mean(axis=0)))))

    def _seconds(self, row: npt.NDArray[np.float32]) -> float:
        return float(10 ** self._costs.predict(row)[0])

    def _features(self, point: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        return np.array([encode(self._space, point)], dtype=np.float32)


def _trees(features: Floats, learned: Floats) -> list[Any]:
    # A leaf is one trial, so that a tree gives its whole curve.
    forest = RandomForestRegressor(TREES, max_features=0.4, random_state=0)
    return [tree.tree_ for tree in forest.fit(features, learned).estimators_]


def _leaves(trees: Sequence[Any], row: npt.NDArray[np.float32]) -> Floats:
    return np.array([np.ravel(tree.predict(row)) for tree in trees])


def encode(space: keras_tuner.HyperParameters, point: Mapping[str, Any]) -> list[float]:
    """Give a point's features.

    Args:
        space: Its space.
        point: Values of the active hyperparameters.

    Returns:
        A number a hyperparameter, in [0, 1] by its own sampling, and one a value of a choice among
        names; `ABSENT` where the point does not have it.
    """
    features: list[float] = []
    for entry in {entry.name: entry for entry in space.space}.values():
        value = point.get(entry.name)
        if isinstance(entry, Choice) and not entry.ordered:
            features += [ABSENT if value is None else float(value == it) for it in entry.values]
        else:
            features.append(ABSENT if value is None else _share(entry, value))
    return features


def _share(entry: HyperParameter, value: Any) -> float:
    if isinstance(entry, Boolean):
        return float(value)
    if isinstance(entry, Choice):
        return entry.values.index(value) / (len(entry.values) - 1)
    low, high = float(entry.min_value), float(entry.max_value)
    if entry.sampling == "log":
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)


def targets(table: Table) -> Floats:
    """Give what the forests learn: logarithms of errors, and losses, [trials, 2 * reports + 1]."""
    errors = np.log10(np.clip(1 - _filled(table.val_accuracy, table.is_complete), 0, 1) + FLOOR)
    losses = np.log10(np.clip(_filled(table.val_loss, table.is_complete), FLOOR, 1e3))
    heldout = np.log10(1 - table.heldout_accuracy + FLOOR)
    # Where a trial was cut, its held-out error is taken to be that of its last report.
    heldout = np.where(np.isnan(heldout), errors[:, -1], heldout)
    return np.column_stack([errors, losses, heldout])


def _filled(curves: Floats, complete: npt.NDArray[np.bool_]) -> Floats:
    """Go on with a cut curve as the median of the whole ones goes on, in proportion."""
    curves = curves.copy()
    whole = curves[complete & ~np.isnan(curves).any(axis=1)]
    for report in range(1, curves.shape[1]):
        missing = np.isnan(curves[:, report])
        step = np.median(whole[:, report] - whole[:, report - 1])
        curves[missing, report] = np.clip(curves[missing, report - 1] + step, 0, None)
    return curves


def _prediction(row: Floats, seconds: float) -> Prediction:
    reports = len(row) // 2
    return Prediction(
        val_accuracy=1 + FLOOR - 10 ** row[:reports],
        val_loss=10 ** row[reports : 2 * reports],
        heldout_accuracy=float(1 + FLOOR - 10 ** row[-1]),
        seconds=seconds,
    )


def quality(table: Table, folds: int = 10) -> list[tuple[str, float, float, float]]:
    """Measure by cross-validation how well the surrogate predicts.

    Args:
        table: The table.
        folds: How many times a part is left out.

    Returns:
        For each of the final validation error, the held-out error and the seconds: the name, R²
        (of the logarithms), Spearman's rho and Kendall's tau, over the complete trials.
    """
    told = np.full((len(table), 3), np.nan)
    for fitted, left_out in KFold(folds, shuffle=True, random_state=0).split(told):
        surrogate = Surrogate(table, fitted)
        for place in left_out:
            it = surrogate.expected(table.points[place])
            told[place] = 1 - it.val_accuracy[-1], 1 - it.heldout_accuracy, it.seconds
    final = 1 - table.val_accuracy[:, -1]
    truth = np.column_stack([final, 1 - table.heldout_accuracy, table.seconds])
    figures = []
    for column, name in enumerate(("validation error", "held-out error", "seconds")):
        kept = table.is_complete & ~np.isnan(truth[:, column])
        of, by = np.log10(truth[kept, column] + FLOOR), np.log10(told[kept, column] + FLOOR)
        explained = 1 - ((of - by) ** 2).sum() / ((of - of.mean()) ** 2).sum()
        figures.append((name, explained, spearmanr(of, by)[0], kendalltau(of, by)[0]))
    return figures


def main(argv: Sequence[str]) -> int:
    """Print how good the surrogates are.

    Args:
        argv: The arguments.

    Returns:
        0.
    """
    parser = logs_parser("surrogate", __doc__)
    options = parser.parse_args(argv)
    lines = []
    for log in options.logs:
        table = recorded(log)
        lines += [(log, len(table), *figures) for figures in quality(table)]
    heads = ("log", "trials", "predicted", "R²", "Spearman", "Kendall")
    print(tabulate(lines, heads, tablefmt="github", floatfmt=".2f"))
    return 0


if __name__ == "__main__":
    run(main)
