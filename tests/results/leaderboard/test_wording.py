"""The first line says who won, and never more than the figures hold; what stands below it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from results.leaderboard import (
    COLUMNS,
    Leaderboard,
    describe_export,
    describe_known_texts,
    format_share,
    rank_results,
    render_markdown,
    render_table,
    verdict,
)
from results.leaderboard.columns import format_p
from results.leaderboard.wording import describe_facts, describe_legend, describe_reasons
from results.study import BEHIND, BUDGET_ENDED, Status
from tests.results.boards import (
    DATA,
    LABELS,
    PROTOCOL,
    baseline,
    board,
    refit,
    right_in_all_but,
    trial,
)

# Rows that are wrong: of the champion, Model 2 and the linear baseline; and what is said of them.
# Against linear in the first: 2 of 22 is p = 508 / 2**22, the larger of two and so not corrected.
VERDICTS = [
    (
        (range(2), range(100, 140), range(500, 520)),
        "beats Model 2 by 3.8 points (.9980 against .9600, p < .0001) "
        "and beats the linear baseline by 1.8 points (.9980 against .9800, p = .0001)",
    ),
    (
        (range(2), range(100, 140), range(5, 8)),
        "beats Model 2 by 3.8 points (.9980 against .9600, p < .0001), "
        "but does not beat the linear baseline: 0.1 points ahead "
        "(.9980 against .9970, p = 1.0000, not significant)",
    ),
    (
        (range(30), range(100, 180), range(0)),
        "beats Model 2 by 5.0 points (.9700 against .9200, p < .0001), "
        "but loses to the linear baseline by 3.0 points (.9700 against 1.0000, p < .0001)",
    ),
    (
        (range(10), range(100, 115), range(10)),
        "does not beat Model 2: 0.5 points ahead (.9900 against .9850, p = .8487, not significant) "
        "and does not beat the linear baseline: level "
        "(.9900 against .9900, p = 1.0000, not significant)",
    ),
    (
        (range(50), range(0), range(52)),
        "loses to Model 2 by 5.0 points (.9500 against 1.0000, p < .0001) "
        "and does not beat the linear baseline: 0.2 points ahead "
        "(.9500 against .9480, p = .5000, not significant)",
    ),
    (
        (range(2), range(0), None),
        "does not beat Model 2: 0.2 points behind (.9980 against 1.0000, p = .5000, not "
        "significant); the linear baseline is not there to compare with",
    ),
    (
        (range(10), None, None),
        "reaches .9900 (.9817 to .9946 at 95 %); "
        "Model 2 and the linear baseline are not there to compare with",
    ),
]


@pytest.mark.parametrize(
    ("data", "legend", "facts"),
    [
        ({"label_words": ["ham", "spam"]}, "of spam rows found, if at most .1 % of the ham ones "
         "are called spam too;", "data: label 0 ham, label 1 spam"),
        ({"label_words": ["{x}", "a\x1b[2Jb"]}, "share of {x} rows called a [2Jb, at .5;",
         "data: label 0 {x}, label 1 a [2Jb"),
        ({"rows": 3}, "of malicious rows found, if at most .1 % of the normal ones are called "
         "malicious too;", "data: rows 3"),
        ({"label_words": "no", "rows": 3}, "share of normal rows called malicious, at .5;",
         "data: label_words no, rows 3, label 0 normal, label 1 malicious"),
    ],
)  # fmt: skip
def test_the_legend_and_the_facts_speak_the_log_s_own_words(
    data: dict[str, Any], legend: str, facts: str
) -> None:
    found = replace(board({"trial 17": range(2)}), data=data, protocol={})
    assert legend in describe_legend(found, COLUMNS)
    assert describe_facts(found) == [facts]


@pytest.mark.parametrize(("wrong", "says"), VERDICTS)
def test_the_champion_beats_loses_or_is_level(wrong: tuple[range | None, ...], says: str) -> None:
    named = dict(zip(("trial 17", "model2", "linear"), wrong, strict=True))
    found = board({name: rows for name, rows in named.items() if rows is not None})
    assert verdict(found) == f"Model 3 (trial 17) {says}"


def test_the_correction_can_take_a_win_away_but_other_trials_cannot() -> None:
    alone = {"trial 17": range(0), "model2": range(100, 106)}  # 6 of 6: p = .0312
    assert "beats Model 2" in verdict(board(alone))
    both = {**alone, "linear": range(0)}
    assert "does not beat Model 2: 0.6 points ahead (1.0000 against .9940, p = .0625" in verdict(
        board(both)
    )
    crowded = {**alone, **{f"trial {n}": range(0) for n in range(10)}}
    assert verdict(board(crowded)) == verdict(board(alone))


@pytest.mark.parametrize(
    ("rows", "wrong_rows", "says"),
    [
        (10_000, 3, "0.03 points ahead (1.0000 against .9997"),
        (25_000, 1, "less than 0.01 points ahead (1.0000 against .9999"),
    ],
)
def test_less_than_a_tenth_of_a_point_is_not_called_nothing(
    rows: int, wrong_rows: int, says: str
) -> None:
    rivals = [trial(17), baseline("linear")]
    labels = np.arange(rows) % 2
    right = np.where(labels == 1, 0.9, 0.1)
    wrong = np.where(np.arange(rows) < wrong_rows, 1 - right, right)
    scores = {"trial 17": right, "linear": wrong}
    line = verdict(rank_results(rivals, labels, scores, "trial 17", DATA, PROTOCOL))
    assert f"does not beat the linear baseline: {says}" in line


def test_several_seeds_are_told_of_beside_the_luck_of_the_rows() -> None:
    first = {"trial 17": right_in_all_but(range(2)), "model2": right_in_all_but(range(100, 140))}
    others = {
        "trial 17": [right_in_all_but(range(4)), right_in_all_but(range(6))],
        "model2": [right_in_all_but(range(20))],
    }
    rivals = [trial(17), baseline("model2")]
    line = verdict(rank_results(rivals, LABELS, first, "trial 17", DATA, PROTOCOL, others))
    assert "beats Model 2 by 3.8 points (.9980 against .9600, p < .0001); over 3 seeds" in line
    # .998, .996 and .994 against .96 and .98.
    assert "; over 3 seeds .9960 ± .0020 against .9700 ± .0141 for Model 2 over 2 seeds" in line
    alone = {"trial 17": others["trial 17"]}
    line = verdict(rank_results(rivals, LABELS, first, "trial 17", DATA, PROTOCOL, alone))
    assert "; over 3 seeds .9960 ± .0020; the linear" in line
    best = verdict(rank_results(rivals[1:], LABELS, first, None, DATA, PROTOCOL, others))
    assert "Model 2 reaches .9600" in best and "; over 2 seeds .9700 ± .0141; the" in best


def test_a_model_2_that_diverged_is_said_to_have() -> None:
    scores = {"trial 17": right_in_all_but(range(0)), "model2": np.full(1000, np.nan)}
    diverged = baseline("linear")
    results = [trial(17), trial(18), diverged]
    results[1] = type(diverged)("model2", "baseline", "diverged", reason="loss is nan")
    line = verdict(rank_results(results, LABELS, scores, "trial 17", DATA, PROTOCOL))
    assert "beats Model 2, which diverged, by 50.0 points (1.0000 against .5000" in line


def test_without_a_champion() -> None:
    line = verdict(board({"model2": range(40), "linear": range(0)}, None))
    assert line == (
        "No Model 3 was searched for; best of the rest: the linear baseline is 4.0 points ahead "
        "of Model 2 (1.0000 against .9600, exploratory p < .0001)"
    )
    line = verdict(board({"model2": range(0)}, None, trial(1, "failed"), trial(2, "pruned")))
    assert line == (
        "No Model 3 was chosen (1 failed, 1 pruned); best of the rest: Model 2 reaches 1.0000 "
        "(.9962 to 1.0000 at 95 %); the linear baseline is not there to compare with"
    )
    assert verdict(board({}, None)) == "No Model 3 was searched for"


def test_a_champion_without_held_out_score() -> None:
    line = verdict(board({"model2": range(0)}, "trial 5", trial(5)))
    assert line == "Model 3 (trial 5) was chosen, but has no held-out score"


@pytest.mark.parametrize(
    ("value", "text"), [(0.99671, ".9967"), (1.0, "1.0000"), (0.0, ".0000"), (None, "-")]
)
def test_shares(value: float | None, text: str) -> None:
    assert format_share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00009, "< .0001"), (0.0001, "= .0001"), (1.0, "= 1.0000")]
)
def test_p_values(value: float, text: str) -> None:
    assert format_p(value) == text


FIRST = {"trial 17": range(2), "model2": range(100, 140), "linear": range(500, 520)}


@pytest.mark.parametrize(
    ("refits", "says"),
    [
        (
            {"trial 17": range(2), "model2": range(100, 130), "linear": range(500, 503)},
            "reaches .9980 against .9700 for Model 2 (p < .0001) and .9970 for the linear baseline "
            "(p = 1.0000, not significant)",
        ),
        (
            {"trial 17": range(30), "linear": range(100, 104)},
            "reaches .9700 against .9960 for the linear baseline (p < .0001)",
        ),
        ({"trial 17": range(10)}, "reaches .9900 (.9817 to .9946 at 95 %)"),
    ],
)
def test_the_second_sentence_compares_refits(refits: dict[str, range], says: str) -> None:
    line = verdict(board({**FIRST, **{f"{name}, refit": wrong for name, wrong in refits.items()}}))
    assert line == f"{verdict(board(FIRST))}. Trained again on all training rows it {says}"


@pytest.mark.parametrize(
    ("status", "says"), [("diverged", "diverged"), ("failed", "failed"), ("pruned", "was stopped")]
)
def test_a_refit_that_did_not_come_to_its_end_is_said_to(status: Status, says: str) -> None:
    line = verdict(board(FIRST, "trial 17", refit("trial 17", status=status, reason="for this")))
    assert line == f"{verdict(board(FIRST))}. Trained again on all training rows it {says}"


def test_without_a_champion_no_refit_is_compared_with_first_trainings() -> None:
    rows = {"model2": range(40), "linear": range(10), "linear, refit": range(0)}
    assert "best of the rest: the linear baseline is" in verdict(board(rows, None))


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
    assert sorted(describe_reasons(found, 400)) == [
        "majority: the same score, 0.3400, for every validation row",
        "trial 0, trial 1, trial 2 and 2 more failed: ValueError: no",
        f"trial 5 pruned: {late}",
        "trial 8 diverged: its weights are not finite after 1 epochs",
        "trial 9: predicts only class 0 on the validation rows",
    ]


def test_a_long_reason_is_cut() -> None:
    (line,) = describe_reasons(board({}, None, trial(1, "failed", reason="no " * 300)), 120)
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
            "exported: trial 17 as it was chosen, since trial 17, refit does not tell the classes "
            "apart (predicts only class 0 on the validation rows).",
        ),
    ],
)
def test_which_champion_is_exported_is_told(values: dict[str, Any], says: str) -> None:
    first = {"trial 17": range(2), "model2": range(9)}
    found = board(first, "trial 17", refit("trial 17", **values))
    assert describe_export(found) == says
    for text in (render_table(found), render_markdown(found)):
        assert says in " ".join(text.split())
    assert "refit: trained again on all training rows" in describe_legend(found, COLUMNS)
    without = board(first)
    assert describe_export(without) == "" and "refit" not in render_table(
        without
    ) + render_markdown(without)


def board_with(repeated: int) -> Leaderboard:
    """Give a board whose first so many held-out rows have texts of the training part."""
    wrong = {
        "trial 17": range(100, 110),
        "model2": range(150, 190),
        "linear": range(195, 205),
        "trial 17, refit": range(0),
        "model2, refit": range(200, 220),
        "linear, refit": range(0),
        "trial 3": range(500),
    }
    results = [
        *(trial(17), baseline("model2"), baseline("linear"), trial(3)),
        *(refit(name) for name in ("trial 17", "model2", "linear")),
        trial(4, "failed"),
    ]
    data = {**DATA, "slices": {"held-out": 1000}, "heldout_repeated": repeated}
    mask = np.arange(1000) < repeated
    scores = {name: right_in_all_but(rows) for name, rows in wrong.items()}
    return rank_results(results, LABELS, scores, "trial 17", data, PROTOCOL, repeated=mask)


NOTE = (
    "200 of the 1,000 held-out rows (20.0%) have a text that stands in the training rows too. "
    "Accuracy on the others: Model 3 (trial 17) 1.0000, Model 2 1.0000, the linear baseline .9938, "
    "Model 3 (trial 17, refit) 1.0000, Model 2, refit .9750, the linear baseline, refit 1.0000. "
    "--drop-duplicates leaves them out."
)


def test_many_repeated_texts_are_a_note_of_the_verdict() -> None:
    found = board_with(repeated=200)
    assert describe_known_texts(found) == NOTE
    assert " ".join(render_table(found).split("\n\n")[1].split()) == NOTE
    for part in ("held-out rows (20.0%)", "the linear baseline .9938"):
        assert part in render_markdown(found)
    by_name = {row.name: row.unrepeated_accuracy for row in found.rows}
    assert by_name["trial 3"] == 0.625 and by_name["trial 4"] is None


def test_where_all_texts_are_repeated_there_is_no_accuracy_without_them() -> None:
    assert describe_known_texts(board_with(repeated=1000)) == (
        "1,000 of the 1,000 held-out rows (100.0%) have a text that stands in the training rows "
        "too. --drop-duplicates leaves them out."
    )


@pytest.mark.parametrize("repeated", [0, 50])
def test_few_repeated_texts_are_no_note(repeated: int) -> None:
    assert describe_known_texts(board_with(repeated)) == ""


def test_runs_that_did_not_count_them_have_no_note() -> None:
    assert describe_known_texts(board({"trial 17": range(3)})) == ""
