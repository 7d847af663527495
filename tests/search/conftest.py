"""Fixtures of the search's tests."""

from collections.abc import Iterator
from functools import wraps
from typing import Any

import pytest

from tests.search import processes


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
