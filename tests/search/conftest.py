"""Fixtures of the search's tests."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.search import postgresql, processes


@pytest.fixture
def study() -> optuna.Study:
    """A study in memory, to be minimized by random trials."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


@pytest.fixture
def start() -> Iterator[processes.Start]:
    """Starts searches in processes of their own, and ends those that a failed test left."""
    started: list[processes.Searching] = []

    @wraps(processes.start)
    def start(*args: Any, **kwargs: Any) -> processes.Searching:
        started.append(processes.start(*args, **kwargs))
        return started[-1]

    yield start
    for search in started:
        search.kill()


@pytest.fixture
def database() -> Iterator[postgresql.Server]:
    """A PostgreSQL server of the test's own."""
    # pytest's own folders are closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    folder.chmod(0o755)
    try:
        with postgresql.server(folder) as running_server:
            yield running_server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
