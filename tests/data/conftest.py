"""What several tests of the data package share."""

from pathlib import Path

import pytest
from hypothesis import settings

SHARED_LOG = Path(__file__).parents[3] / "shared" / "data" / "http-params-access.csv.xz"

# No deadline: a busy machine is no failure.
settings.register_profile("data", deadline=None)
settings.load_profile("data")


@pytest.fixture(scope="session")
def shared_log() -> Path:
    """The real 26,773-row log that lies beside the checkout, not inside it."""
    if not SHARED_LOG.exists():
        pytest.skip(f"the shared log is not at {SHARED_LOG}")
    return SHARED_LOG
