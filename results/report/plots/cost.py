"""Accuracy against what a request costs."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from results.leaderboard import LINEAR, MODEL2, Leaderboard, Row
from results.report.plots.plot import OTHER, Plot, Trace, window
from results.report.plots.search import colour_of


def trade_off(board: Leaderboard) -> Plot:
    """Plot held-out accuracy against the CPU time of one request, with the Pareto front.

    Args:
        board: The leaderboard.

    Returns:
        A point a row that is no refit, with its 95 % Wilson interval.

    Raises:
        ValueError: If no row has both figures.
    """
    # The front is of trainings on the same rows.
    known = [row for row in board.rows if row.kind != "refit"]
    rows = [r for r in known if r.heldout_accuracy is not None and r.latency_us is not None]
    if not rows:
        raise ValueError("no row has both a held-out accuracy and a latency")
    champion = board.champion.name if board.champion else None
    names = [row.name for row in rows if row.kind != "trial"]
    best = sorted((row for row in rows if row.pareto), key=lambda row: row.latency_us or 0.0)
    line: Trace = {
        "name": "Pareto front",
        "x": [row.latency_us for row in best],
        "y": [row.heldout_accuracy for row in best],
        "mode": "lines",
        "line": {"color": OTHER, "dash": "dot", "shape": "hv", "width": 2},
        "hoverinfo": "skip",
    }
    named = [_point(row, colour_of(row.name, champion, names), champion) for row in rows]
    compared = [board.champion, board.find(MODEL2), board.find(LINEAR)]
    keep = [row.heldout_low for row in compared if row and row.heldout_low is not None]
    values = [row.heldout_accuracy for row in rows if row.heldout_accuracy is not None]
    layout = {
        "xaxis": {"title": {"text": "median CPU microseconds a request, alone"}, **_decades(rows)},
        "yaxis": {"title": {"text": "held-out accuracy"}, "range": window(values, keep, 0.15)},
        "hovermode": "closest",
    }
    return Plot([line, *named], layout, height=400)


def _decades(rows: Sequence[Row]) -> dict[str, Any]:
    """A logarithmic axis with a tick at 1, 2 and 5, or at more where it is short."""
    logs = [math.log10(row.latency_us) for row in rows if row.latency_us]
    low, high = min(logs) - 0.1, max(logs) + 0.1
    digits = (1, 2, 5) if high - low > 0.9 else (1, 1.2, 1.5, *range(2, 10))
    ticks = [digit * 10.0**power for power in range(-1, 8) for digit in digits]
    return {"type": "log", "range": [low, high], "tickvals": ticks, "tickformat": ",~r"}


def _point(row: Row, colour: str, champion: str | None) -> Trace:
    values = asdict(row)
    labelled = row.kind != "trial" or row.name == champion
    return {
        "x": [row.latency_us],
        "y": [row.heldout_accuracy],
        "name": row.name,
        "text": [row.name],
        "mode": "markers",
        "showlegend": labelled,
        "marker": {"size": 13 if labelled else 8, "color": colour,
                   "symbol": "star" if row.name == champion else "circle"},
        "error_y": {
            "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": colour,
            "array": [values["heldout_high"] - values["heldout_accuracy"]],
            "arrayminus": [values["heldout_accuracy"] - values["heldout_low"]],
        },
        "hovertemplate": "%{text}<br>%{y:.4f} in %{x:,.0f} µs<extra></extra>",
    }  # fmt: skip
