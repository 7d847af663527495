"""Compare samplers, pruners, reports an epoch and first trials by simulated searches.

    python -m tests.benchmarks.tabular.simulate [--logs sms,payloads,shared,synthetic]
        [--searches 100] [--minutes 10] [--only tpe+asha,random] [--jobs 2] [--plot FILE.html]

Each search runs a real sampler and pruner against the surrogate of a table, on a simulated clock
with two workers. Shown is the regret: the held-out error to expect at the point of the best trial
so far by validation, less the lowest that is to be expected at any point of the table. It can be
below zero, at a point that the table does not have. Then how all logs together order the searches,
and which one would be chosen with one log left out.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import plotly.graph_objects as go
from joblib import Parallel, delayed
from plotly.colors import hex_to_rgb, qualitative
from plotly.subplots import make_subplots
from scipy.stats import gmean
from sklearn.exceptions import ConvergenceWarning
from tabulate import tabulate

from data.common.command import run
from data.common.errors import UserError
from data.common.progress import track
from tests.benchmarks.tabular.replay import Incumbent, Replay
from tests.benchmarks.tabular.settings import COMPARED, DEFAULT, SETTINGS
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import Floats, Table, logs_parser, recorded, space_of_today

# Stock KerasTuner's random search: it does not begin with the defaults.
RIVAL = "kt-random"
# Where no trial is complete yet, there is nothing better than to guess.
GUESSED = 0.5
_SHOWN = (1, 2, 5, 10)
_STEP = 5.0
# Before the first complete trial a regret is some fifty points, which would flatten all that
# follows: what is drawn is what is left from this moment on.
_SEEN_FROM = 60.0


@dataclass(frozen=True)
class Course:
    """Simulated searches of one setting on one log.

    Attributes:
        log: Which log.
        name: Which setting.
        seconds: The moments, [moments].
        errors: Held-out error to expect, at each moment of each search, [searches, moments].
        least: The lowest that is to be expected at any point of the table.
    """

    log: str
    name: str
    seconds: Floats
    errors: Floats
    least: float

    def at(self, seconds: float, quantile: float = 0.5) -> float:
        """Give a quantile of the regret at a moment."""
        moment = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return float(np.quantile(self.errors[:, moment], quantile)) - self.least

    def quartiles(self) -> Floats:
        """Give the lower quartile of the regret, the median and the upper one, [3, moments]."""
        return np.quantile(self.errors, (0.25, 0.5, 0.75), axis=0) - self.least

    def reaches(self, regret: float) -> float | None:
        """Give the first moment at which half of the searches are at a regret or below; or None."""
        reached = self.quartiles()[1] <= regret
        return float(self.seconds[reached.argmax()]) if reached.any() else None


def courses(
    log: str, names: Sequence[str], searches: int, seconds: float, jobs: int
) -> list[Course]:
    """Simulate searches on one log.

    Args:
        log: Name of its table.
        names: Names of settings.
        searches: How many searches of each, with seeds from 0.
        seconds: Of each.
        jobs: How many processes.

    Returns:
        What came of each setting.
    """
    table = recorded(log)
    surrogate = Surrogate(table)
    least = lowest(surrogate, table)
    moments = np.arange(0.0, seconds + _STEP, _STEP)
    tasks = [
        delayed(_searches)(surrogate, table, name, seeds, seconds)
        for name in names
        for seeds in np.array_split(np.arange(searches), jobs)
    ]
    parts = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    runs = list(track(parts, f"simulating on {log}", len(tasks)))
    found = []
    for place, name in enumerate(names):
        own = [run for part in runs[place * jobs : (place + 1) * jobs] for run in part]
        errors = np.array([_errors(run, moments) for run in own])
        found.append(Course(log, name, moments, errors, least))
    return found


def lowest(surrogate: Surrogate, table: Table) -> float:
    """Give the lowest held-out error that is to be expected at a point of a table."""
    _, heldout, _ = surrogate.errors_and_seconds(table.points)
    return float(heldout.min())


def _searches(
    surrogate: Surrogate, table: Table, name: str, seeds: Sequence[int], seconds: float
) -> list[list[Incumbent]]:
    # Many in one call: to send a forest to another process takes longer than a search.
    return [_search(surrogate, table, name, int(seed), seconds) for seed in seeds]


def _search(
    surrogate: Surrogate, table: Table, name: str, seed: int, seconds: float
) -> list[Incumbent]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)  # Of KerasTuner's Gaussian process.
        setting = SETTINGS[name]
        space = table.space if setting.recorded else space_of_today(table)
        return Replay(surrogate, space, setting, seed).run(seconds)


def _errors(run: Sequence[Incumbent], moments: Floats) -> Floats:
    errors = np.full(len(moments), GUESSED)
    for incumbent in run:
        errors[moments >= incumbent.seconds] = incumbent.error
    return errors


def show(found: Sequence[Course], minutes: float) -> str:
    """Write what came of it as a table, the lowest regret at the end first.

    Args:
        found: The courses, all of one log.
        minutes: How long each search was.

    Returns:
        A table of GitHub's kind.
    """
    shown = [minute for minute in _SHOWN if minute <= minutes]
    end = 60 * minutes
    rival = next((course for course in found if course.name == RIVAL), None)
    lines = []
    for course in sorted(found, key=lambda course: course.at(end)):
        reached = rival and course.reaches(rival.at(end))
        lines.append(
            [course.log, course.name]
            + [f"{100 * course.at(60 * minute):.2f}" for minute in shown]
            + [f"{100 * course.at(end, 0.25):.2f} to {100 * course.at(end, 0.75):.2f}"]
            + ["-" if reached is None else f"{reached / 60:.1f}"]
        )
    heads = ["log", "search", *(f"{minute} min" for minute in shown), "quartiles"]
    heads.append(f"{RIVAL}'s {minutes:g} min in")
    align = ["left", "left"] + ["right"] * (len(heads) - 2)
    return tabulate(lines, heads, tablefmt="github", disable_numparse=True, colalign=align)


def ratios(found: Sequence[Course], minutes: float) -> pd.DataFrame:
    """Set the searches' errors at the end beside those of a default search.

    Args:
        found: The courses, of any number of logs, `DEFAULT` among them.
        minutes: How long each search was.

    Returns:
        By search, a column a log: its median error as a multiple of the default search's; the
        lowest geometric mean first.
    """
    ends = {(one.name, one.log): one.at(60 * minutes) + one.least for one in found}
    logs = list(dict.fromkeys(one.log for one in found))
    names = dict.fromkeys(one.name for one in found)
    frame = pd.DataFrame(
        {log: {name: ends[name, log] / ends[DEFAULT, log] for name in names} for log in logs}
    )
    return frame.iloc[np.argsort(gmean(frame, axis=1), kind="stable")]


def chosen_without(frame: pd.DataFrame) -> list[tuple[str, str, float, float]]:
    """Choose a search with each log left out.

    Args:
        frame: What `ratios` gave.

    Returns:
        The log left out; the search with the lowest geometric mean on the others; that mean; its
        ratio on the log left out.
    """
    chosen = []
    for log in frame:
        means = gmean(frame.drop(columns=log), axis=1)
        best = int(means.argmin())
        own = float(frame[log].iloc[best])
        chosen.append((str(log), str(frame.index[best]), float(means[best]), own))
    return chosen


def show_together(frame: pd.DataFrame) -> str:
    """Write `ratios`, and below them what is chosen without a log, as tables of GitHub's kind."""
    lines = [
        [str(name), *(f"{ratio:.2f}" for ratio in row), f"{gmean(row):.2f}"]
        for name, row in frame.iterrows()
    ]
    heads = [f"error / {DEFAULT}'s", *map(str, frame), "geometric mean"]
    whole = tabulate(lines, heads, tablefmt="github", disable_numparse=True)
    chosen = [
        (log, name, f"{mean:.2f}", f"{own:.2f}") for log, name, mean, own in chosen_without(frame)
    ]
    heads = ["left out", "chosen by the others", "their mean", "its own ratio"]
    return f"{whole}\n\n{tabulate(chosen, heads, tablefmt='github', disable_numparse=True)}"


