"""Latency over real calls: percentiles, bounded time, what is asked for and what counts."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import numpy as np
import pytest

from results.scoring import Rows, Scorer, measure_latency, probabilities
from results.scoring.latency import BATCH, CALLS
from tests.results.conftest import Trained


def test_a_network_is_measured_in_bounded_time(trained: Trained) -> None:
    score = Scorer(trained.model)

    def answer(rows: Rows) -> None:
        probabilities(score, trained.encoded, rows, padding="real")

    started = time.perf_counter()
    measured = measure_latency(answer, np.arange(60), seconds=0.3)  # fewer than 512: rows repeat
    assert time.perf_counter() - started < 20
    assert 0 < measured.batch.p50 < measured.alone.p50 < 1e6
    assert measured.alone.p50 <= measured.alone.p99
    assert measured.batch.p50 <= measured.batch.p99


def burn(seconds: float) -> None:
    """Compute for so long in this thread."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_the_slowest_hundredth_is_seen() -> None:
    calls = 0

    def answer(rows: Rows) -> None:
        nonlocal calls
        calls += 1
        burn(0.03 if calls % 40 == 0 else 0.0005)

    alone = measure_latency(answer, np.arange(5), seconds=0.5).alone
    assert 500 <= alone.p50 < 20_000
    assert alone.p99 >= 30_000


def test_work_on_other_threads_counts_and_waiting_does_not() -> None:
    work, wait = 0.002, 0.05

    def answer(rows: Rows) -> None:
        thread = Thread(target=burn, args=(work,))
        thread.start()
        thread.join()
        time.sleep(wait)

    alone = measure_latency(answer, np.arange(5), seconds=0.5).alone
    assert work * 1e6 <= alone.p50 < wait * 1e6


def test_requests_come_alone_and_by_512_from_all_rows() -> None:
    asked: list[Rows] = []
    measure_latency(asked.append, np.arange(100, 700), seconds=0.01)
    sizes = {len(rows) for rows in asked}
    assert sizes == {1, BATCH}
    assert set(np.concatenate(asked)) == set(range(100, 700))
    assert sum(len(rows) == BATCH for rows in asked) > CALLS


def test_a_slow_answer_is_asked_once_of_each_kind() -> None:
    asked: list[int] = []

    def answer(rows: Rows) -> None:
        asked.append(len(rows))
        time.sleep(0.1)

    measure_latency(answer, np.arange(5), seconds=0.01)
    assert asked == [1, 1, BATCH]  # The first one traces a network.


BUSY = """
import numpy
table = numpy.random.default_rng(0).random((700, 700))
print(flush=True)
while True:
    table @ table
"""


@contextmanager
def neighbors() -> Iterator[None]:
    """Keep two cores and their caches busy beside this process."""
    command = [sys.executable, "-c", BUSY]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=alone) for _ in range(2)]
    try:
        for process in both:
            assert process.stdout is not None and process.stdout.readline()
        yield
    finally:
        for process in both:
            process.kill()
            process.communicate()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_figures_hardly_depend_on_busy_neighbors(trained: Trained) -> None:
    score = Scorer(trained.model)

    def answer(rows: Rows) -> None:
        probabilities(score, trained.encoded, rows, padding="real")

    def figures() -> tuple[float, float]:
        found = measure_latency(answer, np.arange(60), seconds=0.5)
        return found.alone.p50, found.batch.p50

    apart, beside = [], []
    for _ in range(4):
        apart.append(figures())
        with neighbors():
            beside.append(figures())
    alone, batch = np.median(beside, axis=0) / np.median(apart, axis=0)
    # The wall-clock reads two to fifteen times as much there. What stays is the caches that the
    # neighbors take, which a request of a millisecond feels more than a batch.
    assert alone < 2 and batch < 1.5
