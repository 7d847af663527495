"""Optuna's dashboard opens a run's study as it is, and shows the values of the leaderboard."""

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from results.study import ACCURACY, Store, close_storage
from search import run_search
from search.queue import claim_trial
from tests.search.messages import messages

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

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
    place = run.url or str(run.folder / "journal.log")
    with dashboard(place.replace("l:", "l+psycopg:")) as port:
        (study,) = ask(port, "/api/studies")["study_summaries"]
        assert study["study_name"] == "shown"
        trials = ask(port, f"/api/studies/{study['study_id']}")["trials"]
        assert [trial["state"] for trial in trials] == ["Complete", "Complete"]
        assert [trial["values"] for trial in trials] == [[0.5], [0.75]]


@pytest.mark.timeout(600)
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
def test_shows_the_values_of_the_leaderboard_in_a_browser(
    tmp_path: Path, browser: webdriver.Chrome
) -> None:
    run = run_search(
        messages(500), budget=2, space="tests.search.small:Stepped", split="stratified",
        baselines="none", epochs=1, workers=1, refit=False, out=tmp_path, study="shown",
    )  # fmt: skip
    board = run.leaderboard().set_index("name")["val_accuracy"]
    trials = Store.open(run.folder).trials()
    assert [trial.name for trial in trials] == sorted(board.index) == ["trial 0", "trial 1"]
    with dashboard(str(run.folder / "journal.log")) as port:
        (study,) = ask(port, "/api/studies")["study_summaries"]
        at = f"http://127.0.0.1:{port}/dashboard/studies/{study['study_id']}/trials?numbers="
        for number, trial in enumerate(trials):
            browser.get(f"{at}{number}")
            value, parameters = shown_of_trial(browser, number)
            assert value == board[trial.name]
            assert parameters == {name: str(it) for name, it in trial.hyperparameters.items()}


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


def shown_of_trial(browser: webdriver.Chrome, number: int) -> tuple[float, dict[str, str]]:
    """Read a trial's value and its parameters, by name, from the page of the trial."""

    def lines(driver: webdriver.Chrome) -> list[str]:
        words: list[str] = driver.find_element(By.TAG_NAME, "body").text.splitlines()
        starts = [place for place, line in enumerate(words) if line.startswith(f"Trial {number} (")]
        return words[starts[0] :] if starts and "Started At" in words else []

    page = WebDriverWait(browser, 120).until(lines)
    value = float(page[page.index("Intermediate Values") - 1].split(" ")[-1])
    parameters = page[page.index("Parameter") + 1 : page.index("Started At")]
    # Behind a name its conditions may stand.
    parts = [(line.split(" ")[0], line.split(" ")[-1]) for line in parameters]
    return value, dict(parts)


@contextmanager
def dashboard(place: str) -> Iterator[int]:
    """Start a dashboard for a study's place; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("optuna-dashboard"))
    process = subprocess.Popen(
        [program, "--host", "127.0.0.1", "--port", str(port), place],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
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
