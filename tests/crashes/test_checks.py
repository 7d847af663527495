"""The harness's own checks: each must see what it is there for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results.scoring import save_scores
from tests.crashes import journal, outcome
from tests.crashes.checks import doubled, inexact, lost, torn, unkind
from tests.crashes.journal import COMPLETE, FAILED, PRUNED, WAITING, JournalTrial
from tests.crashes.outcome import Outcome, differences


def trial(
    number: int, index: int | None = None, state: int = COMPLETE, **more: Any
) -> JournalTrial:
    attributes = {"slot": number if index is None else index, **more}
    return JournalTrial(number, state, [number / 10], {"x": number / 10}, attributes)


def trials(*told: JournalTrial) -> dict[int, JournalTrial]:
    return {item.number: item for item in told}


WHOLE = trials(trial(0), trial(1, state=PRUNED), trial(2, state=FAILED), trial(3, index=2))


def test_a_whole_search_is_in_order() -> None:
    assert lost(journal.reported(WHOLE), WHOLE) == []
    assert doubled(WHOLE) == []
    assert inexact(WHOLE, 3) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({}, "lost"),
        (trials(trial(0, state=FAILED)), "lost"),
        (trials(trial(0, state=WAITING)), "lost"),
        (trials(replace(trial(0), values=[0.7])), "changed"),
        (trials(replace(trial(0), params={"x": 0.7})), "changed"),
        (trials(trial(0, result={"val_loss": 1})), "changed"),
    ],
)
def test_a_lost_or_changed_trial_is_seen(after: dict[int, JournalTrial], said: str) -> None:
    (line,) = lost(trials(trial(0)), after)
    assert said in line


def test_a_trial_that_was_told_of_and_is_not_in_the_journal_is_lost() -> None:
    assert lost({0: JournalTrial(0)}, trials(trial(0))) != []


def test_a_doubled_trial_is_seen() -> None:
    assert doubled(trials(trial(0), trial(1, index=0))) == ["index 0 was run 2 times"]


def test_a_trial_that_workers_died_of_has_had_its_index() -> None:
    others = trial(0), trial(1)
    died = trial(2, state=FAILED, reason="its worker died 3 times (signal 9)")
    assert inexact(trials(*others, died), 3) == []
    assert inexact(trials(*others, trial(2, state=FAILED, reason="its worker died")), 3) != []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([trial(0), trial(1)], "index 2 was not run"),
        ([trial(0), trial(1), trial(2), trial(3)], "4 trials have ended"),
        ([trial(0), trial(1), trial(2, state=FAILED)], "index 2 was not run"),
        ([trial(0), trial(1), trial(2, state=WAITING)], "trial 2 has not ended"),
        ([trial(0), trial(1), replace(trial(2), params={"x": 0.1})], "was tried 2 times"),
    ],
)
def test_an_inexact_budget_is_seen(told: list[JournalTrial], said: str) -> None:
    assert any(said in line for line in inexact(trials(*told), 3))


def test_a_journal_is_replayed_to_its_last_whole_record(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"op_code": 0},
        {"op_code": 4, "state": WAITING, "user_attrs": {"slot": 0}},
        {"op_code": 6, "trial_id": 0, "state": 0},
        {"op_code": 5, "trial_id": 0, "param_name": "x", "param_value_internal": 0.5},
        {"op_code": 6, "trial_id": 0, "state": COMPLETE, "values": [0.25]},
        {"op_code": 6, "trial_id": 0, "state": FAILED, "values": None},
    ]
    path = tmp_path / "journal.log"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + '{"op_code": 4, "st')
    assert journal.read(path) == {0: JournalTrial(0, COMPLETE, [0.25], {"x": 0.5}, {"slot": 0})}
    assert journal.has_claimed(path.read_bytes())
    assert not journal.has_chosen(path.read_bytes())
    assert journal.read(tmp_path / "absent") == {}


def test_half_a_file_under_its_name_is_seen(tmp_path: Path) -> None:
    save_scores(tmp_path / "trials" / "0", np.zeros(3), np.ones(4))
    (tmp_path / "leaderboard.json").write_text('{"rows": []}\n')
    (tmp_path / "report.html").write_text("<html></html>\n")
    (tmp_path / ".1.report.html").write_text("<ht")
    assert torn(tmp_path) == []
    for name in ("trials/0/scores.npz", "leaderboard.json", "report.html"):
        path = tmp_path / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert len(torn(tmp_path)) == 1, name
        path.write_bytes(whole)
    (tmp_path / "best").mkdir()
    assert len(torn(tmp_path)) == 1


def test_tracebacks_and_several_errors_are_seen() -> None:
    assert unkind("12:00:00 reading\nerror: no room\n") == []
    assert unkind("Traceback (most recent call last):\n  File\nOSError: x\n") != []
    assert unkind("error: a\nerror: b\n") != []


OUTCOME = Outcome(
    rows={"place 0": {"val_loss": 0.5, "status": "complete"}},
    csv={"place 0": {"val_loss": "0.5"}},
    facts={"data": {"rows": 700}},
    export={"metrics": {"name": "place 0"}},
    listed=("model.keras",),
    weights={"kernel": np.zeros(3)},
)


def test_float_noise_is_no_difference() -> None:
    noisy = replace(
        OUTCOME,
        rows={"place 0": {"val_loss": 0.5 + 1e-6, "status": "complete"}},
        weights={"kernel": np.full(3, 1e-6)},
    )
    assert differences(OUTCOME, noisy) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": {"place 0": {"val_loss": 0.51, "status": "complete"}}},
        {"rows": {"place 0": {"val_loss": 0.5, "status": "pruned"}}},
        {"rows": {"place 1": {"val_loss": 0.5, "status": "complete"}}},
        {"csv": {"place 0": {"val_loss": ""}}},
        {"facts": {"data": {"rows": 701}}},
        {"export": {"metrics": {"name": "place 1"}}},
        {"listed": ()},
        {"weights": {"kernel": np.full(3, 0.01)}},
        {"weights": {"kernel": np.zeros(4)}},
        {"weights": {}},
    ],
)
def test_a_difference_is_seen(changed: dict[str, Any]) -> None:
    assert len(differences(OUTCOME, replace(OUTCOME, **changed))) == 1


def test_what_is_measured_anew_is_left_out() -> None:
    row = {"name": "trial 3", "latency_us": 1, "train_seconds": 2, "pareto": True, "val_loss": 3}
    assert outcome._steady(row) == {"val_loss": 3}


def test_a_repeated_trial_is_out_of_order() -> None:
    assert journal.in_order(trials(trial(0), trial(1)))
    assert not journal.in_order(trials(trial(1), trial(2, index=0)))


def test_a_name_becomes_its_place_wherever_it_stands() -> None:
    facts = {"selection": {"champion": "trial 20", "share": 1.0}, "rows": ["trial 1", "linear"]}
    placed = outcome._placed(facts, {"trial 20": "place 4"})
    assert placed == {
        "selection": {"champion": "place 4", "share": 1.0},
        "rows": ["trial 1", "linear"],
    }