def plot(found: Sequence[Course]) -> go.Figure:
    """Draw the median and the quartiles of the regret by time.

    Args:
        found: The courses.

    Returns:
        The figure, a log beside the other.
    """
    logs = list(dict.fromkeys(course.log for course in found))
    names = list(dict.fromkeys(course.name for course in found))
    figure = make_subplots(1, len(logs), subplot_titles=logs)
    colours = _colours(names)
    for course in found:
        low, middle, high = 100 * course.quartiles()
        minutes, colour = course.seconds / 60, colours[course.name]
        place = {"row": 1, "col": logs.index(course.log) + 1}
        common = {"legendgroup": course.name, "line": {"color": colour, "shape": "hv"}}
        for edge, fill in ((high, None), (low, "tonexty")):
            common["line"] = {"color": colour, "shape": "hv", "width": 0}
            figure.add_scatter(
                x=minutes, y=edge, fill=fill, fillcolor=f"rgba{(*hex_to_rgb(colour), 0.08)}",
                mode="lines", showlegend=False, hoverinfo="skip", **common, **place,
            )  # fmt: skip
        common["line"] = {"color": colour, "shape": "hv", "width": 2}
        figure.add_scatter(
            x=minutes, y=middle, name=course.name, mode="lines",
            showlegend=place["col"] == 1, **common, **place,
        )  # fmt: skip
    for column, log in enumerate(logs, 1):
        figure.update_yaxes(range=_seen([one for one in found if one.log == log]), col=column)
    figure.update_yaxes(title_text="regret, points of held-out accuracy", col=1)
    figure.update_xaxes(title_text="simulated minutes")
    return figure.update_layout(template="plotly_white", width=1200, height=520)


