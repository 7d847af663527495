"""From a log to ids: ours against the notebook's pipeline, and how ours grows with the rows.

    python -m tests.benchmarks.encoding --data ../shared/data/http-params-access.csv.xz
        [--rows-large 1000000] [--repeats 5]

Each measurement is a process of its own, the two sides in turn. The time starts when everything is
imported and ends when the whole log is encoded. The memory is that of the encoded data, and the
growth of the peak (resident, shared pages counted in full) from before reading. The growing logs
are made by `data.synthetic` in a temporary folder (`TMPDIR`), 750 MB for a million rows.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from data import synthetic
from data.common.command import Parser, run
from tests.benchmarks.ratio import spread

SIZES = (5_000, 27_000, 50_000, 250_000)
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Run:
    """One reading and encoding of a log.

    Attributes:
        seconds: Wall-clock from the file to the ids.
        cpu_seconds: What all threads computed in that time, which other programs disturb less.
        encoded: Bytes of the encoded data.
        growth: Bytes by which the peak exceeds the memory before reading.
        ids: SHA-256 of the padded ids, row by row.
        rows: How many rows were encoded.
        characters: How many ids they have, padding left out.
    """

    seconds: float
    cpu_seconds: float
    encoded: int
    growth: int
    ids: str
    rows: int
    characters: int

    @property
    def beyond(self) -> int:
        """The peak's growth without the encoded data, in bytes."""
        return self.growth - self.encoded


def measure(side: str, path: Path) -> Run:
    """Encode a log in a process of its own.

    Args:
        side: "ours" or "notebook".
        path: The log.

    Returns:
        What it took.
    """
    command = [sys.executable, "-m", "tests.benchmarks.encoding_side", side, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} failed on {path}:\n{done.stderr}")
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Run(**values)


def compare(path: Path, repeats: int) -> str:
    """Encode a log by both ways in turn.

    Args:
        path: The log.
        repeats: How often.

    Returns:
        A table, and whether the ids are the same.
    """
    pairs = [(measure("ours", path), measure("notebook", path)) for _ in range(repeats)]
    ours, notebook = zip(*pairs, strict=True)
    values: dict[str, tuple[Callable[[Run], float], int]] = {
        "seconds, file to ids": (lambda item: item.seconds, 3),
        "CPU seconds": (lambda item: item.cpu_seconds, 3),
        "encoded data, MiB": (lambda item: item.encoded / MEBIBYTE, 1),
        "growth of the peak, MiB": (lambda item: item.growth / MEBIBYTE, 1),
    }
    rows = [
        [
            title,
            spread([value(item) for item in ours], digits),
            spread([value(item) for item in notebook], digits),
            spread([value(theirs) / value(mine) for mine, theirs in pairs], 1),
        ]
        for title, (value, digits) in values.items()
    ]
    same = len({item.ids for pair in pairs for item in pair}) == 1
    table = tabulate(
        rows,
        [f"{ours[0].rows:,} rows", "ours", "notebook", "notebook / ours"],
        tablefmt="github",
        disable_numparse=True,
    )
    return f"{table}\n\nidentical ids: {'yes' if same else 'NO'}"


def grow(folder: Path, sizes: Sequence[int], repeats: int) -> str:
    """Encode ever longer synthetic logs.

    Args:
        folder: Where the logs are written, one at a time.
        sizes: Their rows, rising.
        repeats: How often each is encoded.

    Returns:
        A table, and the ratio of the last size to 50,000 rows.
    """
    runs: dict[int, list[Run]] = {}
    made: dict[int, float] = {}
    for size in sizes:
        path = folder / f"{size}.csv"
        started = time.perf_counter()
        synthetic.write(path, size)
        made[size] = time.perf_counter() - started
        runs[size] = [measure("ours", path) for _ in range(repeats)]
        path.unlink()
    rows = [
        [
            f"{size:,}",
            f"{found[0].characters:,}",
            spread([item.seconds for item in found], 3),
            spread([item.cpu_seconds / item.characters * 1e9 for item in found], 1),
            f"{found[0].encoded / MEBIBYTE:,.1f}",
            spread([item.beyond / MEBIBYTE for item in found], 1),
            f"{made[size]:,.1f}",
        ]
        for size, found in runs.items()
    ]
    headers = [
        "rows",
        "characters",
        "seconds, file to ids",
        "CPU ns a character",
        "encoded, MiB",
        "peak beyond it, MiB",
        "seconds to make the log",
    ]
    table: str = tabulate(rows, headers, tablefmt="github", disable_numparse=True)
    base = 50_000
    if base in runs and sizes[-1] > base:
        pairs = list(zip(runs[base], runs[sizes[-1]], strict=True))
        wall = spread([large.seconds / small.seconds for small, large in pairs], 1)
        cpu = spread([large.cpu_seconds / small.cpu_seconds for small, large in pairs], 1)
        table += f"\n\n{sizes[-1]:,} rows take {wall} times as long as {base:,} (CPU: {cpu})"
    return table


def main(argv: Sequence[str]) -> int:
    """Measure and print the tables.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser("python -m tests.benchmarks.encoding", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a log in the brief's format")
    parser.add_argument("--rows-large", type=int, default=1_000_000, help="0: no growing logs")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(argv)
    print(compare(options.data, options.repeats))
    if options.rows_large:
        sizes = [*(size for size in SIZES if size < options.rows_large), options.rows_large]
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{grow(Path(folder), sizes, options.repeats)}")
    return 0


if __name__ == "__main__":
    run(main)
