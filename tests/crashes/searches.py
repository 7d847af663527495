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

REPOSITORY = Path(__file__).parents[2]
STUDY = "study"
# Longer than any step of these searches takes on a busy machine.
PATIENCE = 240.0
_TOLD = re.compile(r"trial (\d+) (?:complete|pruned)")


@dataclass(frozen=True)
class Kind:
    """What is searched.

    Attributes:
        name: For the report.
        budget: How many trials.
        options: More options of the command.
        is_repeatable: Whether an uninterrupted run of the same seed must give the same.
        learns: Whether the sampler looks at earlier trials, in the order of their numbers; then it
            must only where no trial was lost that others came after.
    """

    name: str
    budget: int
    options: tuple[str, ...]
    is_repeatable: bool = True
    learns: bool = False

    def command(self, out: Path) -> list[str]:
        """Give the command, which is the same at the start and at each resume.

        Args:
            out: Where runs lie.

        Returns:
            Its words.
        """
        return [
            sys.executable, "-m", "search.run", "--rows", "700", "--padding", "real",
            "--epochs", "1", "--space", "tests.search.small:Small", "--study", STUDY,
            "--budget", str(self.budget), "--out", str(out), *self.options,
        ]  # fmt: skip


KINDS = (
    Kind(
        "random, one worker",
        12,
        ("--workers", "1", "--sampler", "random", "--pruner", "none", "--baselines", "linear"),
    ),
    Kind(
        "TPE, one worker",
        14,
        ("--workers", "1", "--pruner", "none", "--baselines", "none", "--objective", "val_loss"),
        learns=True,
    ),
    Kind(
        "TPE and ASHA, two workers",
        12,
        ("--workers", "2", "--pruner", "asha", "--baselines", "linear"),
        is_repeatable=False,
    ),
)


@dataclass
class Running:
    """A search's process, its workers and what it prints.

    Attributes:
        process: The parent process.
        folder: The run's folder.
        output: The file with what it prints.
        before: How long the journal was when it started.
        started: When, by `time.monotonic`.
        processes: All of its processes that were ever seen.
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
        """Give what the journal holds beyond what it held at the start."""
        return self.journal.read_bytes()[self.before :] if self.journal.is_file() else b""

    def told(self) -> set[int]:
        """Give the numbers of the trials that the search told its user of."""
        return {int(number) for number in _TOLD.findall(self.text())}

    def text(self) -> str:
        """Give what the search has printed."""
        return self.output.read_text(errors="replace")

    def workers(self) -> list[psutil.Process]:
        """Give the worker processes that are alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.processes[child.pid] = child
        return [child for child in self.processes.values() if _is_worker(child)]

    def kill(self) -> None:
        """End the parent and all of its workers now."""
        self.workers()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, seconds: float) -> bool:
        """Wait until the parent and all of its workers are gone.

        Args:
            seconds: How long at most; what is left then is killed.

        Returns:
            Whether they ended by themselves.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.has_ended and not self.workers():
                return True
            time.sleep(0.05)
        self.kill()
        return False


def _is_worker(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # Not the process in which Python keeps count of shared memory.
        return "spawn_main" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def start(
    kind: Kind,
    out: Path,
    output: Path,
    environment: Mapping[str, str] | None = None,
    core: int | None = None,
) -> Running:
    """Start a search, or resume it: the command is the same.

    Args:
        kind: Which.
        out: Where runs lie.
        output: A file for what it prints.
        environment: More variables.
        core: The one core that it may use; None for all.

    Returns:
        The running search.
    """
    folder = out / STUDY
    path = folder / "journal.log"
    # A record that was cut off is cut away by whoever comes next.
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
    return Running(process, folder, output, before)


def reported(run: Running) -> dict[int, journal.Told]:
    """Give the trials that a user or a reader of the journal knows to have ended well.

    Args:
        run: The search.

    Returns:
        The trials by number.
    """
    # The output first: what it tells of must be in the journal.
    told = run.told()
    trials = journal.reported(journal.read(run.journal))
    return trials | {number: journal.Told(number) for number in told if number not in trials}
