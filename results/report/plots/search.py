"""How a search went: its best over time, its learning curves, and what accuracy costs."""

import math
from collections.abc import Sequence
from typing import Any

from results.leaderboard import LINEAR, MODEL2, Leaderboard, Row
from results.report.plots.plot import CHAMPION, OTHER, Plot, Trace, axis, color_of, line, window
from results.study import Result, Store, counted_trials, trial_result

_UNITS = (("hours", 3600.0, 3 * 3600), ("minutes", 60.0, 300), ("seconds", 1.0, 0))


def best_so_far(store: Store) -> Plot:
    """Plot validation accuracy against the time since the first trial began."""
    ended = [
        (trial.datetime_start, trial.datetime_complete, trial_result(trial))
        for trial in counted_trials(store.study)
        if trial.state.is_finished() and trial.datetime_start and trial.datetime_complete
    ]
    scored = [(end, result) for _, end, result in ended if result.val_accuracy is not None]
    if not scored:
        raise ValueError("no trial of this run reached an accuracy")
    begin = min(start for start, _, _ in ended)
    scored.sort(key=lambda item: item[0])
    seconds = [(end - begin).total_seconds() for end, _ in scored]
    unit, factor = next(each[:2] for each in _UNITS if seconds[-1] >= each[2])
    times, results = [each / factor for each in seconds], [result for _, result in scored]
    baselines = [result for result in store.baselines() if result.val_accuracy is not None]
    names, champion = [result.name for result in baselines], store.champion
    dashed = [
        line(each.name, [0.0, times[-1]], [each.val_accuracy] * 2,
             color_of(each.name, champion, names), "%{y:.4f}<extra></extra>", 1.5, dash="dash")
        for each in baselines
    ]  # fmt: skip
    values = [float(r.val_accuracy) for r in [*results, *baselines] if r.val_accuracy is not None]
    return Plot(
        [*dashed, _trials(times, results, champion), _stairs(times, results)],
        {
            "xaxis": axis(f"{unit} since the search began", rangemode="tozero"),
            "yaxis": axis("validation accuracy", range=window(values)),
            "hovermode": "closest",
        },
        height=400,
    )


def _trials(times: list[float], results: list[Result], champion: str | None) -> Trace:
    symbols = {True: "circle", False: "circle-open"}
    won = [result.name == champion for result in results]
    shapes = [symbols[result.status == "complete"] for result in results]
    return {
        "name": "trials (hollow: not complete)",
        "x": times,
        "y": [result.val_accuracy for result in results],
        "text": [f"{result.name}, {result.status}" for result in results],
        "mode": "markers",
        "marker": {
            "symbol": ["star" if best else shape for best, shape in zip(won, shapes, strict=True)],
            "size": [14 if best else 8 for best in won],
            "color": [CHAMPION if best else OTHER for best in won],
        },
        "hovertemplate": "%{text}<br>%{y:.4f} after %{x:.3g}<extra></extra>",
    }


def _stairs(times: list[float], results: list[Result]) -> Trace:
    """Draw the best complete trial so far, up to the end of the search."""
    x: list[float] = []
    y: list[float] = []
    for time, result in zip(times, results, strict=True):
        if result.status == "complete" and (result.val_accuracy or 0.0) > (y[-1] if y else -1.0):
            x.append(time)
            y.append(float(result.val_accuracy or 0.0))
    if y:
        x.append(times[-1])
        y.append(y[-1])
    return line("best so far", x, y, CHAMPION, "best %{y:.4f}<extra></extra>", 2.5, shape="hv")


def curves(results: Sequence[Result], champion: str | None, quantity: str, title: str) -> Plot:
    """Plot learning curves: baselines and champion in color, all other trials in gray."""
    curved = [result for result in results if len(result.curve) > 1]
    if not curved:
        raise ValueError("no training reported more than once")
    own = [r for r in curved if r.kind == "baseline" or r.name == champion]
    rest = [result for result in curved if result not in own]
    names = [result.name for result in own]
    traces = [_gray(rest, quantity)] if rest else []
    for result in own:
        width = 3 if result.name == champion else 1.5
        x = [point.epoch for point in result.curve]
        y = [getattr(point, quantity) for point in result.curve]
        color, hover = color_of(result.name, champion, names), "%{y:.4f} after %{x:.3g} epochs"
        trace = {**line(result.name, x, y, color, hover, width), "marker": {"size": 5}}
        traces.append(trace | {"mode": "lines+markers"} if width > 2 else trace)
    layout = {"xaxis": axis("epochs", rangemode="tozero"), "yaxis": axis(title)}
    return Plot(traces, layout, height=380)


