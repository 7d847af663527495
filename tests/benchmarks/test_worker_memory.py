"""The memory benchmark runs; how much memory it finds is not tested."""

from pathlib import Path

import pytest

from tests.benchmarks import worker_memory
from tests.benchmarks.memory import Process
from tests.benchmarks.watch import Course

SPACE = "tests.search.small:Small"


def check(course: Course) -> None:
    # TensorFlow alone takes more than this; no process of 600 rows takes so much.
    for process in (course.before, course.during, course.after):
        assert 100 * 2**20 < process.unique < 8 * 2**30
        assert process.unique <= process.resident
    assert course.during.unique >= max(course.before.unique, course.after.unique)


def test_the_most_is_taken_of_each_figure() -> None:
    before, middle, after = Process(1, 5, 3), Process(4, 2, 9), Process(2, 2, 2)
    course = Course.of(before, [middle], after)
    assert course == Course(before, Process(4, 5, 9), after)


def test_stock_is_watched(tmp_path: Path, log_file: Path) -> None:
    check(worker_memory.stock(log_file, None, SPACE, 1, 1, tmp_path))


@pytest.mark.slow
def test_a_worker_is_watched(tmp_path: Path, log_file: Path) -> None:
    check(worker_memory.ours(log_file, None, SPACE, 1, tmp_path))
