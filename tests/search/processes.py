"""Real searches in processes of their own, watched through their study while they run."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import psutil
from optuna.trial import FrozenTrial, TrialState

from data.dataset.dataset import Dataset
from results.study import ACCURACY, DATA_FOLDER, WORKER, Store, close_storage, counted_trials
from search.config import Budget, RunConfig, parse

REPOSITORY = Path(__file__).parents[2]


def fork_server(parent: psutil.Process) -> psutil.Process | None:
    """Return the process that a search's workers are copies of; None if there is none."""
    for child in parent.children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                return child
    return None


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    """Return the worker processes of a search that are alive."""
    server = fork_server(parent)
    return [] if server is None else server.children()


@dataclass(frozen=True)
class Searching:
    """A search's process and where it works."""

    process: "subprocess.Popen[str]"
    folder: Path
    url: str | None  # the database of its study; None for the folder's journal

    @contextlib.contextmanager
    def study(self) -> Iterator[optuna.Study]:
        """Open the study anew, as another process does, for a moment."""
        study = Store.open(self.folder, self.url, heartbeat=1).study
        try:
            yield study
        finally:
            close_storage(study._storage)

    def wait_for(self, what: Callable[[optuna.Study], bool], seconds: float = 90.0) -> None:
        """Wait until the study is as wanted, and fail where the search ends before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (self.folder / "data" / "facts.json").is_file():
                with self.study() as study:
                    if what(study):
                        return
            if self.process.poll() is not None:
                raise AssertionError(f"the search ended: {self.process.communicate()}")
            time.sleep(0.2)
        raise AssertionError("it did not come about in time")

    def running(self) -> list[FrozenTrial]:
        """Give the running trials whose worker has signed them and set their values."""
        with self.study() as study:
            return running(study)

    def kill(self) -> None:
        """End the search and its workers now, if they still run."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def end(self, seconds: float = 110.0) -> tuple[int, str, str]:
        """Wait for the end: exit status, stdout, stderr."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def succeed(self, seconds: float = 110.0) -> tuple[str, str]:
        """Wait for the end of a search that has to succeed: stdout, stderr."""
        status, out, err = self.end(seconds)
        assert status == 0, err
        return out, err

    def refuse(self) -> str:
        """Wait for the end of a search that has to end with one line of error, and return that."""
        status, _, err = self.end()
        (line,) = [line for line in err.splitlines() if line.startswith("error:")]
        assert status == 2
        assert "Traceback" not in err
        return line


def start(
    out: Path,
    study: str,
    *options: str,
    url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Searching:
    """Start a search of the slow space on a small synthetic log, without refits unless asked."""
    command: Sequence[str] = [
        sys.executable, "-m", "search.run", "--rows", "1200", "--baselines", "none",
        "--space", "tests.search.slow_space:SlowSpace", "--epochs", "1", "--pruner", "none",
        "--no-refit",
        "--out", str(out), "--study", study, *options, *(["--storage", url] if url else []),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Searching(process, out / study, url)


Start = Callable[..., Searching]


@contextlib.contextmanager
def begun(out: Path, dataset: Dataset, *words: str) -> Iterator[tuple[RunConfig, Store]]:
    """Begin a run for workers of this process: its configuration and its store."""
    config = parse(["--study", "run", "--out", str(out), *words])
    store = Store.create(config.folder, [ACCURACY], name="run", data=dataset.facts, protocol={})
    dataset.save(config.folder / DATA_FOLDER)
    try:
        yield config, store
    finally:
        close_storage(store.study._storage)


def config_in(folder: Path, space: str, **values: Any) -> RunConfig:
    """Configure a run in a folder, with one worker and short trainings unless told otherwise."""
    return RunConfig(
        **{
            "budget": Budget(trials=1), "out": folder.parent, "study": folder.name, "space": space,
            "sampler": "random", "pruner": "none", "epochs": 1, "batch_size": 16,
            "padding": "real", "workers": 1, **values,
        }
    )  # fmt: skip


def short(config: RunConfig, space: str, **values: Any) -> RunConfig:
    """Configure the run of a command line, with a space of these tests and short trainings."""
    values = {"budget": config.budget, **values}
    return config_in(config.folder, f"tests.search.{space}", **values)


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
    """Assert that the budget was met exactly, and that no point was tried twice."""
    done = counted_trials(study)
    states = Counter(trial.state.name for trial in done)
    assert states == {"COMPLETE": trials}, states
    assert len({tuple(sorted(trial.params.items())) for trial in done}) == trials
    assert all(trial.value is not None and 0 <= trial.value <= 1 for trial in done)
    assert not study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
