"""Compare samplers, pruners, reports an epoch and first trials by simulated searches.

    python -m tests.benchmarks.tabular.simulate [--logs shared,synthetic] [--searches 100]
        [--minutes 10] [--only tpe+asha,random] [--jobs 2] [--plot FILE.html]

Each search runs a real sampler and pruner against the surrogate of a table, on a simulated clock
with two workers. Shown is the regret: the held-out error to expect at the point of the best trial
so far by validation, less the lowest that is to be expected at any point of the table. It can be
below zero, at a point that the table does not have.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras_tuner
import numpy as np
import optuna
import plotly.graph_objects as go
from joblib import Parallel, delayed
from plotly.colors import hex_to_rgb, qualitative
from plotly.subplots import make_subplots
from sklearn.exceptions import ConvergenceWarning
from tabulate import tabulate

from data.common.command import Parser, run
from data.common.errors import UserError
from data.common.progress import track
from search.sampling.hyperparameters import ScopedHyperParameters
from spaces import Model3
from tests.benchmarks.tabular.noise import load_again
from tests.benchmarks.tabular.replay import Incumbent, Replay
from tests.benchmarks.tabular.settings import COMPARED, SETTINGS
from tests.benchmarks.tabular.surrogate import Surrogate
from tests.benchmarks.tabular.table import FOLDER, LOGS, Floats, Table, load

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
        regrets: At each moment of each search, [searches, moments].
    """

    log: str
    name: str
    seconds: Floats
    regrets: Floats

    def at(self, seconds: float, quantile: float = 0.5) -> float:
        """Give a quantile of the regret at a moment."""
        moment = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return float(np.quantile(self.regrets[:, moment], quantile))

    def quartiles(self) -> Floats:
        """Give the lower quartile, the median and the upper one at each moment, [3, moments]."""
        return np.quantile(self.regrets, (0.25, 0.5, 0.75), axis=0)

    def reaches(self, regret: float) -> float | None:
        """Give the first moment at which half of the searches are at a regret or below; or None."""
        reached = np.median(self.regrets, axis=0) <= regret
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
    table = load(FOLDER / f"{log}.csv")
    surrogate = Surrogate(table, again=load_again(log))
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
        regrets = np.array([_errors(run, moments) for run in own]) - least
        found.append(Course(log, name, moments, regrets))
    return found


def lowest(surrogate: Surrogate, table: Table) -> float:
    """Give the lowest held-out error that is to be expected at a point of a table."""
    return min(1 - surrogate.expected(point).heldout_accuracy for point in table.points)


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
        space = table.space if setting.wide else space_of_today(table)
        return Replay(surrogate, space, setting, seed).run(seconds)


def space_of_today(table: Table) -> keras_tuner.HyperParameters:
    """Declare Model 3's space as it is now for a table's log, but for what the table cannot tell.

    A table that was recorded before the space had a wide branch is of networks without it.
    """
    declared = keras_tuner.HyperParameters()
    data = table.facts["data"]
    Model3(data["num_words"], rows=data["slices"]["fit"]).declare(declared)
    known = {entry.name for entry in table.space.space}
    config = declared.get_config()
    config["space"] = [one for one in config["space"] if one["config"]["name"] in known]
    config["values"] = {name: value for name, value in config["values"].items() if name in known}
    return ScopedHyperParameters.from_config(config)


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
    parser = Parser("python -m tests.benchmarks.tabular.simulate", description=__doc__)
    parser.add_argument("--logs", default=",".join(LOGS), help="default: %(default)s")
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
    for log in options.logs.split(","):
        on_log = courses(log, names, options.searches, 60 * options.minutes, options.jobs)
        print(show(on_log, options.minutes), flush=True)
        found += on_log
    if options.plot:
        plot(found).write_html(options.plot, include_plotlyjs=True)
    return 0


if __name__ == "__main__":
    run(main)
