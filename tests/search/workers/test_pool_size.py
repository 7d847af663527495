"""How many workers there are when the user leaves it to us."""

import os
import subprocess
import sys

import psutil
import pytest

from search.workers.pool_size import WORKER_BYTES, Workforce, cores, workforce


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.workers.pool_size.cores", lambda: 4)


def give_memory(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    now = psutil.virtual_memory()._replace(available=available)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: now)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("wanted", "tasks", "have"),
    [
        (None, None, Workforce(4, 1)),
        (None, 40, Workforce(4, 1)),
        (None, 2, Workforce(2, 2)),
        (None, 0, Workforce(1, 4)),
        (3, 1, Workforce(3, 1)),
        (1, None, Workforce(1, 4)),
        (9, None, Workforce(9, 1)),
    ],
)
def test_each_core_has_a_worker_where_there_is_work(
    wanted: int | None, tasks: int | None, have: Workforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_memory(monkeypatch, 64 * WORKER_BYTES)
    assert workforce(wanted, tasks) == have


@pytest.mark.usefixtures("four_cores")
def test_no_more_start_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    give_memory(monkeypatch, 3 * WORKER_BYTES - 1)
    assert workforce(None, None) == Workforce(2, 2)
    give_memory(monkeypatch, 1)
    assert workforce(None, None) == Workforce(1, 4)
    assert workforce(4, None) == Workforce(4, 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_cores_that_this_process_may_not_use_do_not_count() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from search.workers.pool_size import cores; print(cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1" and 1 <= cores() <= len(os.sched_getaffinity(0))
