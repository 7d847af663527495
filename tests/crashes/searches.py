"""The searches that are hurt: real ones, small enough for a kill every few seconds."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.crashes import journal
from tests.crashes.journal import JournalTrial
from tests.search.processes import workers_of

REPOSITORY = Path(__file__).parents[2]
STUDY = "study"
# Longer than any step of these searches takes on a busy machine.
PATIENCE = 240.0
_PRINTED = re.compile(r"trial (\d+) (?:complete|pruned)")


@dataclass(frozen=True)
class SearchKind:
    """What is searched.

    Attributes:
        name: For the report.
        budget: How many trials.
        options: More options of the command.
        is_repeatable: Whether an uninterrupted run of the same seed must give the same.
        learns: Whether the sampler looks at earlier trials, in the order of their numbers; then it
            must give the same only if no trial was lost that others came after.
    """

    name: str
    budget: int
    options: tuple[str, ...]
    is_repeatable: bool = True
    learns: bool = False

    def command(self, out: Path) -> list[str]:
        """Return the command, which is the same at the start and at each resume."""
        return [
            sys.executable, "-m", "search.run", "--rows", "700", "--padding", "real",
            "--epochs", "1", "--space", "tests.search.small:Small", "--study", STUDY,
            "--budget", str(self.budget), "--out", str(out), *self.options,
        ]  # fmt: skip


KINDS = (
    SearchKind(
        "random, one worker",
        12,
        ("--workers", "1", "--sampler", "random", "--pruner", "none", "--baselines", "linear"),
    ),
    SearchKind(
        "TPE, one worker",
        14,
        ("--workers", "1", "--pruner", "none", "--baselines", "none", "--objective", "val_loss"),
        learns=True,
    ),
    SearchKind(
        "TPE and ASHA, two workers",
        12,
        ("--workers", "2", "--pruner", "asha", "--baselines", "linear"),
        is_repeatable=False,
    ),
)


@dataclass
class RunningSearch:
    """A search's process, its workers and what it prints.

    Attributes:
        process: The parent process.
        folder: The run's folder.
        output: The file with what it prints.
        before: How long the journal was when it started.
        started: When, by `time.monotonic`.
        processes: All of its workers that were ever seen.
    """

    process: "subprocess.Popen[bytes]"
    folder: Path
    output: Path
    before: int
    started: float = field(default_factory=time.monotonic)
    processes: dict[int, psutil.Process] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """The run's journal."""
        return self.folder / "journal.log"

    @property
    def has_ended(self) -> bool:
        """Whether the parent process has ended."""
        return self.process.poll() is not None

    def news(self) -> bytes:
        """Return what the journal holds beyond what it held at the start."""
        return self.journal.read_bytes()[self.before :] if self.journal.is_file() else b""

    def printed(self) -> set[int]:
        """Return the numbers of the trials that the search told its user of."""
        return {int(number) for number in _PRINTED.findall(self.text())}

    def text(self) -> str:
        """Return what the search has printed."""
        return self.output.read_text(errors="replace")

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes that are alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for worker in workers_of(psutil.Process(self.process.pid)):
                self.processes[worker.pid] = worker
        return [worker for worker in self.processes.values() if _is_alive(worker)]

    def kill(self) -> None:
        """End the parent and all of its workers now."""
        self.workers()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, seconds: float) -> bool:
        """Wait until the parent and all of its workers are gone."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.has_ended and not self.workers():
                return True
            time.sleep(0.05)
        self.kill()
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def start(
    kind: SearchKind,
    out: Path,
    output: Path,
    environment: Mapping[str, str] | None = None,
    core: int | None = None,
) -> RunningSearch:
    """Start a search, or resume it: the command is the same."""
    folder = out / STUDY
    path = folder / "journal.log"
    # The next process cuts away a record that was cut off.
    before = path.read_bytes().rfind(b"\n") + 1 if path.is_file() else 0
    words: Sequence[str] = kind.command(out)
    if core is not None:
        words = ["taskset", "-c", str(core), *words]
    with output.open("wb") as file:
        process = subprocess.Popen(
            words,
            cwd=REPOSITORY,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(REPOSITORY),
                 **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    return RunningSearch(process, folder, output, before)


def reported(run: RunningSearch) -> dict[int, JournalTrial]:
    """Return the trials that a user or a reader of the journal knows to have ended well."""
    # The output first: what was printed must be in the journal.
    printed = run.printed()
    trials = journal.reported(journal.read(run.journal))
    return trials | {number: JournalTrial(number) for number in printed if number not in trials}
