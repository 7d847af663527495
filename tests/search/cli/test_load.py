"""What is said of a log that has been read for a search."""

import json
from pathlib import Path

import pytest

from search.cli import load_dataset
from search.config import parse


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """A log of which one row in twenty is an attack."""
    path = tmp_path / "rare.jsonl"
    rows = [{"path": f"/{number}", "label": int(number % 20 == 0)} for number in range(400)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize(("objective", "lines"), [("val_accuracy", 1), ("val_auc", 0)])
def test_a_rare_label_is_told_in_one_line_unless_the_objective_minds_it(
    rare: Path, caplog: pytest.LogCaptureFixture, objective: str, lines: int
) -> None:
    load_dataset(parse(["--budget", "1", "--data", str(rare), "--objective", objective]))
    advice = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(advice) == lines
    assert all("5.0 % of the rows" in line and "val_auc" in line for line in advice)


def test_a_log_of_both_labels_needs_no_advice(
    log_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_dataset(parse(["--budget", "1", "--data", str(log_file)]))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
