"""The memory benchmark runs; how much memory it finds is not tested."""

from pathlib import Path

import pytest

from tests.benchmarks import worker_memory
from tests.benchmarks.measuring import Memory
from tests.benchmarks.worker_memory import Usage

SPACE = "tests.search.small:Small"


def check(usage: Usage) -> None:
    # TensorFlow alone takes more than this; no process of 600 rows takes so much.
    for memory in (usage.before, usage.during, usage.after):
        assert 100 * 2**20 < memory.resident < 8 * 2**30
        assert 0 < memory.unique <= memory.proportional <= memory.resident
    assert usage.during.unique >= max(usage.before.unique, usage.after.unique)


def test_the_most_is_taken_of_each_figure() -> None:
    before, middle, after = Memory(1, 5, 3), Memory(4, 2, 9), Memory(2, 2, 2)
    assert Usage.of(before, [middle], after) == Usage(before, Memory(4, 5, 9), after)


@pytest.mark.slow
def test_stock_is_measured(tmp_path: Path, log_file: Path) -> None:
    check(worker_memory.stock(log_file, None, SPACE, 1, 1, tmp_path))


@pytest.mark.slow
def test_a_worker_is_measured(tmp_path: Path, log_file: Path) -> None:
    check(worker_memory.ours(log_file, None, SPACE, 1, tmp_path))
