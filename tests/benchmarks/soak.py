"""A long search in one worker: does its memory grow, do files stay open, how is its journal read?

    python -m tests.benchmarks.soak [--trials 500]

Tiny models are trained, so that what grows is the search's own and not a model's. It ends with
status 1 if something grows.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
import psutil
from optuna.trial import TrialState
from tabulate import tabulate

from data.common import Parser, run
from results.study import JOURNAL, open_storage
from tests.benchmarks.measuring import MEBIBYTE, ROOT
from tests.search.processes import workers_of

STUDY = "soak"
# Until then a worker is still warming up.
WARM = 50
# By how much memory may grow from then on, and the time to read a trial's part of the journal.
MOST_MEMORY = 1.10
MOST_REPLAY = 1.5
_REPLAYS = 5
# A worker that writes or reads at the moment of a look has a file open that it closes again.
_LOOKS = 10


@dataclass(frozen=True)
class Sample:
    """A search after some trials.

    Attributes:
        trials: How many have ended.
        seconds: Since the search began.
        worker_bytes: Resident memory of the worker.
        worker_files: Its open files.
        parent_bytes: Resident memory of the parent.
        parent_files: Its open files.
        journal_bytes: Length of the journal.
    """

    trials: int
    seconds: float
    worker_bytes: int
    worker_files: int
    parent_bytes: int
    parent_files: int
    journal_bytes: int


class JournalWatch:
    """Follows a search, whose parent process this is, through its journal."""

    def __init__(self, process: psutil.Process, journal: Path) -> None:
        self._parent, self._journal = process, journal
        self._started = time.monotonic()
        self._read = 0
        self.trials = 0

    def look(self) -> Sample | None:
        """Take a sample; None if there is no worker."""
        if self._journal.is_file():
            with self._journal.open("rb") as file:
                file.seek(self._read)
                news = file.read()
            news = news[: news.rfind(b"\n") + 1]
            self._read += len(news)
            self.trials += sum(_has_ended(line) for line in news.splitlines())
        try:
            (worker,) = workers_of(self._parent)
            return Sample(
                self.trials,
                time.monotonic() - self._started,
                worker.memory_info().rss,
                worker.num_fds(),
                self._parent.memory_info().rss,
                self._parent.num_fds(),
                self._read,
            )
        except (ValueError, psutil.Error):
            return None


def _has_ended(line: bytes) -> bool:
    record = json.loads(line)
    return record["op_code"] == 6 and record["state"] == TrialState.COMPLETE


def soak(trials: int, out: Path, seconds: float = 0.2) -> list[Sample]:
    """Run a search, looking every so many seconds; return the first sample after each trial."""
    command = [
        sys.executable, "-m", "search.run", "--rows", "700", "--epochs", "1", "--workers", "1",
        "--baselines", "none", "--sampler", "random", "--pruner", "none",
        "--space", "tests.search.small:Small", "--budget", str(trials),
        "--study", STUDY, "--out", str(out), "--no-refit",
    ]  # fmt: skip
    samples: dict[int, Sample] = {}
    out.mkdir(parents=True, exist_ok=True)
    with (out / "output.txt").open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
        try:
            watch = JournalWatch(psutil.Process(process.pid), out / STUDY / JOURNAL)
            while process.poll() is None:
                sample = watch.look()
                if sample is not None:
                    samples.setdefault(sample.trials, sample)
                time.sleep(seconds)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise RuntimeError((out / "output.txt").read_text()[-2000:])
    return [samples[count] for count in sorted(samples)]


def replay(journal: Path, size: int, folder: Path) -> float:
    """Return the median seconds that opening the study takes with so many bytes of its journal."""
    (folder / JOURNAL).write_bytes(journal.read_bytes()[:size])
    taken = []
    for _ in range(_REPLAYS):
        started = time.perf_counter()
        study = optuna.load_study(study_name=STUDY, storage=open_storage(folder, None, 60))
        study.get_trials(deepcopy=False)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def at(samples: Sequence[Sample], trials: int) -> Sample:
    """Return the first sample of so many trials or more, or else the last one.

    Its open files are the fewest of the ten samples up to it.
    """
    enough = (place for place, sample in enumerate(samples) if sample.trials >= trials)
    index = next(enough, len(samples) - 1)
    looks = samples[max(0, index - _LOOKS + 1) : index + 1]
    return replace(
        samples[index],
        worker_files=min(sample.worker_files for sample in looks),
        parent_files=min(sample.parent_files for sample in looks),
    )


def main(argv: Sequence[str]) -> int:
    """Run, print the table, and return 1 if something grows."""
    parser = Parser("python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--trials", type=int, default=500, help="default: %(default)s")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        samples = soak(options.trials, folder)
        journal = folder / STUDY / JOURNAL
        marks = [WARM, *range(100, options.trials, 100), options.trials]
        shown = [at(samples, mark) for mark in marks if mark <= options.trials]
        times = [replay(journal, sample.journal_bytes, folder) for sample in shown]
    print(_table(shown, times))
    return judge(shown[0], shown[-1], times[min(1, len(times) - 1)] / shown[1].trials, times[-1])


def _table(samples: Sequence[Sample], times: Sequence[float]) -> str:
    rows = [
        (
            sample.trials,
            f"{sample.seconds:.0f}",
            f"{sample.worker_bytes / MEBIBYTE:.0f}",
            sample.worker_files,
            f"{sample.parent_bytes / MEBIBYTE:.0f}",
            sample.parent_files,
            f"{seconds * 1000:.0f}",
            f"{seconds * 1e6 / sample.trials:.0f}",
        )
        for sample, seconds in zip(samples, times, strict=True)
    ]
    heads = ("trials", "s", "worker, MiB", "its files", "parent, MiB", "its files",
             "replay, ms", "µs a trial")  # fmt: skip
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True, stralign="right")


def judge(first: Sample, last: Sample, early: float, seconds: float) -> int:
    """Print what grew; return 1 if it is too much.

    `early` are the seconds to read a trial's part of the journal at first, `seconds` those to read
    all of it at last.
    """
    memory = last.worker_bytes / first.worker_bytes
    files = last.worker_files - first.worker_files
    late = seconds / last.trials
    print(
        f"\nworker's memory after {last.trials} trials: {memory:.3f} of that after {first.trials}"
    )
    print(f"parent's: {last.parent_bytes / first.parent_bytes:.3f}")
    print(f"open files: {files:+d} and {last.parent_files - first.parent_files:+d}")
    print(f"replay of a trial: {late / early:.2f} times as long as after 100 trials")
    return int(memory > MOST_MEMORY or files > 0 or late > MOST_REPLAY * early)


if __name__ == "__main__":
    run(main)
