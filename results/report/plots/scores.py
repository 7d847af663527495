"""What held-out probabilities look like: ROC, precision against recall, histograms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

from data.reading import LABEL_WORDS
from results.report.plots.plot import MALICIOUS, NORMAL, OTHER, Plot, Trace, axis, color_of, line
from results.scoring import Scores

Labels = npt.NDArray[np.uint8]

BINS = 40
MOST_POINTS = 400


def roc(labels: Labels, scores: Mapping[str, Scores], champion: str | None) -> Plot:
    """Plot recall against the false positive rate, logarithmic from half a row on."""
    lowest = 0.5 / max(1.0, float((labels == 0).sum()))
    traces = []
    for name, score in _comparable(labels, scores).items():
        rates, recalls, _ = roc_curve(labels, score)
        hover = "recall %{y:.4f} at FPR %{x:.2%}"
        traces.append(_curve(name, np.maximum(rates, lowest), recalls, champion, hover))
    log = {"type": "log", "range": [float(np.log10(lowest)), 0], "dtick": 1, "tickformat": "~%"}
    return _plot(traces, axis("false positive rate", **log), "recall")


def precision_recall(labels: Labels, scores: Mapping[str, Scores], champion: str | None) -> Plot:
    """Plot precision against recall."""
    traces = []
    for name, score in _comparable(labels, scores).items():
        precisions, recalls, _ = precision_recall_curve(labels, score)
        hover = "precision %{y:.4f} at recall %{x:.4f}"
        traces.append(_curve(name, recalls, precisions, champion, hover))
    return _plot(traces, axis("recall", range=[0, 1.02]), "precision")


def histogram(labels: Labels, scores: Scores, label_words: tuple[str, str] = LABEL_WORDS) -> Plot:
    """Plot how often one model gave each probability to either class, on a logarithmic axis."""
    if not np.isfinite(scores).all():
        raise ValueError("a probability is not finite")
    edges = np.linspace(0, 1, BINS + 1)
    traces: list[Trace] = []
    for label, color in enumerate((NORMAL, MALICIOUS)):
        counts = np.histogram(scores[labels == label], edges)[0]
        traces.append(
            {
                "type": "bar",
                "name": label_words[label],
                "x": ((edges[:-1] + edges[1:]) / 2).round(4),
                "y": np.where(counts, counts, np.nan),
                "width": 1 / BINS,
                "opacity": 0.7,
                "marker": {"color": color},
                "hovertemplate": "%{y} rows near %{x:.3f}",
            }
        )
    threshold = {
        "type": "line", "x0": 0.5, "x1": 0.5, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"dash": "dot", "width": 1, "color": OTHER},
    }  # fmt: skip
    layout = {
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": axis(f"probability of {label_words[1]}", range=[0, 1]),
        "yaxis": axis("rows", type="log", dtick=1),
        "shapes": [threshold],
    }
    return Plot(traces, layout, height=300)


def _comparable(labels: Labels, scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """Return the scores that are finite."""
    finite = {name: score for name, score in scores.items() if np.isfinite(score).all()}
    if not finite:
        raise ValueError("no model of this run has finite held-out probabilities")
    if len(np.unique(labels)) < 2:
        raise ValueError("the held-out rows are all of one class")
    return finite


def _curve(name: str, x: Any, y: Any, champion: str | None, hover: str) -> Trace:
    """Draw a line through at most `MOST_POINTS` of the points."""
    places = np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round()
    keep = np.unique(places).astype(np.int64)
    color, width = color_of(name, champion, [name]), 3 if name == champion else 1.8
    return line(name, x[keep].round(6), y[keep].round(6), color, hover, width)


def _plot(traces: list[Trace], xaxis: dict[str, Any], title: str) -> Plot:
    yaxis = axis(title, range=[0, 1.02])
    return Plot(traces, {"xaxis": xaxis, "yaxis": yaxis, "hovermode": "closest"}, height=380)
