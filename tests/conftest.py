"""What tests of several packages share: a small log, prepared as a search prepares it."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from data import synthetic
from data.dataset.dataset import Dataset, prepare
from data.reading import read_log
from tests.commands import Warm, warm

ROWS = 600
SHARED_LOG = Path(__file__).parents[2] / "shared" / "data" / "http-params-access.csv.xz"


def pytest_configure() -> None:
    """Let the processes of tests be interrupted even where ours, a job of a shell, ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # Until the tests are collected: what is imported for them stays.


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files whose tests may take longest: none is then left alone at the end."""
    longest: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), marker.args[0] if marker else 0.0)
    items.sort(key=lambda item: longest[item.path], reverse=True)


def pytest_collection_finish() -> None:
    """Spare the collector what is imported by now, as the worker of a search does.

    Keras and KerasTuner let it run at every training, through everything there is.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Show all again: Hypothesis, if it is imported only now, looks at what refers to what."""
    gc.unfreeze()


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with warm(tmp_path_factory.mktemp("commands")) as started:
        yield started


@pytest.fixture(scope="session")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic log of 600 rows: 337 to fit, 113 to validate, 150 held out."""
    path = tmp_path_factory.mktemp("log") / "access.csv"
    synthetic.write(path, ROWS)
    return path


@pytest.fixture(scope="session")
def dataset(log_file: Path) -> Dataset:
    """The log as a worker sees it: saved, and mapped into memory."""
    prepared = prepare(read_log(str(log_file)), batch_size=32)
    prepared.save(log_file.with_name("data"))
    return Dataset.load(log_file.with_name("data"))


@pytest.fixture(scope="session")
def shared_log() -> Path:
    """The real 26,773-row log that lies beside the checkout, not inside it."""
    if not SHARED_LOG.exists():
        pytest.skip(f"the shared log is not at {SHARED_LOG}")
    return SHARED_LOG
