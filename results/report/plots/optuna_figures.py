"""Optuna's figures made to fit the page: its colours, its widths, dark as well as light."""

from typing import Any

from results.report.plots.plot import CHAMPION, OTHER, Plot, Trace

MOST_BARS = 15
AXIS_WIDTH = 92

# From the grey of the background's middle to the champion's blue: both stand out everywhere.
_WORST, _BEST = (139, 148, 158), (47, 129, 247)
SCALE = [[0.0, "rgb(139,148,158)"], [1.0, "rgb(47,129,247)"]]


def bars(figure: Plot) -> Plot:
    """Keep the longest of the bars of `plot_param_importances`.

    Args:
        figure: Optuna's figure.

    Returns:
        The figure with 15 bars at most.
    """
    count = max(len(trace["y"]) for trace in figure.traces)
    traces = [
        {
            key: value[-MOST_BARS:]
            if isinstance(value, (list, tuple)) and len(value) == count
            else value
            for key, value in trace.items()
        }
        | {"marker": {"color": CHAMPION}}
        for trace in figure.traces
    ]
    longest = max((float(value) for trace in traces for value in trace["x"]), default=1.0)
    layout = {
        "xaxis": {"title": {"text": "importance"}, "range": [0, 1.15 * longest or 1.0]},
        "yaxis": {"type": "category"},
        "showlegend": False,
    }
    return Plot(traces, layout, height=80 + 26 * min(count, MOST_BARS))


def lines(figure: Plot) -> Plot:
    """Colour the lines of `plot_parallel_coordinate` from grey, the worst, to blue, the best.

    Args:
        figure: Optuna's figure; its first axis is the objective, from 0 to 1.

    Returns:
        The figure, at least so wide that its axes can be told apart.
    """
    traces = [_recoloured(trace) for trace in figure.traces]
    layout = {**figure.layout, "title": None, "legend": {"visible": False}}
    layout["annotations"] = [
        {**note, "font": {**note.get("font", {}), "color": OTHER}}
        for note in layout.get("annotations", ())
    ]
    axes = len(layout.get("xaxis", {}).get("tickvals", ()))
    return Plot(traces, layout, height=440, width=AXIS_WIDTH * axes + 120)


def points(figure: Plot) -> Plot:
    """Show the points of `plot_slice` without a scale beside each of them; later ones are blue.

    Args:
        figure: Optuna's figure of one hyperparameter.

    Returns:
        The figure.
    """
    traces = [
        {
            **trace,
            "marker": {
                **trace.get("marker", {}),
                "showscale": False,
                "colorscale": SCALE,
                "size": 8,
                "line": {"width": 0},
            },
        }
        for trace in figure.traces
    ]
    axis = dict(figure.layout.get("xaxis", {}))
    if axis.get("type") == "log":
        axis |= {"dtick": 1, "tickformat": "~g"}
    layout = {**figure.layout, "title": None, "showlegend": False, "xaxis": axis}
    return Plot(traces, layout, height=270)


def _recoloured(trace: Trace) -> Trace:
    if trace.get("mode") == "lines" and trace.get("y"):
        part = min(1.0, max(0.0, float(trace["y"][0])))
        line: dict[str, Any] = {**trace.get("line", {}), "color": _between(part), "width": 1.5}
        return {**trace, "line": line, "opacity": 0.35 + 0.5 * part}
    if "colorscale" in trace.get("marker", {}):
        return {**trace, "marker": {**trace["marker"], "colorscale": SCALE}}
    return trace


def _between(part: float) -> str:
    mixed = (round(low + part * (high - low)) for low, high in zip(_WORST, _BEST, strict=True))
    return f"rgb({','.join(map(str, mixed))})"
