"""The data card of a run, and how its log drifts from the first row to the last."""

import numpy as np
import numpy.typing as npt

from data.dataset import DataCard, Dataset, Split
from data.dataset.card import card
from data.reading import AccessLog
from results.report.plots.plot import MALICIOUS, NORMAL, OTHER, Plot, Trace

BLOCKS = 48
_SHADES = {"fit": 0.0, "validation": 0.1, "held-out": 0.2}


def describe(dataset: Dataset) -> DataCard:
    """Make the data card of a run's prepared data.

    Args:
        dataset: The data.

    Returns:
        Its card, as `data.inspect` shows it.
    """
    facts = dataset.facts
    log = AccessLog(
        texts=list(dataset.texts),
        labels=dataset.labels,
        format=str(facts["format"]),
        source=str(facts["source"]),
        skipped=int(facts["skipped"]),
        sha256=str(facts["fingerprint"]),
    )
    return card(log, dataset.split)


def drift(dataset: Dataset) -> dict[str, Plot]:
    """Plot classes and lengths of the rows in the order of the log.

    Args:
        dataset: The data.

    Returns:
        Two plots by title; slices are shaded where they follow one another in the log.
    """
    lengths = np.fromiter(map(len, dataset.texts), np.int64, len(dataset.texts))
    blocks = np.array_split(np.arange(len(lengths)), min(BLOCKS, len(lengths)))
    middles = [float(block.mean()) + 1 for block in blocks]
    share = [float(dataset.labels[block].mean()) for block in blocks]
    classes: list[Trace] = [_line("malicious", middles, share, MALICIOUS, "%{y:.1%} malicious")]
    spread = [
        _line(name, middles, [_percentile(lengths[block], percent) for block in blocks], colour,
              f"{name} %{{y:,.0f}} characters")
        for name, percent, colour in (("95 %", 95, OTHER), ("median", 50, NORMAL))
    ]  # fmt: skip
    shades = _shades(dataset.split)
    return {
        "Share of attacks over time": Plot(
            classes, _layout("share of attacks", shades, tickformat=".0%", range=[0, 1]), 300
        ),
        "Record length over time": Plot(
            spread, _layout("characters", shades, rangemode="tozero"), 300
        ),
    }


def _percentile(lengths: npt.NDArray[np.int64], percent: int) -> float:
    return float(np.percentile(lengths, percent))


def _line(name: str, x: list[float], y: list[float], colour: str, hover: str) -> Trace:
    return {
        "name": name,
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"{hover} around row %{{x:,.0f}}<extra></extra>",
    }


def _layout(title: str, shades: dict[str, object], **axis: object) -> dict[str, object]:
    return {
        "xaxis": {"title": {"text": "row of the log"}, "tickformat": ",d"},
        "yaxis": {"title": {"text": title}, **axis},
        "hovermode": "x",
        "legend": {"y": 1.1},
        **shades,
    }


def _shades(split: Split) -> dict[str, object]:
    if split.name != "chronological":
        return {}
    shapes, names = [], []
    for name, rows in split.slices.items():
        first, last = float(rows.min()) + 1, float(rows.max()) + 1
        shapes.append({"type": "rect", "yref": "paper", "x0": first, "x1": last, "y0": 0, "y1": 1,
                       "fillcolor": OTHER, "opacity": _SHADES[name], "line": {"width": 0},
                       "layer": "below"})  # fmt: skip
        names.append({"text": name, "x": (first + last) / 2, "y": 1, "yref": "paper",
                      "yanchor": "bottom", "showarrow": False, "font": {"size": 11}})  # fmt: skip
    return {"shapes": shapes, "annotations": names}
