"""What the leaderboard says of each result, and in which order."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from results.leaderboard import Leaderboard, Row, rank_results
from results.leaderboard.ranking import _front
from results.scoring import compute_metrics, holm, mcnemar
from tests.results.boards import (
    DATA,
    LABELS,
    PROTOCOL,
    ROWS,
    baseline,
    board,
    everything,
    right_in_all_but,
    trial,
)

SCHEMA = [
    "rank", "name", "kind", "status", "selected", "meets_brief", "layers", "parameters", "epochs",
    "val_accuracy", "val_loss", "heldout_accuracy", "heldout_low", "heldout_high", "heldout_loss",
    "roc_auc", "f1", "false_positive_rate", "delta_vs_model2", "p_vs_model2", "train_seconds",
    "latency_us", "delta_vs_linear", "p_vs_linear", "reason", "ece", "recall_at_fpr_0_1",
    "recall_at_fpr_1", "latency_p99_us", "latency_batch_us", "latency_batch_p99_us", "size_bytes",
    "pareto", "repeats", "repeats_mean", "repeats_std", "repeats_min", "repeats_max", "val_rows",
    "val_partial", "val_auc", "val_f1", "val_recall_at_fpr_0_1", "val_recall_at_fpr_1",
    "champion_refit", "unrepeated_accuracy", "latency_runtime",
]  # fmt: skip


def test_the_schema_and_its_order() -> None:
    assert [field.name for field in fields(Row)] == SCHEMA


def test_finite_first_then_pruned_then_diverged_then_failed() -> None:
    found = everything()
    names = ["trial 17", "linear", "model2", "trial 12", "trial 9", "trial 3"]
    assert [row.name for row in found.rows] == [*names, "model1-as-run", "trial 4"]
    assert [row.rank for row in found.rows] == list(range(1, 9))
    assert [row.name for row in found.rows if row.selected] == ["trial 17"]


def test_a_diverged_result_keeps_its_held_out_accuracy_below_worse_finite_ones() -> None:
    diverged = everything().find("model1-as-run")
    worst = everything().find("trial 12")
    assert diverged is not None and worst is not None
    assert diverged.heldout_accuracy == 0.5  # nan counts as normal, and half of the rows are
    assert diverged.heldout_loss is None and diverged.val_loss is None
    assert diverged.roc_auc is None and diverged.false_positive_rate == 0.0
    assert worst.heldout_accuracy == 0.4 and worst.rank < diverged.rank


def test_one_probability_that_is_not_finite_ranks_as_diverged() -> None:
    spoiled = right_in_all_but(range(0))
    spoiled[5] = np.inf
    scores = {"trial 1": spoiled, "trial 2": right_in_all_but(range(0, 900))}
    found = rank_results([trial(1), trial(2)], LABELS, scores, None, DATA, PROTOCOL)
    assert [row.name for row in found.rows] == ["trial 2", "trial 1"]


def test_figures_are_those_of_the_held_out_rows() -> None:
    row = everything().find("model2")
    assert row is not None
    expected = compute_metrics(LABELS, right_in_all_but(range(100, 120)))
    assert row.heldout_accuracy == expected.accuracy == 0.98
    assert (row.heldout_low, row.heldout_high) == (expected.accuracy_low, expected.accuracy_high)
    assert row.heldout_loss == expected.loss
    assert (row.roc_auc, row.f1) == (expected.roc_auc, expected.f1)
    assert row.false_positive_rate == expected.false_positive_rate == 10 / 500
    assert (row.layers, row.parameters, row.train_seconds) == (4, 26913, 1.5)


def test_ties_go_to_the_lower_loss_then_the_earlier_name() -> None:
    surer = np.where(LABELS == 1, 0.99, 0.01).astype(np.float32)
    same = right_in_all_but(range(0))
    results = [trial(10), trial(2), baseline("model2"), trial(3)]
    scores = {"trial 10": same, "trial 2": same, "model2": same, "trial 3": surer}
    found = rank_results(results, LABELS, scores, None, DATA, PROTOCOL)
    assert [row.name for row in found.rows] == ["trial 3", "model2", "trial 2", "trial 10"]


# Rows that only the rival, or only the reference, gets right.
MODEL2_WRONG, NAN_WRONG = {*range(100, 120)}, {*range(1, ROWS, 2)}
ONLY = {
    ("trial 17", "model2"): (20, 4),
    ("trial 17", "linear"): (2, 0),
    ("linear", "model2"): (20, 6),
    ("model2", "linear"): (6, 20),
    ("trial 12", "model2"): (0, 580),
    ("model1-as-run", "model2"): (len(MODEL2_WRONG - NAN_WRONG), len(NAN_WRONG - MODEL2_WRONG)),
}


def versus(found: Leaderboard, name: str, reference: str) -> tuple[float | None, float | None]:
    row = found.find(name)
    assert row is not None
    if reference == "model2":
        return row.delta_vs_model2, row.p_vs_model2
    return row.delta_vs_linear, row.p_vs_linear


def test_the_champions_p_are_corrected_over_its_two_references_and_no_others() -> None:
    found = everything()
    planned = [("trial 17", "model2"), ("trial 17", "linear")]
    raw = {pair: mcnemar(*only) for pair, only in ONLY.items()}
    expected = raw | dict(zip(planned, holm([raw[pair] for pair in planned]), strict=True))
    assert expected[planned[0]] == 2 * raw[planned[0]]
    for pair, (rival, reference) in ONLY.items():
        assert versus(found, *pair) == pytest.approx(((rival - reference) / ROWS, expected[pair]))
    assert versus(found, "linear", "linear") == versus(found, "model2", "model2") == (None, None)


def test_a_larger_search_does_not_weaken_the_champions_p() -> None:
    wrong = {"trial 17": range(0), "model2": range(100, 112), "linear": range(0)}
    crowded = board(wrong | {f"trial {n}": range(0) for n in range(100, 300)})
    delta, p = versus(crowded, "trial 17", "model2")
    assert (delta, p) == versus(board(wrong), "trial 17", "model2")
    assert p == 2 * mcnemar(12, 0) < 0.001


def test_a_lone_reference_takes_no_correction_and_without_a_champion_all_p_are_raw() -> None:
    wrong = {"trial 17": range(0), "model2": range(100, 107)}
    assert versus(board(wrong), "trial 17", "model2")[1] == mcnemar(7, 0)
    both = board({**wrong, "linear": range(0)}, None)
    assert versus(both, "trial 17", "model2")[1] == mcnemar(7, 0)


def test_differences_are_absent_where_there_is_nothing_to_compare() -> None:
    without = board({"trial 17": range(4), "linear": range(6)})
    assert all(row.delta_vs_model2 is None and row.p_vs_model2 is None for row in without.rows)
    model2 = everything().find("model2")
    pruned = everything().find("trial 3")
    assert model2 is not None and model2.delta_vs_model2 is None and model2.p_vs_model2 is None
    assert pruned is not None and pruned.p_vs_model2 is None and pruned.heldout_low is None


def test_refuses_repeated_names_and_an_unknown_champion() -> None:
    with pytest.raises(ValueError, match="repeat"):
        rank_results([trial(1), trial(1)], LABELS, {}, None, DATA, PROTOCOL)
    with pytest.raises(ValueError, match="champion 'trial 5'"):
        rank_results([trial(1)], LABELS, {}, "trial 5", DATA, PROTOCOL)


def test_the_front_holds_complete_rows_that_nothing_dominates() -> None:
    results = [
        trial(1, latency_us=900.0),
        trial(2, latency_us=800.0),
        trial(3, latency_us=850.0),
        trial(4, latency_us=None),
        trial(5, "diverged", latency_us=1.0),
        trial(6, latency_us=10.0),
    ]
    scores = {
        f"trial {number}": right_in_all_but(range(wrong))
        for number, wrong in ((1, 0), (2, 5), (3, 6), (4, 0), (5, 0), (6, 400))
    }
    found = rank_results(results, LABELS, scores, None, DATA, PROTOCOL)
    assert {row.name for row in found.rows if row.pareto} == {"trial 1", "trial 2", "trial 6"}


def test_costs_and_alarms_are_those_that_were_measured() -> None:
    timed = trial(1, latency_p99_us=9.0, latency_batch_us=3.0, latency_batch_p99_us=4.0)
    timed = replace(timed, size_bytes=49_380)
    scores = {"trial 1": right_in_all_but(range(4))}
    row = rank_results([timed], LABELS, scores, None, DATA, PROTOCOL).rows[0]
    assert (row.latency_p99_us, row.latency_batch_us, row.latency_batch_p99_us) == (9.0, 3.0, 4.0)
    assert row.size_bytes == 49_380
    expected = compute_metrics(LABELS, scores["trial 1"])
    assert row.ece == expected.ece and row.recall_at_fpr_1 == expected.recall_at_fpr_1
    assert row.recall_at_fpr_0_1 == expected.recall_at_fpr_0_1
    pruned = everything().find("trial 3")
    assert pruned is not None and pruned.ece is None and pruned.recall_at_fpr_1 is None


def test_what_rests_on_a_part_of_the_validation_rows_is_told_apart() -> None:
    results = [
        trial(1, val_rows=500),
        trial(2, "pruned", val_rows=100),
        trial(3, "pruned", val_rows=500),  # Stopped at the end of an epoch.
        trial(4, "pruned"),  # Of an earlier version.
    ]
    data = {**DATA, "slices": {"fit": 1500, "validation": 500}}
    rows = rank_results(results, LABELS, {}, None, data, PROTOCOL).rows
    assert [(row.val_rows, row.val_partial) for row in rows] == [
        (500, False), (100, True), (500, False), (None, False),
    ]  # fmt: skip


def test_repeats_are_counted_with_the_first_seed() -> None:
    again = {"trial 1": [right_in_all_but(range(wrong)) for wrong in (20, 30)], "trial 2": []}
    scores = {f"trial {number}": right_in_all_but(range(10)) for number in (1, 2)}
    results = [trial(1), trial(2), trial(3, "pruned")]
    found = rank_results(results, LABELS, scores, "trial 1", DATA, PROTOCOL, again)
    row = found.find("trial 1")
    assert row is not None and row.repeats == 3
    assert row.heldout_accuracy == 0.99  # The first seed's: the others do not choose.
    assert row.repeats_mean == pytest.approx(0.98) and row.repeats_std == pytest.approx(0.01)
    assert (row.repeats_min, row.repeats_max) == (0.97, 0.99)
    for name in ("trial 2", "trial 3"):
        row = found.find(name)
        assert row is not None
        assert (row.repeats, row.repeats_mean, row.repeats_std) == (1, None, None)


REFIT = {
    "trial 17": range(4),
    "trial 12": range(1),
    "model2": range(100, 120),
    "linear": range(500, 506),
    "trial 17, refit": range(2),
    "model2, refit": range(100, 108),
    "linear, refit": range(500, 502),
}


def test_refits_are_ranked_with_the_others_and_compared_with_refits() -> None:
    found = board(REFIT)
    assert [row.name for row in found.rows][:3] == ["trial 12", "linear, refit", "trial 17, refit"]
    refit = found.refit
    assert refit is not None and refit.name == "trial 17, refit"
    assert (refit.kind, refit.selected, refit.val_accuracy) == ("refit", False, None)
    assert refit.delta_vs_model2 == pytest.approx((8 - 2) / ROWS)
    assert refit.delta_vs_linear == 0
    raw = [mcnemar(8, 2), mcnemar(2, 2)]
    assert [refit.p_vs_model2, refit.p_vs_linear] == holm(raw) != raw
    linear = found.find("linear, refit")
    assert linear is not None and (linear.is_planned, refit.is_planned) == (False, True)
    assert linear.p_vs_model2 == mcnemar(8, 2)
    assert (linear.delta_vs_linear, linear.p_vs_linear) == (None, None)


def test_refits_change_nothing_about_the_others() -> None:
    alone = board({name: rows for name, rows in REFIT.items() if "refit" not in name})
    again = [row for row in board(REFIT).rows if row.kind != "refit"]
    assert [replace(row, rank=0) for row in again] == [replace(row, rank=0) for row in alone.rows]


def test_a_refit_without_refit_references_is_compared_with_nothing() -> None:
    found = board({"trial 17": range(4), "model2": range(9), "trial 17, refit": range(2)}).refit
    assert found is not None
    assert (found.delta_vs_model2, found.p_vs_model2, found.delta_vs_linear) == (None, None, None)


def test_the_front_is_of_trainings_on_the_same_rows() -> None:
    assert not any(row.pareto for row in board(REFIT).rows if row.kind == "refit")
    assert any(row.pareto for row in board(REFIT).rows)


def rows_at(points: list[tuple[float, float]]) -> list[Row]:
    """Give complete rows of these accuracies and latencies, named by their index."""
    one = replace(everything().rows[0], status="complete", kind="trial")
    return [
        replace(one, name=str(index), heldout_accuracy=accuracy, latency_us=latency)
        for index, (accuracy, latency) in enumerate(points)
    ]


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] <= other[1] and one != other


few = st.integers(0, 4).map(float)


@given(st.lists(st.tuples(few, few), max_size=12))
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    expected = {
        str(index)
        for index, point in enumerate(points)
        if not any(dominates(other, point) for other in points)
    }
    assert _front(rows_at(points)) == expected