def _gray(results: Sequence[Result], quantity: str) -> Trace:
    """Draw all other trials as one trace, so that a thousand of them are still quick to draw."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for result in results:
        x += [*(point.epoch for point in result.curve), None]
        y += [*(getattr(point, quantity) for point in result.curve), None]
        text += [f"{result.name}, {result.status}"] * (len(result.curve) + 1)
    hover = "%{text}<br>%{y:.4f} after %{x:.3g} epochs<extra></extra>"
    return {**line("other trials", x, y, OTHER, hover, 1), "text": text, "opacity": 0.55}


def trade_off(board: Leaderboard) -> Plot:
    """Plot held-out accuracy against the CPU time of one request, with the Pareto front.

    Refits are left out: they have seen more rows, and the front is of trainings on the same ones.
    """
    known = [row for row in board.rows if row.kind != "refit"]
    rows = [r for r in known if r.heldout_accuracy is not None and r.latency_us is not None]
    if not rows:
        raise ValueError("no row has both a held-out accuracy and a latency")
    champion = board.champion.name if board.champion else None
    names = [row.name for row in rows if row.kind != "trial"]
    best = sorted((row for row in rows if row.pareto), key=lambda row: row.latency_us or 0.0)
    front = {
        "name": "Pareto front",
        "x": [row.latency_us for row in best],
        "y": [row.heldout_accuracy for row in best],
        "mode": "lines",
        "line": {"color": OTHER, "dash": "dot", "shape": "hv", "width": 2},
        "hoverinfo": "skip",
    }
    points = [_point(row, color_of(row.name, champion, names), champion) for row in rows]
    compared = [board.champion, board.find(MODEL2), board.find(LINEAR)]
    keep = [row.heldout_low for row in compared if row and row.heldout_low is not None]
    values = [row.heldout_accuracy for row in rows if row.heldout_accuracy is not None]
    layout = {
        "xaxis": axis("median CPU microseconds a request, alone", **_decades(rows)),
        "yaxis": axis("held-out accuracy", range=window(values, keep, 0.15)),
        "hovermode": "closest",
    }
    return Plot([front, *points], layout, height=400)


def _decades(rows: Sequence[Row]) -> dict[str, Any]:
    """Put ticks on a logarithmic axis: one at 1, 2 and 5, or more of them if it is short."""
    logs = [math.log10(row.latency_us) for row in rows if row.latency_us]
    low, high = min(logs) - 0.1, max(logs) + 0.1
    digits = (1, 2, 5) if high - low > 0.9 else (1, 1.2, 1.5, *range(2, 10))
    ticks = [digit * 10.0**power for power in range(-1, 8) for digit in digits]
    return {"type": "log", "range": [low, high], "tickvals": ticks, "tickformat": ",~r"}


def _point(row: Row, color: str, champion: str | None) -> Trace:
    middle, low, high = row.heldout_accuracy, row.heldout_low, row.heldout_high
    assert middle is not None and low is not None and high is not None
    is_named = row.kind != "trial" or row.name == champion
    symbol = "star" if row.name == champion else "circle"
    return {
        "x": [row.latency_us],
        "y": [middle],
        "name": row.name,
        "text": [row.name],
        "mode": "markers",
        "showlegend": is_named,
        "marker": {"size": 13 if is_named else 8, "color": color, "symbol": symbol},
        "error_y": {
            "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": color,
            "array": [high - middle], "arrayminus": [middle - low],
        },
        "hovertemplate": "%{text}<br>%{y:.4f} in %{x:,.0f} µs<extra></extra>",
    }  # fmt: skip
