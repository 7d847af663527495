"""What several tests of the data package share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a busy machine is no failure.
settings.register_profile("data", deadline=None)
settings.load_profile("data")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Write a log and return its path."""
    path = tmp_path / "log.csv"

    def to_file(content: str | bytes) -> str:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return to_file
