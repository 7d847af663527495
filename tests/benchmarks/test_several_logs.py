"""The table of several logs: means over the seeds, shares of errors, and who wins how often."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from data.common import UserError
from results.leaderboard import Leaderboard, render_json
from tests.benchmarks.several_logs import lines, main
from tests.results.boards import ROWS, board

NAMES = ("linear", "linear, refit", "model2", "model2, refit", "trial 1", "trial 1, refit")


def searched(log: str, wrong: Sequence[int]) -> Leaderboard:
    """Give the leaderboard of a run whose six trainings are wrong in so many rows each."""
    first = {name: range(count) for name, count in zip(NAMES, wrong, strict=True)}
    found = board(first, "trial 1")
    assert found.refit is not None
    return replace(found, data={"fingerprint": log, "rows": 4000, "slices": {"held-out": ROWS}})


def test_a_log_is_the_mean_of_its_seeds_and_the_end_the_geometric_mean_of_the_logs() -> None:
    boards = {
        "sms-0": searched("sms", (40, 39, 80, 70, 30, 9)),
        "urls-0": searched("urls", (10, 7, 50, 40, 20, 29)),
        "sms-1": searched("sms", (40, 39, 90, 70, 20, 39)),
    }
    sms, urls, mean = lines(boards)
    assert sms[:8] == ["sms-0", "4,000", ".9600", ".9610", ".9150", ".9300", ".9750", ".9760"]
    share = (9.5 / 39.5) ** 0.5  # of 9 wrong rows in the one seed; as many as linear in the other
    assert sms[8:] == [f"{share:.2f}", "1, 0 of 2"]
    assert urls[8:] == [f"{29.5 / 7.5:.2f}", "0, 1 of 1"]
    assert mean == ["geometric mean", *[""] * 7, f"{(share * 29.5 / 7.5) ** 0.5:.2f}", "1, 1 of 3"]


def test_it_reads_finished_runs_and_names_the_one_that_lacks_a_refit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = searched("sms", (40, 39, 80, 70, 30, 9))
    for name, rows in (("whole", whole.rows), ("cut", whole.rows[1:])):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "leaderboard.json"
        path.write_text(render_json(replace(whole, rows=rows)), encoding="utf-8")
    assert main([str(tmp_path / "whole")]) == 0
    assert "| whole " in capsys.readouterr().out
    with pytest.raises(UserError, match="cut lacks the champion, linear, Model 2, or the refit"):
        main([str(tmp_path / "cut")])
