"""What a plot is here: plain JSON for plotly.js, in which no text of a log or a study acts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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

# The traces of plotly.js' basic bundle, which is what the page carries.
TRACES = ("scatter", "bar", "pie")

# What plotly.js itself reads in a text; it makes line breaks of the one, and hides a box of the
# other. All else that looks like a tag is shown.
_MARKUP = ("<br>", "<extra></extra>")


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        traces: As plotly.js takes them.
        layout: Likewise; fonts, grid and margins are the page's business.
        height: Pixels.
        width: Pixels below which it is scrolled and not squeezed; 0 for none.
    """

    traces: list[Trace]
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = 340
    width: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values in which every text is inert.

        Raises:
            ValueError: If a trace is of a kind that the page cannot draw.
        """
        for trace in self.traces:
            kind = trace.get("type", "scatter")
            if kind not in TRACES:
                raise ValueError(f"a plot of type {kind} is more than the page can draw")
        return {
            "data": inert(self.traces),
            "layout": inert(self.layout),
            "height": self.height,
        }


def inert(value: Any) -> Any:
    """Turn a figure into plain JSON values without markup of other people.

    plotly.js reads a few tags and entities in every text. Escaped, they are shown as they are.

    Args:
        value: Dicts, lists, texts, numbers and numpy's of them; NaN becomes null.

    Returns:
        The same of plain JSON values.
    """
    if isinstance(value, str):
        return _inert_text(value)
    if isinstance(value, Mapping):
        return {str(key): inert(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return inert(value.tolist())
    if isinstance(value, (list, tuple)):
        return [inert(entry) for entry in value]
    if isinstance(value, np.generic):
        return inert(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def window(
    values: Sequence[float], keep: Sequence[float] = (), reserve: float = 0.06
) -> list[float]:
    """Choose an axis that a few very low values cannot squeeze.

    Args:
        values: What is shown on it; at least one.
        keep: Those of them that must be seen in any case.
        reserve: Room above and below, as a part of the axis.

    Returns:
        Its lower end, at the first quartile or the lowest to keep, and its upper end.
    """
    low, high = min([float(np.quantile(values, 0.25)), *keep]), max(values)
    room = reserve * (high - low) or 0.01
    return [low - room, high + room]


def _inert_text(text: str) -> str:
    shown = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for markup in _MARKUP:
        escaped = markup.replace("<", "&lt;").replace(">", "&gt;")
        shown = shown.replace(escaped, markup)
    return shown
