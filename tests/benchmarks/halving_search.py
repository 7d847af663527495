"""What a user of scikit-learn would do instead: search over linear models of character n-grams.

    python -m tests.benchmarks.halving_search --data http-params.csv --budget 20m [--seed 0]

`HalvingRandomSearchCV` over TF-IDF of character n-grams with logistic regression or a linear SVM,
round after round, each with other candidates, until another one would not fit into the budget.
Candidates are judged on the validation rows of `search.run`; the best of those that were trained on
all fit rows is trained again on fit and validation rows, and its held-out accuracy is set against
the refit of the baseline `linear`. That of a search stands on its leaderboard, under "refit".
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import HalvingRandomSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from tabulate import tabulate

from data.common import Parser, UserError, run
from data.dataset import Dataset
from results.scoring import accuracy
from search.config import parse_budget
from spaces import BASELINES, TextBaseline
from tests.benchmarks.measuring import dataset

CANDIDATES, FACTOR = 27, 3
NGRAMS = {
    "ngrams__analyzer": ["char", "char_wb"],
    "ngrams__ngram_range": [(low, high) for low in (1, 2) for high in range(2, 7)],
    "ngrams__sublinear_tf": [False, True],
    "ngrams__min_df": [1, 2],
}
MODELS = [
    {"model": [LogisticRegression(max_iter=1000)], "model__C": loguniform(0.3, 300)},
    {"model": [LinearSVC()], "model__C": loguniform(0.03, 30)},
]


@dataclass(frozen=True)
class Found:
    """The best candidate of one round, by its accuracy on the validation rows."""

    accuracy: float
    pipeline: Pipeline  # not yet fitted
    candidates: int


def rounds(data: Dataset, budget: float, seed: int, jobs: int) -> Iterator[Found]:
    """Search round after round; at least once, however long that takes."""
    fit, validation = data.split.fit, data.split.validation
    rows = np.concatenate([fit, validation])
    texts, labels = list(data.texts.at(rows)), data.labels[rows]
    folds = PredefinedSplit(np.repeat([-1, 0], [len(fit), len(validation)]))
    started, longest = time.monotonic(), 0.0
    while time.monotonic() - started + longest < budget:
        began = time.monotonic()
        search = HalvingRandomSearchCV(
            Pipeline([("ngrams", TfidfVectorizer(analyzer="char")), ("model", LinearSVC())]),
            [{**NGRAMS, **model} for model in MODELS],
            n_candidates=CANDIDATES,
            factor=FACTOR,
            min_resources="exhaust",
            cv=folds,
            scoring="accuracy",
            refit=False,
            random_state=seed,
            n_jobs=jobs,
        )
        search.fit(texts, labels)
        yield _best(search)
        seed += 1
        longest = max(longest, time.monotonic() - began)


def _best(search: Any) -> Found:
    results = search.cv_results_
    # Those of earlier iterations were trained on fewer rows, and judged on fewer.
    last = np.flatnonzero(results["iter"] == max(results["iter"]))
    best = last[np.argmax(results["mean_test_score"][last])]
    pipeline = search.estimator.set_params(**results["params"][best])
    return Found(float(results["mean_test_score"][best]), pipeline, len(results["params"]))


def heldout(data: Dataset, fit: Callable[..., Callable[[Sequence[str]], Any]]) -> float:
    """Fit on fit and validation rows; return the accuracy on the held-out rows."""
    rows, rest = data.refitting.split.fit, data.split.heldout
    predict = fit(data.texts.at(rows), data.labels[rows])
    return accuracy(data.labels[rest], np.float32(predict(data.texts.at(rest))))


def main(argv: Sequence[str]) -> int:
    """Search and print what was found."""
    parser = Parser("python -m tests.benchmarks.halving_search", description=__doc__)
    parser.add_argument("--data", help="default: a synthetic log")
    parser.add_argument("--rows", type=int, help="first rows only")
    parser.add_argument("--budget", type=parse_budget, default="5m", help="a time, as in a search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=-1, help="default: one a core")
    options = parser.parse_args(argv)
    if options.budget.seconds is None:
        raise UserError("--budget is a time here, e.g. 5m")
    data = dataset(options.data, options.rows)
    best: Found | None = None
    tried = 0
    for found in rounds(data, options.budget.seconds, options.seed, options.jobs):
        tried += found.candidates
        best = found if best is None or found.accuracy > best.accuracy else best
        print(f"{tried} candidates, best val. accuracy {best.accuracy:.4f}", flush=True)
    assert best is not None
    pipeline, linear = best.pipeline, BASELINES["linear"]
    assert isinstance(linear, TextBaseline)
    refit = heldout(data, lambda texts, labels: pipeline.fit(texts, labels).predict)
    table = [
        ["halving search", f"{best.accuracy:.4f}", f"{refit:.4f}"],
        ["linear", "", f"{heldout(data, linear.fit):.4f}"],
    ]
    print(tabulate(table, ["", "val. accuracy", "held-out, refit"], tablefmt="github"))
    print(", ".join(f"{name} {value}" for name, value in _settings(pipeline)))
    return 0


def _settings(pipeline: Pipeline) -> Iterator[tuple[str, Any]]:
    values = pipeline.get_params()
    yield "model", values["model"]
    for name in NGRAMS:
        yield name.removeprefix("ngrams__"), values[name]


if __name__ == "__main__":
    run(main)
