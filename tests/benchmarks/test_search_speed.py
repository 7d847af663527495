"""The benchmark of searches still runs: what it runs and counts, never how long it takes."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from data.common import UserError
from data.dataset import Dataset
from tests.benchmarks import search_speed, search_stock
from tests.benchmarks.measuring import run_for
from tests.benchmarks.search_figures import Finished, Side, load, show

STOCK = Side(
    1200.0,
    (
        Finished(100.0, "complete", 0.90),
        Finished(500.0, "failed", None),
        Finished(590.0, "complete", 0.95),
        Finished(1100.0, "complete", 0.97),
    ),
)
OURS = Side(
    600.0,
    (
        Finished(30.0, "complete", 0.96),
        Finished(31.0, "pruned", None),
        Finished(60.0, "complete", 0.98),
        *[Finished(70.0 + index, "pruned", None) for index in range(27)],
        Finished(600.0, "cut", None),
        Finished(601.0, "complete", 0.99),
    ),
)

SMALL = "tests.search.small:Small"


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_trials_are_counted_in_the_time_that_both_had() -> None:
    text = show([{"stock": STOCK, "ours": OURS}])
    assert "| in 600 s " in text
    counts = text[: text.index("best val.")]
    # finished, complete, pruned, diverged, failed, cut, ratio, an hour
    assert cells(counts, "stock")[1:] == ["2", "2", "0", "0", "1", "0", "15.0", "9.0"]
    assert cells(counts, "search.run")[1:] == ["30", "2", "28", "0", "0", "1", "", "180.0"]
    assert cells(text, "trials in equal time")[1:4] == ["15.0"] * 3
    assert cells(text, "trials an hour")[1:4] == ["20.0"] * 3


def test_time_to_an_accuracy_is_a_share_of_stocks_own() -> None:
    text = show([{"stock": STOCK, "ours": OURS}])
    assert "0.9700, after 1100 s; ours reached it after 60 s, 0.055 of stock's time to it" in text
    way = text[text.index("best val.") :]
    assert cells(way, "stock")[1:] == [
        "-", "0.9000", "0.9000", "0.9500", "0.9700", "0.9700", "1200 s"
    ]  # fmt: skip
    assert cells(way, "search.run")[1:] == [
        "0.9800", "0.9800", "0.9800", "0.9800", "-", "0.9800", "600 s"
    ]  # fmt: skip
    slow = Side(600.0, OURS.trials[:2])
    text = show([{"stock": STOCK, "ours": slow}, {"stock": STOCK, "ours": OURS}])
    assert "ours did not reach it in 600 s" in text
    assert cells(text, "time to stock's best")[1:] == ["0.055", "0.055", "0.055", "1 of 2"]


def test_without_a_finished_trial_there_is_no_ratio() -> None:
    text = show([{"stock": Side(600.0, ()), "ours": OURS}])
    assert "stock completed no trial in 600 s" in text
    assert "above 30" in text
    assert cells(text, "trials in equal time")[1:] == ["-", "-", "-", "0 of 1"]


def test_a_process_is_killed_on_time_with_its_children_and_its_lines_stay(tmp_path: Path) -> None:
    to, alive = tmp_path / "stock.jsonl", tmp_path / "alive"
    child = f"import time; time.sleep(1.5); open({str(alive)!r}, 'w')"
    program = (
        "import json, subprocess, sys, time\n"
        "line = {'ended': time.time(), 'status': 'complete', 'val_accuracy': 0.5}\n"
        f"open({str(to)!r}, 'w').write(json.dumps(line) + '\\n' + '{{\"ended\": 1')\n"
        f"subprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    ran = run_for([sys.executable, "-c", program], tmp_path / "log", 1.0, lambda: "it")
    assert ran.status is None
    (trial,) = search_speed.read_lines(to, 0.0)
    assert trial.val_accuracy == 0.5
    time.sleep(1.5)  # A child that had outlived its parent would have written by then.
    assert not alive.exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras-tuner", "optuna"])
def test_stock_records_each_trial(kind: str, dataset: Dataset, tmp_path: Path) -> None:
    to = tmp_path / "trials.jsonl"
    words = ["--data", dataset.folder, "--to", to, "--trials", 2, "--epochs", 1, "--length", 64]
    assert search_stock.main([kind, *map(str, words), "--space", SMALL]) == 0
    trials = search_speed.read_lines(to, 0.0)
    assert [trial.status for trial in trials] == ["complete"] * 2
    rows = len(dataset.split.validation)
    for trial in trials:
        right = (trial.val_accuracy or 0.0) * rows
        assert 0 < right == pytest.approx(round(right), abs=1e-3)


@pytest.mark.timeout(300)  # A whole search, in processes of its own.
@pytest.mark.slow
def test_ours_is_run_and_joined_with_what_was_kept(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    words = ["--data", log_file, "--rows", 300, "--epochs", 1, "--json", figures]
    given = [*map(str, words), "--out", str(tmp_path / "runs"), "--stock", "0", "--optuna", "0"]
    given += ["--space", SMALL, "--workers", "1"]
    assert search_speed.main([*given, "--ours", "1"]) == 0
    content = json.loads(figures.read_text())
    (sides,) = content["repeats"]
    (trial,) = sides["ours"]["trials"]
    assert trial["status"] == "complete"
    assert 0.0 < trial["seconds"] < sides["ours"]["seconds"]
    sides["stock"] = asdict(Side(1200.0, (Finished(1.0, "complete", 0.0),)))
    figures.write_text(json.dumps(content))
    capsys.readouterr()
    assert search_speed.main(["--from", str(figures)]) == 0
    assert "ours reached it after" in capsys.readouterr().out
    with pytest.raises(UserError, match="was measured with epochs = 1, not 2"):
        search_speed.main([*given, "--ours", "1", "--epochs", "2"])


@pytest.mark.slow
def test_all_sides_run_for_a_time(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", log_file, "--out", tmp_path, "--json", tmp_path / "figures.json"]
    times = ["--stock", "40s", "--ours", "30s", "--optuna", "40s", "--length", "64"]
    assert search_speed.main([*map(str, words), *times, "--epochs", "1"]) == 0
    _, (sides,) = load(tmp_path / "figures.json")
    assert [side.seconds for side in sides.values()] == [40.0, 30.0, 40.0]
    assert all(trial.seconds <= 41.0 for trial in sides["stock"].trials)
    assert "in 30 s" in capsys.readouterr().out
