"""Latency over real calls: percentiles, bounded time, what is asked for and what counts."""

import time
from collections.abc import Callable
from functools import partial
from threading import Thread

import numpy as np
import pytest

from results.scoring import Rows, measure_latency
from results.scoring.latency import BATCH, CALLS, Clock


def burn(seconds: float) -> None:
    """Compute for so long in this thread."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_the_slowest_hundredth_is_seen() -> None:
    calls = 0

    def answer() -> None:
        nonlocal calls
        calls += 1
        burn(0.03 if calls % 40 == 0 else 0.0005)

    alone = measure_latency(lambda rows: answer, np.arange(5), seconds=0.5).alone
    assert 500 <= alone.p50 < 20_000
    assert alone.p99 >= 30_000


@pytest.mark.parametrize(
    ("clock", "counted"), [(time.thread_time, False), (time.process_time, True)]
)
def test_whose_work_counts_is_the_clocks_choice_and_waiting_never_does(
    clock: Clock, counted: bool
) -> None:
    own, others, wait = 0.0005, 0.004, 0.05

    def answer() -> None:
        thread = Thread(target=burn, args=(others,))
        thread.start()
        burn(own)
        thread.join()
        time.sleep(wait)

    alone = measure_latency(lambda rows: answer, np.arange(5), seconds=0.1, clock=clock).alone
    least = own + others if counted else own
    assert least * 1e6 <= alone.p50 < (wait if counted else others) * 1e6


def test_requests_come_alone_and_by_512_from_all_rows() -> None:
    asked: list[Rows] = []
    measure_latency(partial(partial, asked.append), np.arange(100, 700), seconds=0.1)
    sizes = {len(rows) for rows in asked}
    assert sizes == {1, BATCH}
    assert set(np.concatenate(asked)) == set(range(100, 700))
    assert sum(len(rows) == BATCH for rows in asked) > CALLS


def test_a_slow_answer_is_asked_once_of_each_kind() -> None:
    asked: list[int] = []

    def answer(rows: Rows) -> None:
        asked.append(len(rows))
        time.sleep(0.1)

    measure_latency(partial(partial, answer), np.arange(5), seconds=0.01)
    assert asked == [1, 1, BATCH]  # The first one traces a network.


def test_what_is_made_before_the_call_takes_no_time() -> None:
    def prepare(rows: Rows) -> Callable[[], object]:
        burn(0.005)
        return list

    assert measure_latency(prepare, np.arange(5), seconds=0.05).alone.p99 < 5000
