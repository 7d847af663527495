"""Real searches in processes of their own, watched through their study while they run."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from results.store import WORKER, Store, counted

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Searching:
    """A search's process and where it works.

    Attributes:
        process: The parent process; what it prints is kept.
        folder: The run's folder.
    """

    process: "subprocess.Popen[str]"
    folder: Path

    def study(self) -> optuna.Study:
        """Open the study anew, as another process does."""
        return Store.open(self.folder).study

    def wait_for(self, what: Callable[[optuna.Study], bool], seconds: float = 90.0) -> None:
        """Wait until the study is as wanted, and fail where the search ends before.

        Args:
            what: Looks at the study.
            seconds: How long to wait.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (self.folder / "data" / "facts.json").is_file() and what(self.study()):
                return
            if self.process.poll() is not None:
                raise AssertionError(f"the search ended: {self.process.communicate()}")
            time.sleep(0.2)
        raise AssertionError("it did not come about in time")

    def end(self, seconds: float = 110.0) -> tuple[int, str, str]:
        """Wait for the end.

        Args:
            seconds: How long to wait.

        Returns:
            Exit status, stdout, stderr.
        """
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err


def start(out: Path, study: str, *options: str) -> Searching:
    """Start a search of the slow space on a small synthetic log.

    Args:
        out: Where runs lie.
        study: The study's name.
        options: More options.

    Returns:
        The running search.
    """
    command: Sequence[str] = [
        sys.executable, "-m", "search.run", "--rows", "1200", "--baselines", "none",
        "--space", "tests.search.slow_space:SlowSpace", "--epochs", "1", "--pruner", "none",
        "--out", str(out), "--study", study, *options,
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Searching(process, out / study)


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Give the running trials whose worker has signed them and reported or set its values."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if WORKER in trial.user_attrs and trial.params
    ]


def pid_of(trial: FrozenTrial) -> int:
    """Give the process id of the worker that runs a trial."""
    return int(trial.user_attrs[WORKER].rpartition("-")[2])


def check_exact(study: optuna.Study, trials: int) -> None:
    """Assert that the budget was met exactly, and that no point was tried twice.

    Args:
        study: The study, at its end.
        trials: The budget.
    """
    done = counted(study)
    states = Counter(trial.state.name for trial in done)
    assert states == {"COMPLETE": trials}, states
    assert len({tuple(sorted(trial.params.items())) for trial in done}) == trials
    assert all(trial.value is not None and 0 <= trial.value <= 1 for trial in done)
    assert not study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
