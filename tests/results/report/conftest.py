"""Two runs with their reports: a plain one, and one whose every text is an attack."""

from pathlib import Path

import pytest

from results.leaderboard import build_leaderboard
from results.report import write
from results.study import Store
from tests.results.reported import PAYLOADS, make_run

WORDS = ("tee", "O'Brien", "R&D")


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run of every status."""
    folder = tmp_path_factory.mktemp("plain")
    return make_run(folder / "run", logged=WORDS, words=("cell", "b"))


@pytest.fixture(scope="package")
def page(store: Store) -> Path:
    """Its report."""
    return write(store, build_leaderboard(store))


@pytest.fixture(scope="package")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run whose texts are attacks."""
    folder = tmp_path_factory.mktemp("hostile")
    words = (PAYLOADS[3], PAYLOADS[10])
    store = make_run(folder / PAYLOADS[2], logged=PAYLOADS, words=PAYLOADS, label_words=words)
    return write(store, build_leaderboard(store))
