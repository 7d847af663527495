"""How a search went: its best against time, and its learning curves."""

from collections.abc import Sequence
from typing import Any

from results.leaderboard import LINEAR as LINEAR_NAME, MODEL2 as MODEL2_NAME
from results.report.plots.plot import (
    BASELINES,
    CHAMPION,
    LINEAR,
    MODEL2,
    OTHER,
    Plot,
    Trace,
    window,
)
from results.study import Point, Result, Store, counted_trials, trial_result

_MINUTES_FROM = 300
_HOURS_FROM = 3 * 3600


def colour_of(name: str, champion: str | None, others: Sequence[str] = ()) -> str:
    """Return the colour that a result has in every plot.

    Args:
        name: Its name.
        champion: The champion's.
        others: The baselines, and an ensemble, which get a colour each.
    """
    known = {MODEL2_NAME: MODEL2, LINEAR_NAME: LINEAR}
    if champion is not None:
        known[champion] = CHAMPION
    rest = [other for other in others if other not in known]
    known |= {other: BASELINES[i % len(BASELINES)] for i, other in enumerate(rest)}
    return known.get(name, OTHER)


def best_so_far(store: Store) -> Plot:
    """Plot validation accuracy against the time since the first trial began.

    Args:
        store: The run.

    Returns:
        The trials, the best of the complete ones so far, and the baselines as lines.

    Raises:
        ValueError: If no trial has an accuracy.
    """
    points = [
        (trial.datetime_start, trial.datetime_complete, trial_result(trial))
        for trial in counted_trials(store.study)
        if trial.state.is_finished() and trial.datetime_start and trial.datetime_complete
    ]
    scored = [(end, result) for _, end, result in points if result.val_accuracy is not None]
    if not scored:
        raise ValueError("no trial of this run reached an accuracy")
    begin = min(start for start, _, _ in points)
    ended = sorted((end - begin).total_seconds() for end, _ in scored)
    unit, factor = _unit(ended[-1])
    scored.sort(key=lambda item: item[0])
    times = [(end - begin).total_seconds() / factor for end, _ in scored]
    results = [result for _, result in scored]
    champion = store.champion
    baselines = [result for result in store.baselines() if result.val_accuracy is not None]
    names = [result.name for result in baselines]
    traces: list[Trace] = [
        _line(result, [0.0, times[-1]], colour_of(result.name, champion, names))
        for result in baselines
    ]
    traces += [_trials(times, results, champion), _steps(times, results)]
    values = [float(r.val_accuracy) for r in [*results, *baselines] if r.val_accuracy is not None]
    return Plot(
        traces,
        {
            "xaxis": {"title": {"text": f"{unit} since the search began"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "validation accuracy"}, "range": window(values)},
            "hovermode": "closest",
        },
        height=400,
    )


def _unit(longest: float) -> tuple[str, float]:
    if longest >= _HOURS_FROM:
        return "hours", 3600.0
    return ("minutes", 60.0) if longest >= _MINUTES_FROM else ("seconds", 1.0)


def _line(result: Result, ends: list[float], colour: str) -> Trace:
    return {
        "name": result.name,
        "x": ends,
        "y": [result.val_accuracy] * 2,
        "mode": "lines",
        "line": {"color": colour, "dash": "dash", "width": 1.5},
        "hovertemplate": "%{y:.4f}<extra></extra>",
    }


def _trials(times: list[float], results: list[Result], champion: str | None) -> Trace:
    symbols = [
        "star" if result.name == champion
        else "circle" if result.status == "complete" else "circle-open"
        for result in results
    ]  # fmt: skip
    return {
        "name": "trials (hollow: not complete)",
        "x": times,
        "y": [result.val_accuracy for result in results],
        "text": [f"{result.name}, {result.status}" for result in results],
        "mode": "markers",
        "marker": {
            "symbol": symbols,
            "size": [14 if result.name == champion else 8 for result in results],
            "color": [CHAMPION if result.name == champion else OTHER for result in results],
        },
        "hovertemplate": "%{text}<br>%{y:.4f} after %{x:.3g}<extra></extra>",
    }


def _steps(times: list[float], results: list[Result]) -> Trace:
    """The best of the complete trials so far, drawn as stairs to the end of the search."""
    best: float | None = None
    x, y = [], []
    for time, result in zip(times, results, strict=True):
        if result.status != "complete" or result.val_accuracy is None:
            continue
        if best is None or result.val_accuracy > best:
            best = result.val_accuracy
            x.append(time)
            y.append(best)
    if best is not None:
        x.append(times[-1])
        y.append(best)
    return {
        "name": "best so far",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": CHAMPION, "shape": "hv", "width": 2.5},
        "hovertemplate": "best %{y:.4f}<extra></extra>",
    }


def curves(results: Sequence[Result], champion: str | None, quantity: str, title: str) -> Plot:
    """Plot the learning curves of all trainings.

    Args:
        results: The run's trainings.
        champion: The champion's name.
        quantity: An attribute of `Point`, e.g. "val_loss".
        title: What the axis says.

    Returns:
        The baselines and the champion as lines of their own, all other trials in grey.

    Raises:
        ValueError: If there are no curves.
    """
    curved = [result for result in results if len(result.curve) > 1]
    if not curved:
        raise ValueError("no training reported more than once")
    own = [r for r in curved if r.kind == "baseline" or r.name == champion]
    rest = [result for result in curved if result not in own]
    names = [result.name for result in own]
    traces: list[Trace] = []
    if rest:
        traces.append(_grey(rest, quantity))
    for result in own:
        colour = colour_of(result.name, champion, names)
        traces.append(_curve(result, quantity, colour, 3 if result.name == champion else 1.5))
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "epochs"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": title}},
    }
    return Plot(traces, layout, height=380)


def _curve(result: Result, quantity: str, colour: str, width: float) -> Trace:
    return {
        "name": result.name,
        "x": [point.epoch for point in result.curve],
        "y": [_value(point, quantity) for point in result.curve],
        "mode": "lines+markers" if width > 2 else "lines",
        "line": {"color": colour, "width": width},
        "marker": {"size": 5},
        "hovertemplate": "%{y:.4f} after %{x:.3g} epochs",
    }


def _grey(results: Sequence[Result], quantity: str) -> Trace:
    """All other trials as one trace, so that a thousand of them are still quick to draw."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for result in results:
        x += [*(point.epoch for point in result.curve), None]
        y += [*(_value(point, quantity) for point in result.curve), None]
        text += [f"{result.name}, {result.status}"] * (len(result.curve) + 1)
    return {
        "name": "other trials",
        "x": x,
        "y": y,
        "text": text,
        "mode": "lines",
        "opacity": 0.55,
        "line": {"color": OTHER, "width": 1},
        "hovertemplate": "%{text}<br>%{y:.4f} after %{x:.3g} epochs<extra></extra>",
    }


def _value(point: Point, quantity: str) -> float:
    return float(getattr(point, quantity))
