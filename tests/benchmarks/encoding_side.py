"""One side of `tests.benchmarks.encoding`, in a process of its own; prints a JSON line."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.dataset.batching import MAX_LENGTH
from data.dataset.encoding import Vocabulary, encode
from data.reading import read_log
from tests.benchmarks.memory import forget_peak, peak, resident

ROWS_AT_ONCE = 1024


def main(side: str, path: Path) -> None:
    """Encode a log and print what it took.

    Args:
        side: "ours" or "notebook".
        path: The log.
    """
    if side == "notebook":
        # Only here: the other side is measured without TensorFlow in its process.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from tests.benchmarks import notebook_pipeline
    before = resident()
    forget_peak()
    started, cpu_started = time.perf_counter(), time.process_time()
    if side == "notebook":
        matrix = notebook_pipeline.encode(path)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        growth = peak() - before
        encoded_bytes, characters = matrix.nbytes, int(np.count_nonzero(matrix))
        count, blocks = len(matrix), iter([matrix])
    else:
        log = read_log(str(path))
        encoded = encode(log.texts, Vocabulary.fit(log.texts, unknown=False))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        growth = peak() - before
        encoded_bytes = encoded.ids.nbytes + encoded.offsets.nbytes
        count, characters = len(encoded), len(encoded.ids)
        blocks = (encoded.padded(rows, MAX_LENGTH) for rows in _parts(count))
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu_seconds": cpu,
                "encoded": encoded_bytes,
                "growth": growth,
                "ids": _digest(blocks),
                "rows": count,
                "characters": characters,
            }
        )
    )


def _parts(count: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, count, ROWS_AT_ONCE):
        yield np.arange(start, min(start + ROWS_AT_ONCE, count))


def _digest(blocks: Iterator[npt.NDArray[np.int32]]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
