"""Optuna's dashboard opens a run's study as it is."""

import importlib.util
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results.study import ACCURACY, Store, close_storage
from search.queue import claim_trial

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.skipif(
        importlib.util.find_spec("optuna_dashboard") is None,
        reason="optuna-dashboard is not installed (pip install 'model3-search[dashboard]')",
    ),
]


@pytest.fixture(params=["journal", "postgresql"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("database").url
    store = Store.create(
        tmp_path / "shown", [ACCURACY], name="shown", url=url, data={}, protocol={}
    )
    for value in (0.5, 0.75):
        trial = claim_trial(store.study)
        assert trial is not None
        trial.suggest_float("rate", 0.0, 1.0)
        trial.report(value, 1)
        store.study.tell(trial, value)
    yield store
    close_storage(store.study._storage)


def test_reads_the_study_as_it_is(run: Store) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("optuna-dashboard"))
    place = run.url or str(run.folder / "journal.log")
    process = subprocess.Popen(
        [program, "--host", "127.0.0.1", "--port", str(port), place.replace("l:", "l+psycopg:")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        (study,) = ask(port, "/api/studies")["study_summaries"]
        assert study["study_name"] == "shown"
        trials = ask(port, f"/api/studies/{study['study_id']}")["trials"]
        assert [trial["state"] for trial in trials] == ["Complete", "Complete"]
        assert [trial["values"] for trial in trials] == [[0.5], [0.75]]
    finally:
        process.kill()
        process.wait()


def ask(port: int, path: str) -> Any:
    """Ask the dashboard's interface, waiting for it to start."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
