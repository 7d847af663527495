"""What held-out probabilities look like: ROC, precision against recall, histograms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

from results.report.plots.plot import MALICIOUS, NORMAL, Plot, Trace
from results.report.plots.search import colour_of

Scores = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

BINS = 40
MOST_POINTS = 400


def usable(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """Leave out those of whom a probability is not finite.

    Args:
        scores: Held-out probabilities by name, each [n].
    """
    return {name: score for name, score in scores.items() if np.isfinite(score).all()}


def roc(labels: Labels, scores: Mapping[str, Scores], champion: str | None) -> Plot:
    """Plot recall against the false positive rate, which is on a logarithmic axis.

    Args:
        labels: Held-out labels, [n].
        scores: Held-out probabilities by name, each [n].
        champion: The champion's name.

    Returns:
        A line a model; rates below half a row are drawn there.

    Raises:
        ValueError: If there is nothing to draw, or a class is missing.
    """
    _check(labels, scores)
    lowest = 0.5 / float((labels == 0).sum())
    traces = []
    for name, score in usable(scores).items():
        rates, recalls, _ = roc_curve(labels, score)
        keep = _thinned(len(rates))
        x = np.maximum(rates[keep], lowest)
        traces.append(_line(name, x, recalls[keep], champion, "recall %{y:.4f} at FPR %{x:.2%}"))
    axis: dict[str, Any] = {"type": "log", "range": [float(np.log10(lowest)), 0], "dtick": 1}
    return Plot(
        traces,
        {
            "xaxis": {**axis, "title": {"text": "false positive rate"}, "tickformat": "~%"},
            "yaxis": {"title": {"text": "recall"}, "range": [0, 1.02]},
            "hovermode": "closest",
        },
        height=380,
    )


def precision_recall(labels: Labels, scores: Mapping[str, Scores], champion: str | None) -> Plot:
    """Plot precision against recall.

    Args:
        labels: Held-out labels, [n].
        scores: Held-out probabilities by name, each [n].
        champion: The champion's name.

    Returns:
        A line a model.

    Raises:
        ValueError: If there is nothing to draw, or a class is missing.
    """
    _check(labels, scores)
    traces = []
    for name, score in usable(scores).items():
        precisions, recalls, _ = precision_recall_curve(labels, score)
        keep = _thinned(len(recalls))
        hover = "precision %{y:.4f} at recall %{x:.4f}"
        traces.append(_line(name, recalls[keep], precisions[keep], champion, hover))
    return Plot(
        traces,
        {
            "xaxis": {"title": {"text": "recall"}, "range": [0, 1.02]},
            "yaxis": {"title": {"text": "precision"}, "range": [0, 1.02]},
            "hovermode": "closest",
        },
        height=380,
    )


def histogram(labels: Labels, scores: Scores) -> Plot:
    """Plot how often each probability was given to either class, on a logarithmic axis.

    Args:
        labels: Held-out labels, [n].
        scores: Held-out probabilities of one model, [n].

    Returns:
        Bars of 1 / 40 each.

    Raises:
        ValueError: If a probability is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a probability is not finite")
    edges = np.linspace(0, 1, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    traces: list[Trace] = []
    for label, name, colour in ((0, "normal", NORMAL), (1, "malicious", MALICIOUS)):
        counts = np.histogram(scores[labels == label], edges)[0]
        traces.append(
            {
                "type": "bar",
                "name": name,
                "x": middles.round(4),
                "y": np.where(counts, counts, np.nan),
                "width": 1 / BINS,
                "opacity": 0.7,
                "marker": {"color": colour},
                "hovertemplate": "%{y} rows near %{x:.3f}",
            }
        )
    return Plot(
        traces,
        {
            "barmode": "overlay",
            "bargap": 0,
            "xaxis": {"title": {"text": "probability of an attack"}, "range": [0, 1]},
            "yaxis": {"title": {"text": "rows"}, "type": "log", "dtick": 1},
            "shapes": [{"type": "line", "x0": 0.5, "x1": 0.5, "yref": "paper", "y0": 0, "y1": 1,
                        "line": {"dash": "dot", "width": 1, "color": "#8b949e"}}],
        },
        height=300,
    )  # fmt: skip


def _check(labels: Labels, scores: Mapping[str, Scores]) -> None:
    if not usable(scores):
        raise ValueError("no model of this run has finite held-out probabilities")
    if len(np.unique(labels)) < 2:
        raise ValueError("the held-out rows are all of one class")


def _thinned(count: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round()).astype(np.int64)


def _line(name: str, x: Floats, y: Floats, champion: str | None, hover: str) -> Trace:
    return {
        "name": name,
        "x": np.round(x, 6),
        "y": np.round(y, 6),
        "mode": "lines",
        "line": {
            "color": colour_of(name, champion, [name]),
            "width": 3 if name == champion else 1.8,
            "shape": "linear",
        },
        "hovertemplate": hover,
    }
