"""From a log to ids: ours beside the notebook's pipeline, and how ours grows with the rows.

    python -m tests.benchmarks.encoding --data http-params.csv
        [--rows-large 1000000] [--repeats 5]

Each measurement is a process of its own, the two sides in turn. The time starts when everything is
imported and ends when the whole log is encoded. The memory is that of the encoded data, and the
growth of the peak (resident, shared pages counted in full) from before reading. The growing logs
are made by `data.synthetic` in a temporary folder (`TMPDIR`), 750 MB for a million rows.

The notebook's pipeline is pandas, json, Keras's Tokenizer and pad_sequences. Its `engine='python'`
is left out: pandas's own default is faster, so the comparison is harder for us.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tabulate import tabulate

from data import synthetic
from data.common import Parser, run
from data.reading import read_log
from data.records import DROPPED_KEYS, MAX_LENGTH, Vocabulary, encode
from tests.benchmarks.measuring import MEBIBYTE, peak_memory, reset_peak, spread

SIZES = (5_000, 27_000, 50_000, 250_000)
BASE = 50_000
ROWS_AT_ONCE = 1024
SIDES = ("ours", "notebook")


@dataclass(frozen=True)
class Encoding:
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


def notebook_pipeline() -> Callable[[Path], Any]:
    """Import what the notebook uses, and return its way from a log to ids, int32 [n, 1024]."""
    # Only here: our side is measured without TensorFlow in its process.
    import pandas as pd
    from keras.src.legacy.preprocessing.text import Tokenizer
    from keras.utils import pad_sequences

    def encode_log(path: Path) -> Any:
        frame = pd.read_csv(path, quotechar="|", header=None, encoding="utf-8")
        texts = frame.values[:, 0]
        for index, item in enumerate(texts):
            record = json.loads(item, object_pairs_hook=OrderedDict)
            for key in DROPPED_KEYS:
                record.pop(key, None)
            texts[index] = json.dumps(record, separators=(",", ":"))
        tokenizer = Tokenizer(filters="\t\n", char_level=True)
        tokenizer.fit_on_texts(texts)
        return pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=MAX_LENGTH)

    return encode_log


def our_pipeline(path: Path) -> Any:
    """Read and encode a log as a search does, ids not padded."""
    log = read_log(str(path))
    return encode(log.texts, Vocabulary.fit(log.texts, unknown=False))


def measure_here(side: str, path: Path) -> Encoding:
    """Encode a log in this process."""
    pipeline = our_pipeline if side == "ours" else notebook_pipeline()
    before = psutil.Process().memory_info().rss
    reset_peak()
    started, cpu_started = time.perf_counter(), time.process_time()
    made = pipeline(path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    growth, count = peak_memory() - before, len(made)
    if side == "notebook":
        size, characters, blocks = made.nbytes, int(np.count_nonzero(made)), iter([made])
    else:
        size, characters = made.ids.nbytes + made.offsets.nbytes, len(made.ids)
        firsts = range(0, count, ROWS_AT_ONCE)
        parts = (np.arange(first, min(first + ROWS_AT_ONCE, count)) for first in firsts)
        blocks = (made.padded(rows, MAX_LENGTH) for rows in parts)
    return Encoding(seconds, cpu, size, growth, _digest(blocks), count, characters)


def _digest(blocks: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def measure(side: str, path: Path) -> Encoding:
    """Encode a log in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.encoding", "--data", str(path)]
    done = subprocess.run([*command, "--side", side], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} failed on {path}:\n{done.stderr}")
    return Encoding(**json.loads(done.stdout.splitlines()[-1]))


def compare(path: Path, repeats: int) -> str:
    """Encode a log both ways in turn; return a table, and whether the ids are the same."""
    pairs = [(measure("ours", path), measure("notebook", path)) for _ in range(repeats)]
    ours, notebook = zip(*pairs, strict=True)
    values: dict[str, tuple[Callable[[Encoding], float], int]] = {
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
    table = _table(rows, [f"{ours[0].rows:,} rows", "ours", "notebook", "notebook / ours"])
    return f"{table}\n\nidentical ids: {'yes' if same else 'NO'}"


def grow(folder: Path, sizes: Sequence[int], repeats: int) -> str:
    """Encode ever longer synthetic logs; return a table, and the last size's ratio to 50,000."""
    runs: dict[int, list[Encoding]] = {}
    rows = []
    for size in sizes:
        path = folder / f"{size}.csv"
        started = time.perf_counter()
        synthetic.write(path, size)
        making = time.perf_counter() - started
        found = runs[size] = [measure("ours", path) for _ in range(repeats)]
        path.unlink()
        rows.append(
            [
                f"{size:,}",
                f"{found[0].characters:,}",
                spread([item.seconds for item in found], 3),
                spread([item.cpu_seconds / item.characters * 1e9 for item in found], 1),
                f"{found[0].encoded / MEBIBYTE:,.1f}",
                spread([(item.growth - item.encoded) / MEBIBYTE for item in found], 1),
                f"{making:,.1f}",
            ]
        )
    heads = ["rows", "characters", "seconds, file to ids", "CPU ns a character", "encoded, MiB"]
    table = _table(rows, [*heads, "peak beyond it, MiB", "seconds to make the log"])
    if BASE in runs and sizes[-1] > BASE:
        pairs = list(zip(runs[BASE], runs[sizes[-1]], strict=True))
        wall = spread([large.seconds / small.seconds for small, large in pairs], 1)
        cpu = spread([large.cpu_seconds / small.cpu_seconds for small, large in pairs], 1)
        table += f"\n\n{sizes[-1]:,} rows take {wall} times as long as {BASE:,} (CPU: {cpu})"
    return table


def _table(rows: list[list[str]], heads: list[str]) -> str:
    text: str = tabulate(rows, heads, tablefmt="github", disable_numparse=True)
    return text


def main(argv: Sequence[str]) -> int:
    """Measure and print the tables."""
    parser = Parser("python -m tests.benchmarks.encoding", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a log in the assignment's format")
    parser.add_argument("--rows-large", type=int, default=1_000_000, help="0: no growing logs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", choices=SIDES, help="measure this side once, here; prints JSON")
    options = parser.parse_args(argv)
    if options.side:
        print(json.dumps(asdict(measure_here(options.side, options.data))))
        return 0
    print(compare(options.data, options.repeats))
    if options.rows_large:
        sizes = [*(size for size in SIZES if size < options.rows_large), options.rows_large]
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{grow(Path(folder), sizes, options.repeats)}")
    return 0


if __name__ == "__main__":
    run(main)
