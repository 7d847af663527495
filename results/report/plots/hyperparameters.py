"""Optuna's own plots of a study, in the values that a person chose and in the page's colors."""

import logging
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState
from optuna.visualization import plot_parallel_coordinate, plot_param_importances, plot_slice

from results.report.plots.plot import CHAMPION, OTHER, Plot, Trace, axis
from results.report.text import short_labels
from results.study import Store, counted_trials, trial_result

FEWEST = 2
MOST_BARS = 15
MOST_AXES = 8
MOST_SLICES = 9
MOST_LETTERS = 28
MOST_LETTERS_OF_A_VALUE = 16
AXIS_WIDTH = 92
OBJECTIVE = "validation accuracy"

# From the gray of the background's middle to the champion's blue: both stand out everywhere.
_WORST, _BEST = (139, 148, 158), (47, 129, 247)
SCALE = [[0.0, "rgb(139,148,158)"], [1.0, "rgb(47,129,247)"]]

log = logging.getLogger(__name__)


def readable(store: Store) -> optuna.Study:
    """Copy the complete trials into a study that holds each hyperparameter as it was used.

    The run's own study has conditions in a parameter's name, and one of an earlier version holds an
    ordered choice as an index.
    The copy, in memory, has one objective, the validation accuracy, whatever was optimized.
    """
    done = []
    logarithmic: set[str] = set()
    for trial in counted_trials(store.study):
        result = trial_result(trial) if trial.state == TrialState.COMPLETE else None
        if result and result.status == "complete" and result.val_accuracy is not None:
            done.append((result.hyperparameters or dict(trial.params), result.val_accuracy))
            logarithmic |= {
                name.partition(" [")[0]
                for name, distribution in trial.distributions.items()
                if getattr(distribution, "log", False)
            }
    labels = short_labels((name for values, _ in done for name in values), MOST_LETTERS)
    axes = {
        label: _axis([v[name] for v, _ in done if name in v], name in logarithmic)
        for name, label in labels.items()
    }
    study = optuna.create_study(direction="maximize", study_name="readable")
    for values, accuracy in done:
        params = {labels[name]: value for name, value in values.items()}
        study.add_trial(
            optuna.create_trial(
                params={label: axes[label][1](value) for label, value in params.items()},
                distributions={label: axes[label][0] for label in params},
                value=accuracy,
            )
        )
    return study


def _axis(values: Sequence[Any], is_log: bool) -> tuple[BaseDistribution, Callable[[Any], Any]]:
    """Return a hyperparameter's distribution, and what becomes of a value in it."""
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not is_number or not all(map(math.isfinite, values)):
        labels = short_labels(values, MOST_LETTERS_OF_A_VALUE)
        return CategoricalDistribution(sorted(labels.values())), lambda value: labels[str(value)]
    low, high = min(values), max(values)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(low, high, log=is_log and low > 0), int
    return FloatDistribution(float(low), float(high), log=is_log and low > 0), float


def most_important(study: optuna.Study) -> list[str]:
    """Return the hyperparameters that took more than one value, the most important ones first."""
    values: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for trial in study.trials:
        counts.update(trial.params.keys())
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(repr(value))
    varied = [name for name, seen in values.items() if len(seen) > 1]
    try:
        with _optuna_errors():
            weights = optuna.importance.get_param_importances(study)
    except ValueError as error:
        log.debug("no importances: %s", error)
        weights = {}
    return sorted(varied, key=lambda name: (-weights.get(name, 0.0), -counts[name]))


def importance(study: optuna.Study) -> Plot:
    """Plot how much of the spread each hyperparameter explains."""
    figure = _draw(plot_param_importances, study, target_name=OBJECTIVE)
    count = max(len(trace["y"]) for trace in figure.traces)

    def cut(value: Any) -> Any:
        is_one_a_bar = isinstance(value, list | tuple) and len(value) == count
        return value[-MOST_BARS:] if is_one_a_bar else value

    traces = [
        {key: cut(value) for key, value in trace.items()} | {"marker": {"color": CHAMPION}}
        for trace in figure.traces
    ]
    longest = max((float(value) for trace in traces for value in trace["x"]), default=1.0)
    layout = {
        "xaxis": axis("importance", range=[0, 1.15 * longest or 1.0]),
        "yaxis": {"type": "category"},
        "showlegend": False,
    }
    return Plot(traces, layout, height=80 + 26 * min(count, MOST_BARS))