def _seen(found: Sequence[Course]) -> tuple[float, float]:
    start = min(_SEEN_FROM, float(found[0].seconds[-1]))
    drawn = np.array([course.quartiles()[:, course.seconds >= start] for course in found])
    # Where a setting's slower searches still guess, the others are not to be flattened by them.
    drawn = 100 * drawn[drawn <= max(GUESSED / 2, drawn.min())]
    return min(0.0, float(drawn.min())), 1.05 * float(drawn.max())


def _colours(names: Sequence[str]) -> Mapping[str, str]:
    palette = qualitative.Dark24
    return {name: palette[place % len(palette)] for place, name in enumerate(names)}


def main(argv: Sequence[str]) -> int:
    """Run the simulations.

    Args:
        argv: The arguments.

    Returns:
        0.

    Raises:
        UserError: A setting or a table is not there.
    """
    parser = logs_parser("simulate", __doc__)
    parser.add_argument("--searches", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    parser.add_argument(
        "--only",
        metavar="NAME,...",
        default=",".join(COMPARED),
        help=f"of {', '.join(SETTINGS)}; default: %(default)s",
    )
    parser.add_argument("--jobs", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--plot", type=Path, metavar="FILE.html")
    options = parser.parse_args(argv)
    names = options.only.split(",")
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        raise UserError(f"--only '{unknown[0]}' is not known; known are {', '.join(SETTINGS)}")
    found = []
    for log in options.logs:
        on_log = courses(log, names, options.searches, 60 * options.minutes, options.jobs)
        print(show(on_log, options.minutes), flush=True)
        found += on_log
    if len(options.logs) > 1 and DEFAULT in names:
        print(f"\n{show_together(ratios(found, options.minutes))}")
    if options.plot:
        plot(found).write_html(options.plot, include_plotlyjs=True)
    return 0


if __name__ == "__main__":
    run(main)
