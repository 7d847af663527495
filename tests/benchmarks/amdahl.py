"""What a search gains from more workers, and what Amdahl's law makes of it for more cores.

Part of `tests.benchmarks.scaling`.

The wall-clock is that of a whole `search.run`, its start, report and export among it, on a number
of cores, where the system can bind a process to cores. Besides as many workers as cores there is
one worker with a thread for each core: which of the two is faster tells what `--workers auto`
should mean. Without a pruner and with a sampler that does not learn, so that all runs
train the same trials; whether they did is printed.

From the times on 1 and p cores follows, by Amdahl's law, T(p) = T(1) (s + (1 - s) / p), the
serial share s = (p T(p) / T(1) - 1) / (p - 1), and from it the speed-up by n cores,
1 / (s + (1 - s) / n). What does not divide evenly (6 trials among 4 workers) and what the cores
share (memory, turbo clock) counts as serial, as it should.

Sources: G. M. Amdahl, Validity of the single processor approach to achieving large scale computing
capabilities, AFIPS 1967; A. H. Karp and H. P. Flatt, Measuring parallel processor performance,
CACM 33(5), 1990, for the share out of a measured speed-up.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ESTIMATED_CORES = 16
HEADS = ("workers", "cores", "seconds", "speed-up", "serial share")


def serial_share(alone: float, together: float, cores: int) -> float:
    """Give the share of the time that more cores do not shorten, by Amdahl's law.

    Args:
        alone: Seconds on one core.
        together: Seconds on all.
        cores: How many they are, 2 or more.
    """
    return (cores * together / alone - 1) / (cores - 1)


def speed_up(serial: float, cores: int) -> float:
    """Give how many times as fast so many cores are as one, by Amdahl's law."""
    return 1 / (serial + (1 - serial) / cores)


@contextmanager
def bound_to(cores: int) -> Iterator[int | None]:
    """Bind this process, and those that it starts, to some cores; None where that can't be."""
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield min(cores, len(before))
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Searched:
    """A whole search: its workers, the cores they shared, its seconds and its trials."""

    workers: int
    cores: int | None
    seconds: float
    trials: frozenset[tuple[str, int]]


def search(out: Path, workers: int, on: int, budget: int, rows: int) -> Searched:
    """Run `search.run` in processes of its own, on so many cores."""
    study = f"workers-{workers}-of-{on}"
    words = f"--budget {budget} --rows {rows} --workers {workers} --sampler random --pruner none"
    words += " --epochs 3"  # As many as the brief has, whatever the number of rows.
    command = [
        sys.executable,
        "-m",
        "search.run",
        *words.split(),
        "--baselines",
        "none",
        "--no-refit",
    ]
    with bound_to(on) as cores:
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--out", str(out), "--study", study],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"the search with {workers} workers failed:\n{done.stderr}")
    board = json.loads((out / study / "leaderboard.json").read_text(encoding="utf-8"))
    trials = frozenset((row["name"], row["parameters"]) for row in board["rows"])
    return Searched(workers, cores, seconds, trials)


def table(searches: Sequence[Searched]) -> tuple[list[list[Any]], str]:
    """Give the rows below `HEADS`, and in words what they say of more cores."""
    alone, *others = searches
    rows: list[list[Any]] = [[alone.workers, alone.cores, alone.seconds, 1.0, None]]
    said = [f"the same trials: {'yes' if len({one.trials for one in searches}) == 1 else 'NO'}"]
    for one in others:
        serial = serial_share(alone.seconds, one.seconds, one.cores or one.workers)
        rows.append([one.workers, one.cores, one.seconds, alone.seconds / one.seconds, serial])
        if one.workers == 1:
            continue
        # A share below 0 is noise: no law promises more than n times by n cores.
        most = speed_up(max(serial, 0.0), ESTIMATED_CORES)
        said.append(
            f"by {one.workers} workers' serial share of {serial:.1%}, {ESTIMATED_CORES} cores "
            f"would be {most:.1f} times as fast as one"
        )
    return rows, "\n".join(said)
