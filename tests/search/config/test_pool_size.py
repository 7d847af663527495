"""How many workers there are when the user leaves it to us."""

import os
import subprocess
import sys

import psutil
import pytest

from search.config.pool_size import WORKER_BYTES, cores, default_workers


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.config.pool_size.cores", lambda: 4)


def give_memory(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    now = psutil.virtual_memory()._replace(available=available)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: now)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(("tasks", "workers"), [(None, 4), (40, 4), (2, 2), (0, 1)])
def test_each_core_has_a_worker_if_there_is_work(
    tasks: int | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_memory(monkeypatch, 64 * WORKER_BYTES)
    assert default_workers(tasks) == workers


@pytest.mark.usefixtures("four_cores")
def test_no_more_start_than_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    give_memory(monkeypatch, 3 * WORKER_BYTES - 1)
    assert default_workers(None) == 2
    give_memory(monkeypatch, 1)
    assert default_workers(None) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_cores_that_this_process_may_not_use_do_not_count() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from search.config.pool_size import cores; print(cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1" and 1 <= cores() <= len(os.sched_getaffinity(0))
