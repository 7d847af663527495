"""A campaign of the fuzzer: `python -m tests.fuzz.run --inputs 1000000 --jobs 1`.

Prints what was really executed; inputs that failed stay in the campaign's folder under runs/fuzz.
"""

import importlib.util
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from data.common import Parser, UserError, run

CORPUS = Path(__file__).with_name("corpus")
# Linux lets a process begin with its parent's peak of memory, even through exec, and libFuzzer
# holds that against its limit; a shell in between has a peak that is small.
_BETWEEN = ("/bin/sh", "-c", '"$@"; exit "$?"', "sh")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class FuzzProcess:
    """What one process did.

    Attributes:
        executed: How many inputs.
        read: How many of them were read as a log, and not refused.
        seconds: Wall-clock.
        longest: Processor time of the slowest input, in seconds.
        peak: Most memory that was resident, in bytes.
        failures: How often each failure was met.
        edges: How many of the project's branches were taken, as atheris counts them.
        status: How the process ended; 0 is well.
    """

    executed: int
    read: int
    seconds: float
    longest: float
    peak: int
    failures: dict[str, int]
    edges: int
    status: int


def main(argv: Sequence[str]) -> int:
    """Run a campaign."""
    parser = Parser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "runs" / "fuzz", help="default: %(default)s"
    )
    options = parser.parse_args(argv)
    if min(options.inputs, options.jobs, options.seed) < 1:
        raise UserError("--inputs, --jobs and --seed must be 1 or more")
    if importlib.util.find_spec("atheris") is None:
        raise UserError("atheris is not installed; pip install -e '.[fuzz]' brings it")
    folder = options.out.resolve() / time.strftime("%Y%m%d-%H%M%S")
    each = -(-options.inputs // options.jobs)
    jobs = campaign(folder, each, options.jobs, options.seed)
    print(table(jobs))
    for name, count in sorted(_all_failures(jobs).items()):
        print(f"failed {count} times: {name}")
    is_whole = all(job.status == 0 and job.executed >= each for job in jobs)
    if not is_whole:
        print(f"a process ended early; see {folder}")
    return int(not is_whole or bool(_all_failures(jobs)))


def campaign(folder: Path, inputs: int, jobs: int, seed: int) -> list[FuzzProcess]:
    """Run so many processes side by side."""
    started = []
    for number in range(jobs):
        own = folder / f"job-{number}"
        own.mkdir(parents=True)
        words = [*_BETWEEN, sys.executable, "-m", "tests.fuzz.target", str(own), str(CORPUS)]
        words += ["--inputs", str(inputs), "--seed", str(seed + number)]
        with (own / "log").open("wb") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT)
        started.append((own, process))
    return [_job(own, process.wait()) for own, process in started]


def table(jobs: Sequence[FuzzProcess]) -> str:
    """Lay out what was done."""
    executed, seconds = sum(job.executed for job in jobs), max(job.seconds for job in jobs)
    rows = [
        ("inputs executed", f"{executed:,}"),
        ("of them read as a log", f"{sum(job.read for job in jobs):,}"),
        ("processes", f"{len(jobs)}"),
        ("seconds", f"{seconds:,.0f}"),
        ("executions a second", f"{executed / max(seconds, 1e-9):,.0f}"),
        ("failures", f"{sum(_all_failures(jobs).values()):,}"),
        ("branches covered", f"{max(job.edges for job in jobs):,}"),
        ("slowest input, ms", f"{max(job.longest for job in jobs) * 1000:,.0f}"),
        ("peak memory, MB", f"{max(job.peak for job in jobs) / 1e6:,.0f}"),
    ]
    laid: str = tabulate(rows, disable_numparse=True, colalign=("left", "right"))
    return laid


def _job(folder: Path, status: int) -> FuzzProcess:
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    edges = [int(found) for found in re.findall(r"\bcov: (\d+)", log)]
    try:
        counted = json.loads((folder / "counted.json").read_text(encoding="utf-8"))
    except FileNotFoundError:  # It ended before the first thousand.
        nothing = {"executed": 0, "read": 0, "seconds": 0.0, "longest": 0.0, "peak": 0}
        counted = {**nothing, "failures": {}}
    return FuzzProcess(**counted, edges=max(edges, default=0), status=status)


def _all_failures(jobs: Sequence[FuzzProcess]) -> dict[str, int]:
    names = {name for job in jobs for name in job.failures}
    return {name: sum(job.failures.get(name, 0) for job in jobs) for name in names}


if __name__ == "__main__":
    run(main)
