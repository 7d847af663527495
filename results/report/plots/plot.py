"""A plot as plain JSON for plotly.js, in which no text of a log or a study acts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from results.leaderboard import LINEAR as LINEAR_NAME, MODEL2 as MODEL2_NAME
from results.report.text import visible

Trace = dict[str, Any]

# Mid-tones that stand out on white and on near-black alike.
CHAMPION = "#2f81f7"
MODEL2 = "#e07b39"
LINEAR = "#2b9a73"
OTHER = "#8b949e"
MALICIOUS = "#e0524a"
NORMAL = "#3c8dbc"
BASELINES = ("#a371f7", "#c2a000", "#d6609f", "#4aa3a2", "#7d8590")

# The traces of plotly.js's basic bundle, which is what the page carries.
TRACES = ("scatter", "bar", "pie")

# The only tags that plotly.js may see in a text: a line break, and the end of a hover label.
_MARKUP = ("<br>", "<extra></extra>")


@dataclass(frozen=True)
class Plot:
    """One plot, as plotly.js takes it; fonts, grid and margins are the page's business."""

    traces: list[Trace]
    layout: dict[str, Any]
    height: int = 340
    width: int = 0  # pixels below which it scrolls instead of shrinking

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values in which every text is inert."""
        for trace in self.traces:
            kind = trace.get("type", "scatter")
            if kind not in TRACES:
                raise ValueError(f"the page cannot draw a plot of type {kind}")
        data, layout = inert(self.traces), inert(self.layout)
        return {"data": data, "layout": layout, "height": self.height}


def line(
    name: str, x: Any, y: Any, color: str, hover: str, width: float = 2, **style: Any
) -> Trace:
    """Draw a line; `style` is plotly's, e.g. dash or shape."""
    return {
        "name": name,
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": color, "width": width, **style},
        "hovertemplate": hover,
    }


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """Describe an axis."""
    return {"title": {"text": title}, **settings}


def color_of(name: str, champion: str | None, others: Sequence[str] = ()) -> str:
    """Return a result's color, the same in every plot; `others` get one each, the rest are gray."""
    known = {MODEL2_NAME: MODEL2, LINEAR_NAME: LINEAR}
    if champion is not None:
        known[champion] = CHAMPION
    rest = [other for other in others if other not in known]
    known |= {other: BASELINES[i % len(BASELINES)] for i, other in enumerate(rest)}
    return known.get(name, OTHER)


def window(
    values: Sequence[float], keep: Sequence[float] = (), reserve: float = 0.06
) -> list[float]:
    """Choose the two ends of an axis that a few very low values cannot squeeze.

    It begins at the first quartile, or at the lowest value to keep; `reserve` is the share of
    empty room at both ends.
    """
    low, high = min([float(np.quantile(values, 0.25)), *keep]), max(values)
    room = reserve * (high - low) or 0.01
    return [low - room, high + room]


def inert(value: Any) -> Any:
    """Turn a figure, numpy's values included, into plain JSON; NaN becomes null.

    plotly.js acts on a few tags and entities in every text. Escaped, they are shown as they are.
    """
    if isinstance(value, str):
        return _inert_text(value)
    if isinstance(value, Mapping):
        return {str(key): inert(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return inert(value.tolist())
    if isinstance(value, list | tuple):
        return [inert(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _inert_text(text: str) -> str:
    shown = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for markup in _MARKUP:
        shown = shown.replace(markup.replace("<", "&lt;").replace(">", "&gt;"), markup)
    return shown
