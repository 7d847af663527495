"""The search over linear models still runs: what it finds, never how long it takes."""

from pathlib import Path

import pytest

from data.common import UserError
from tests.benchmarks import halving_search


@pytest.mark.slow
def test_finds_candidates_and_judges_the_best_one(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(log_file), "--budget", "1s", "--jobs", "1"]
    assert halving_search.main(words) == 0
    told = capsys.readouterr().out
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:4]
        for line in told.splitlines()
        if line.startswith("|")
    }
    val_accuracy, heldout = (float(cell) for cell in rows["halving search"])
    assert 0.6 < val_accuracy <= 1 and 0.6 < heldout <= 1
    assert 0.6 < float(rows["linear"][1]) <= 1
    assert "ngram_range (" in told


def test_a_budget_of_trials_is_refused() -> None:
    with pytest.raises(UserError, match="--budget is a time"):
        halving_search.main(["--budget", "20"])