def parallel(study: optuna.Study, names: Sequence[str]) -> Plot:
    """Plot every trial as a line through the first of `names`, from gray, the worst, to blue."""
    figure = _draw(
        plot_parallel_coordinate, study, params=list(names[:MOST_AXES]), target_name="accuracy"
    )
    layout = {**figure.layout, "title": None, "legend": {"visible": False}}
    layout["annotations"] = [
        {**note, "font": {**note.get("font", {}), "color": OTHER}}
        for note in layout.get("annotations", ())
    ]
    axes = len(layout.get("xaxis", {}).get("tickvals", ()))
    traces = [_recolored(trace) for trace in figure.traces]
    return Plot(traces, layout, height=440, width=AXIS_WIDTH * axes + 120)


def _recolored(trace: Trace) -> Trace:
    if trace.get("mode") == "lines" and trace.get("y"):
        part = min(1.0, max(0.0, float(trace["y"][0])))  # The first axis is the accuracy.
        mixed = (round(low + part * (high - low)) for low, high in zip(_WORST, _BEST, strict=True))
        color = f"rgb({','.join(map(str, mixed))})"
        line = {**trace.get("line", {}), "color": color, "width": 1.5}
        return {**trace, "line": line, "opacity": 0.35 + 0.5 * part}
    if "colorscale" in trace.get("marker", {}):
        return {**trace, "marker": {**trace["marker"], "colorscale": SCALE}}
    return trace


def slices(study: optuna.Study, names: Sequence[str]) -> dict[str, Plot]:
    """Plot the accuracy against each of the first of `names`; later trials are bluer."""
    marker = {"showscale": False, "colorscale": SCALE, "size": 8, "line": {"width": 0}}
    found = {}
    _enough(study)
    for name in names[:MOST_SLICES]:
        figure = _draw(plot_slice, study, params=[name], target_name=OBJECTIVE)
        traces = [{**trace, "marker": trace.get("marker", {}) | marker} for trace in figure.traces]
        xaxis = dict(figure.layout.get("xaxis", {}))
        if xaxis.get("type") == "log":
            xaxis |= {"dtick": 1, "tickformat": "~g"}
        layout = {**figure.layout, "title": None, "showlegend": False, "xaxis": xaxis}
        found[name] = Plot(traces, layout, height=270)
    return found


def _enough(study: optuna.Study) -> None:
    count = len(study.trials)
    if count < FEWEST:
        raise ValueError(
            f"it takes {FEWEST} complete trials, and this run has {count or 'none'}; "
            "give a larger --budget"
        )


def _draw(draw: Callable[..., Any], study: optuna.Study, **options: Any) -> Plot:
    _enough(study)
    with _optuna_errors():
        figure = draw(study, **options).to_plotly_json()
    if not figure["data"]:
        raise ValueError("Optuna finds nothing to show in these trials")
    layout = {key: value for key, value in figure["layout"].items() if key != "template"}
    return Plot(list(figure["data"]), layout)


@contextmanager
def _optuna_errors() -> Iterator[None]:
    """Raise a ValueError for what Optuna cannot do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # The page says itself that few trials tell little.
        warnings.simplefilter("ignore", UserWarning)
        # Optuna cannot tell, and would give all of them the same importance.
        warnings.filterwarnings("error", ".*importances will be equal", UserWarning)
        try:
            yield
        except UserWarning as error:
            raise ValueError("Optuna finds the trials too few or too alike") from error
        except ImportError as error:
            raise ValueError(f"a library is missing: {error}") from error
        except RuntimeError as error:
            raise ValueError(str(error)) from error
