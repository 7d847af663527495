"""How a log drifts from its first row to its last."""

from typing import Any

import numpy as np

from data.dataset import Dataset, Split
from results.report.plots.plot import MALICIOUS, NORMAL, OTHER, Plot, axis, line

BLOCKS = 48
_SHADES = {"fit": 0.0, "validation": 0.1, "held-out": 0.2}


def drift(dataset: Dataset, label_words: tuple[str, str]) -> dict[str, Plot]:
    """Plot classes and lengths of the rows in the order of the log, by title.

    The slices are shaded if they follow one another in the log.
    """
    lengths = np.fromiter(map(len, dataset.texts), np.int64, len(dataset.texts))
    blocks = np.array_split(np.arange(len(lengths)), min(BLOCKS, len(lengths)))
    middles = [float(block.mean()) + 1 for block in blocks]
    hover = "%s around record %%{x:,.0f}<extra></extra>"
    share = [float(dataset.labels[block].mean()) for block in blocks]
    word = label_words[1]
    classes = [line(word, middles, share, MALICIOUS, hover % f"%{{y:.1%}} {word}")]
    spread = [
        line(name, middles, [float(np.percentile(lengths[block], percent)) for block in blocks],
             color, hover % f"{name} %{{y:,.0f}} characters")
        for name, percent, color in (("95 %", 95, OTHER), ("median", 50, NORMAL))
    ]  # fmt: skip
    layout = {
        "xaxis": axis("record, in the order of the log", tickformat=",d"),
        "hovermode": "x",
        "legend": {"y": 1.1},
        **_shades(dataset.split),
    }
    shares = axis(f"share of {word} rows", tickformat=".0%", range=[0, 1])
    characters = axis("characters", rangemode="tozero")
    return {
        f"Share of {word} rows over time": Plot(classes, {**layout, "yaxis": shares}, 300),
        "Record length over time": Plot(spread, {**layout, "yaxis": characters}, 300),
    }


def _shades(split: Split) -> dict[str, Any]:
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
