"""How many workers there are when the user leaves it to us."""

import psutil
import pytest

from search.config.pool_size import WORKER_BYTES, default_workers


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.config.pool_size.count_cores", lambda: 4)


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
