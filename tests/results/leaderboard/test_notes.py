"""What stands below the table about trainings that ended oddly, or say nothing."""

from dataclasses import replace
from typing import Any

import pytest

from results.leaderboard import describe_export, render_markdown, render_table
from results.leaderboard.notes import legend, reasons
from results.study import BEHIND, BUDGET_ENDED
from tests.results.boards import baseline, board, refit, trial

WIDE = 400


def test_each_reason_stands_once_with_those_it_holds_for() -> None:
    late = "it trained for longer than --trial-timeout 10m"
    found = board(
        {},
        None,
        *(trial(number, "failed", reason="ValueError: no") for number in range(5)),
        trial(5, "pruned", reason=late),
        trial(6, "pruned", reason=BEHIND),
        trial(7, "pruned", reason=BUDGET_ENDED),
        trial(8, "diverged", reason="its weights are not finite after 1 epochs"),
        trial(9, reason="predicts only class 0 on the validation rows"),
        replace(baseline("majority"), reason="the same score, 0.3400, for every validation row"),
        trial(10),
    )
    assert sorted(reasons(found, WIDE)) == [
        "majority: the same score, 0.3400, for every validation row",
        "trial 0, trial 1, trial 2 and 2 more failed: ValueError: no",
        f"trial 5 pruned: {late}",
        "trial 8 diverged: its weights are not finite after 1 epochs",
        "trial 9: predicts only class 0 on the validation rows",
    ]


def test_a_long_reason_is_cut() -> None:
    (line,) = reasons(board({}, None, trial(1, "failed", reason="no " * 300)), 120)
    assert len(line) <= 120
    assert line.startswith("trial 1 failed: no no")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "exported: trial 17, refit, the champion trained again."),
        (
            {"status": "diverged", "reason": "its loss is not finite after 1 epochs"},
            "exported: trial 17 as it was chosen, since trial 17, refit diverged (its loss is not "
            "finite after 1 epochs).",
        ),
        (
            {"reason": "predicts only class 0 on the validation rows"},
            "exported: trial 17 as it was chosen, since trial 17, refit tells nothing apart "
            "(predicts only class 0 on the validation rows).",
        ),
    ],
)
def test_which_champion_is_exported_is_told(values: dict[str, Any], says: str) -> None:
    first = {"trial 17": range(2), "model2": range(9)}
    found = board(first, "trial 17", refit("trial 17", **values))
    assert describe_export(found) == says
    for text in (render_table(found), render_markdown(found)):
        assert says in " ".join(text.split())
    assert "refit: trained again on all training rows" in legend(found)
    without = board(first)
    assert describe_export(without) == "" and "refit" not in render_table(
        without
    ) + render_markdown(without)
