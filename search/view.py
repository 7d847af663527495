"""What a search shows while it runs: a live panel on a terminal, log lines elsewhere."""

import logging
import sys
import time
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from results.result import Result
from results.store import counted, trial_result
from search.budget import Budget
from search.plan import Progress

log = logging.getLogger(__name__)


@dataclass
class View:
    """The state of a search as its user sees it.

    Attributes:
        study: The study.
        budget: The search's budget.
        objective: Name of the first objective.
    """

    study: optuna.Study
    budget: Budget
    objective: str
    running: dict[int, Progress] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _started: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    def __enter__(self) -> "View":
        """Start to show; trials that had ended before are not announced."""
        self._told = {trial.number for trial in self._ended()}
        if sys.stderr.isatty():
            self._live = Live(console=Console(stderr=True), refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Announce the last trials and stop to show."""
        self.refresh()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def baseline(self, result: Result) -> None:
        """Tell of a finished baseline.

        Args:
            result: Its result.
        """
        accuracy = "-" if result.val_accuracy is None else f"{result.val_accuracy:.4f}"
        log.info(
            "%s %s: val accuracy %s in %.0f s",
            result.name,
            result.status,
            accuracy,
            result.train_seconds,
        )

    def progress(self, worker: int, news: Progress) -> None:
        """Tell how far a worker has come.

        Args:
            worker: The worker's index.
            news: What it said.
        """
        self.running[worker] = news
        log.debug("%s: epoch %.2f, %s", news.name, news.epochs, news.value)

    def idle(self, worker: int) -> None:
        """Tell that a worker trains nothing now.

        Args:
            worker: The worker's index.
        """
        self.running.pop(worker, None)

    def refresh(self) -> None:
        """Announce what has ended since the last time, and redraw."""
        trials = self.study.get_trials(deepcopy=False)
        for trial in self._ended():
            if trial.number not in self._told:
                self._told.add(trial.number)
                self._announce(trial_result(trial), trials)
        if self._live is not None:
            self._live.update(self._panel(trials))

    def _ended(self) -> list[FrozenTrial]:
        return [trial for trial in counted(self.study) if trial.state.is_finished()]

    def _announce(self, result: Result, trials: list[FrozenTrial]) -> None:
        accuracy = "-" if result.val_accuracy is None else f"{result.val_accuracy:.4f}"
        why = f" ({result.reason})" if result.reason else ""
        log.info(
            "%s %s%s: val accuracy %s, %.2f epochs in %.0f s; %s",
            result.name,
            result.status,
            why,
            accuracy,
            result.epochs,
            result.train_seconds,
            self._summary(trials),
        )

    def _summary(self, trials: list[FrozenTrial]) -> str:
        counts = {
            state: sum(trial.state == state for trial in self._ended())
            for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        }
        text = ", ".join(f"{count} {state.name.lower()}" for state, count in counts.items())
        best = self._best(trials)
        return text + (f", best {self.objective} {best}" if best else "") + self._left()

    def _best(self, trials: list[FrozenTrial]) -> str:
        maximize = self.study.directions[0] == optuna.study.StudyDirection.MAXIMIZE
        complete = [
            trial for trial in trials if trial.state == TrialState.COMPLETE and trial.values
        ]
        if not complete:
            return ""
        pick = max if maximize else min
        best = pick(complete, key=lambda trial: trial.values[0])
        return f"{best.values[0]:.4f} (trial {best.number})"

    def _left(self) -> str:
        elapsed = time.monotonic() - self._started
        if self.budget.seconds is not None:
            return f", {max(0.0, self.budget.seconds - elapsed):.0f} s left"
        done = len(self._told)
        left = (self.budget.trials or 0) - done
        if not done or left <= 0:
            return ""
        return f", {left} of {self.budget.trials} left"

    def _panel(self, trials: list[FrozenTrial]) -> Group:
        table = Table(box=None)
        for column in ("worker", "training", "epochs", self.objective):
            table.add_column(column)
        for worker, news in sorted(self.running.items()):
            value = "" if news.value is None else f"{news.value:.4f}"
            table.add_row(str(worker), news.name, f"{news.epochs:.2f}", value)
        return Group(Text(self._summary(trials)), table)
