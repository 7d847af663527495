"""Results with known held-out probabilities, and leaderboards built of them."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from results.leaderboard import Leaderboard, rank_results
from results.study import Result, Status, as_refit

ROWS = 1000
LABELS = np.arange(ROWS) % 2
DATA = {"rows": 4000, "split": "chronological", "malicious_share": {"held-out": 0.5}}
PROTOCOL = {"epochs": 3, "vocabulary": "train"}


def right_in_all_but(wrong: range) -> npt.NDArray[np.float32]:
    """Give probabilities that predict the label everywhere but in these rows."""
    score = np.where(LABELS == 1, 0.9, 0.1)
    score[wrong] = 1 - score[wrong]
    return score.astype(np.float32)


def baseline(name: str, **values: Any) -> Result:
    return Result(name, "baseline", "complete", epochs=3.0, train_seconds=1.5, **values)


def trial(number: int, status: Status = "complete", **values: Any) -> Result:
    defaults = {"layers": 6, "parameters": 12345, "epochs": 3.0, "latency_us": 812.4}
    known = {**defaults, "latency_runtime": "onnx", **values}
    return Result(f"trial {number}", "trial", status, number=number, **known)


def refit(name: str, **values: Any) -> Result:
    """Give the refit of what has this name."""
    first = trial(int(name.split()[1])) if name.startswith("trial") else baseline(name)
    return replace(as_refit(first), **values)


def board(wrong: dict[str, range], champion: str | None = "trial 17", *more: Result) -> Leaderboard:
    """Build a leaderboard of results that are wrong in the rows given."""
    named = [_named(name) for name in wrong]
    scores = {name: right_in_all_but(rows) for name, rows in wrong.items()}
    return rank_results([*named, *more], LABELS, scores, champion, DATA, PROTOCOL)


def _named(name: str) -> Result:
    if name.endswith(", refit"):
        return refit(name.removesuffix(", refit"))
    return trial(int(name.split()[1])) if name.startswith("trial") else baseline(name)


@cache
def everything() -> Leaderboard:
    """Build a leaderboard with every status and every kind of gap."""
    nan = np.full(ROWS, np.nan, np.float32)
    results = [
        trial(4, "failed", reason="RuntimeError: no memory |\n<b>", layers=None, epochs=0.0),
        trial(3, "pruned", reason="pruned after 0.5 epochs", val_accuracy=0.7, val_loss=0.6),
        trial(9, "pruned", reason="pruned after 1 epoch", val_accuracy=0.8, val_loss=0.5),
        replace(
            baseline("model1-as-run", layers=3, parameters=10370),
            status="diverged",
            reason="loss is nan",
            val_accuracy=0.34,
            val_loss=float("nan"),
        ),
        baseline("linear", val_accuracy=0.99),
        baseline("model2", layers=4, parameters=26913, val_accuracy=0.98, val_loss=0.1),
        trial(17, val_accuracy=0.995, val_loss=0.02, violations=()),
        trial(12, val_accuracy=0.95, val_loss=0.2, violations=("the optimizer is adam",)),
    ]
    scores = {
        "model1-as-run": nan,
        "linear": right_in_all_but(range(0, 6)),
        "model2": right_in_all_but(range(100, 120)),
        "trial 17": right_in_all_but(range(0, 4)),
        "trial 12": right_in_all_but(range(100, 700)),
    }
    return rank_results(results, LABELS, scores, "trial 17", DATA, PROTOCOL)
