"""Shows how a search goes: a live panel on a terminal or in a notebook, log lines elsewhere."""

import io
import logging
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from results.study import Result, counted_trials, trial_result
from search.config import Budget
from search.queue import is_refused
from search.workers import Progress

log = logging.getLogger(__name__)

_NOTEBOOK_WIDTH = 100
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.RUNNING: "running",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass
class View:
    """The state of a search as its user sees it."""

    study: optuna.Study
    budget: Budget
    objective: str  # name of the first one
    # What each busy worker said last, by its index.
    running: dict[int, Progress] = field(default_factory=dict)
    _before: set[int] = field(default_factory=set)
    _announced: set[int] = field(default_factory=set)
    _started: float = field(default_factory=time.monotonic)
    _deadline: float | None = None  # of a budget of time, once that has begun
    _live: "Live | _NotebookPanel | None" = None
    _notebook: "_NotebookPanel | None" = None

    def __enter__(self) -> "View":
        """Start to show; trials that had ended before are not announced."""
        self._before = {
            trial.number for trial in counted_trials(self.study) if trial.state.is_finished()
        }
        self._announced = set(self._before)
        self._started = time.monotonic()
        if _in_notebook():
            self._notebook = self._notebook or _NotebookPanel()
            self._live = self._notebook
        elif sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), refresh_per_second=2, transient=True)
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Announce the last trials and stop to show."""
        self.refresh()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def start_clock(self) -> None:
        """Count the budget's time from now on."""
        self._started = time.monotonic()
        if self.budget.seconds is not None:
            self._deadline = self._started + self.budget.seconds

    def trained(self, name: str, result: Result, kept: bool) -> None:
        """Report a finished training that is not a trial, e.g. of "model2, seed 3 of 5"."""
        log.info(
            "%s %s%s: val accuracy %s in %.0f s",
            name,
            result.status,
            " (kept from an earlier run)" if kept else _why(result),
            _figure(result.val_accuracy, "-"),
            result.train_seconds,
        )

    def progress(self, worker: int, news: Progress) -> None:
        """Note how far a worker has come."""
        self.running[worker] = news
        log.debug("%s: epoch %.2f, %s", news.name, news.epochs, news.value)

    def idle(self, worker: int) -> None:
        """Note that a worker trains nothing now."""
        self.running.pop(worker, None)

    def refresh(self) -> None:
        """Announce what has ended since the last time, and redraw."""
        trials = counted_trials(self.study)
        for trial in trials:
            if trial.state.is_finished() and trial.number not in self._announced:
                self._announced.add(trial.number)
                self._announce(trial_result(trial), trials)
        if self._live is not None:
            self._live.update(self.panel(trials))

    def _announce(self, result: Result, trials: list[FrozenTrial]) -> None:
        log.info(
            "%s %s%s: val accuracy %s, %.2f epochs in %.0f s; %s",
            result.name,
            result.status,
            _why(result),
            _figure(result.val_accuracy, "-"),
            result.epochs,
            result.train_seconds,
            self.summary(trials),
        )

    def summary(self, trials: list[FrozenTrial]) -> str:
        """Count trials by state; name the best one and what is left of the budget."""
        states = Counter(TrialState.FAIL if is_refused(trial) else trial.state for trial in trials)
        counts = [f"{states[state]} {name}" for state, name in _STATES.items()]
        return ", ".join([*counts, *self._best(trials), *self._left(trials)])

    def _best(self, trials: list[FrozenTrial]) -> list[str]:
        complete = [
            trial for trial in trials if trial.state == TrialState.COMPLETE and trial.values
        ]
        if not complete:
            return []
        maximize = self.study.directions[0] == StudyDirection.MAXIMIZE
        best = (max if maximize else min)(complete, key=lambda trial: trial.values[0])
        return [f"best {self.objective} {best.values[0]:.4f} (trial {best.number})"]

    def _left(self, trials: list[FrozenTrial]) -> list[str]:
        now = time.monotonic()
        if self.budget.seconds is not None:
            # Trainings that follow the search, such as refits, are no part of its budget.
            left = self.budget.seconds if self._deadline is None else self._deadline - now
            return [f"{_clock(left)} left"] if left > 0 else []
        ended = [trial.number for trial in trials if trial.state.is_finished()]
        here = len(set(ended) - self._before)
        left = (self.budget.trials or 0) - len(ended)
        if left <= 0:
            return []
        about = f", about {_clock((now - self._started) / here * left)}" if here else ""
        return [f"{left} of {self.budget.trials} left{about}"]

    def panel(self, trials: list[FrozenTrial]) -> Group:
        """Draw the summary, and below it a line for each busy worker."""
        table = Table(box=None)
        for column in ("worker", "training", "epochs", self.objective):
            table.add_column(column)
        for worker, news in sorted(self.running.items()):
            table.add_row(str(worker), news.name, f"{news.epochs:.2f}", _figure(news.value, ""))
        return Group(Text(self.summary(trials)), table)


class _NotebookPanel:
    """Shows the panel below a notebook's cell, as text that is replaced, and gone at the end.

    rich would need ipywidgets for it.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._next = 0.0

    def start(self) -> None:
        """Make room for the panel, unless there is room from the stage before."""
        from IPython import display

        show: Any = display.display
        self._handle = self._handle or show(_as_text(""), raw=True, display_id=True)

    def update(self, panel: Group) -> None:
        """Show the panel, at most twice a second."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 0.5
            console = Console(file=io.StringIO(), width=_NOTEBOOK_WIDTH, force_jupyter=False)
            with console.capture() as capture:
                console.print(panel)
            self._handle.update(_as_text(capture.get()), raw=True)

    def stop(self) -> None:
        """Empty the panel's place."""
        self._handle.update(_as_text(""), raw=True)


def _as_text(text: str) -> dict[str, str]:
    return {"text/plain": text}


def _in_notebook() -> bool:
    """Whether this is the process of a notebook, as IPython says, if it is there at all."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _why(result: Result) -> str:
    return f" ({result.reason})" if result.reason else ""


def _figure(value: float | None, absent: str) -> str:
    return absent if value is None else f"{value:.4f}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
