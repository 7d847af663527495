"""Latency over real calls: percentiles, bounded time, and what is asked for."""

import time

import numpy as np

from results.evaluate import Scorer, probabilities
from results.latency import BATCH, CALLS, Rows, latency
from tests.results.conftest import Trained


def test_a_network_is_measured_in_bounded_time(trained: Trained) -> None:
    score = Scorer(trained.model)

    def answer(rows: Rows) -> None:
        probabilities(score, trained.encoded, rows, padding="real")

    started = time.perf_counter()
    measured = latency(answer, np.arange(60), seconds=0.3)  # fewer than 512: rows repeat
    assert time.perf_counter() - started < 20
    assert 0 < measured.batch.p50 < measured.alone.p50 < 1e6
    assert measured.alone.p50 <= measured.alone.p99
    assert measured.batch.p50 <= measured.batch.p99


def test_the_slowest_hundredth_is_seen() -> None:
    calls = 0

    def answer(rows: Rows) -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.03 if calls % 40 == 0 else 0.0005)

    alone = latency(answer, np.arange(5), seconds=0.5).alone
    assert 500 <= alone.p50 < 20_000
    assert alone.p99 >= 30_000


def test_requests_come_alone_and_by_512_from_all_rows() -> None:
    asked: list[Rows] = []
    latency(asked.append, np.arange(100, 700), seconds=0.01)
    sizes = {len(rows) for rows in asked}
    assert sizes == {1, BATCH}
    assert set(np.concatenate(asked)) == set(range(100, 700))
    assert sum(len(rows) == BATCH for rows in asked) > CALLS


def test_a_slow_answer_is_asked_once_of_each_kind() -> None:
    asked: list[int] = []
    pause = 0.1

    def answer(rows: Rows) -> None:
        asked.append(len(rows))
        time.sleep(pause)

    measured = latency(answer, np.arange(5), seconds=0.01)
    assert asked == [1, 1, BATCH]  # The first one traces a network.
    assert measured.alone.p50 >= pause * 1e6
    assert measured.batch.p50 >= pause * 1e6 / BATCH
