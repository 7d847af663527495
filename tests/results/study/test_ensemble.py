"""The mean of the best trials: who its members are, what its row says, and what it never is."""

import csv
import io
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState

from data.common.errors import UserError
from results.export.command import find_result
from results.leaderboard import (
    build_leaderboard,
    load_leaderboard,
    render_csv,
    render_markdown,
    render_table,
    save_leaderboard,
)
from results.report import write as write_report
from results.scoring import SCORES, accuracy, cross_entropy, mcnemar, wilson
from results.study import ACCURACY, OBJECTIVES, Result, Store, build_ensemble, choose_ensemble
from tests.results.reported import make_run

LATENCY = OBJECTIVES["latency_us"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of five complete trials, trial 0 the champion, one pruned and one failed."""
    return make_run(tmp_path / "run")


def test_its_probabilities_are_the_mean_of_the_best_trials(store: Store) -> None:
    assert choose_ensemble(store, 3) == ("trial 0", "trial 1", "trial 2")
    made = build_ensemble(Store.open(store.folder))
    assert made is not None
    result, heldout = made
    members = store.trials()[:3]
    scores = [store.scores(member) or {} for member in members]
    np.testing.assert_allclose(heldout, np.mean([s["heldout"] for s in scores], 0), atol=1e-7)
    assert heldout.dtype == np.float32
    validation = np.mean([s["validation"] for s in scores], 0)
    labels = store.dataset.labels[store.dataset.split.validation]
    assert result.val_accuracy == accuracy(labels, validation)
    assert result.val_loss == pytest.approx(cross_entropy(labels, validation))
    for figure in ("parameters", "train_seconds", "latency_us", "epochs", "size_bytes"):
        assert getattr(result, figure) == sum(getattr(member, figure) for member in members)
    assert result.latency_runtime == "onnx"
    # A sum of 99th percentiles is none.
    assert (result.layers, result.latency_us is None, result.latency_p99_us) == (None, False, None)


def test_its_row_is_tested_as_any_trial_and_is_never_selected(store: Store) -> None:
    before = build_leaderboard(store)
    choose_ensemble(store, 3)
    board = build_leaderboard(store)
    (row,) = [row for row in board.rows if row.kind == "ensemble"]
    assert (row.name, row.status, row.selected) == ("ensemble of 3", "complete", False)
    assert row.reason == "the mean of trial 0, trial 1, trial 2"
    labels = store.heldout_labels()
    made, model2 = build_ensemble(store), store.heldout_probabilities()["model2"]
    assert made is not None and row.heldout_accuracy == accuracy(labels, made[1])
    right, other = (made[1] > 0.5) == labels, (model2 > 0.5) == labels
    assert (row.heldout_low, row.heldout_high) == wilson(int(right.sum()), len(labels))
    p = mcnemar(int((right & ~other).sum()), int((other & ~right).sum()))
    assert row.p_vs_model2 == p
    assert row.delta_vs_linear is not None
    # All else stays: the champion, how often it is chosen, and the front of single trainings.
    assert (board.champion and board.champion.name) == "trial 0" == store.champion
    assert board.selection == before.selection
    front = {row.name for row in before.rows if row.pareto}
    assert {row.name for row in board.rows if row.pareto} == front
    assert len(store.trials()) == 7 and "ensemble of 3" not in {r.name for r in store.results()}
    with pytest.raises(UserError, match="--trial is 'ensemble of 3'"):
        find_result(store.results(), store.champion, "ensemble of 3")


def test_every_form_of_the_board_shows_it(store: Store) -> None:
    choose_ensemble(store, 2)
    board = build_leaderboard(store)
    save_leaderboard(board, store.folder)
    assert load_leaderboard(store.folder / "leaderboard.json") == board
    for text in (render_table(board), render_markdown(board)):
        assert "ensemble of 2" in text and "the mean of trial 0, trial 1" in text
    cells = {row["name"]: row for row in csv.DictReader(io.StringIO(render_csv(board)))}
    assert cells["ensemble of 2"]["kind"] == "ensemble"
    page = write_report(store, board, attribute=False).read_text(encoding="utf-8")
    assert 'data-kind="ensemble"' in page and "<option>ensemble</option>" in page


def test_it_meets_the_brief_only_where_all_members_do(store: Store) -> None:
    choose_ensemble(store, 2)
    found = build_leaderboard(store).find("ensemble of 2")
    assert found is not None and found.meets_brief
    bad = replace(store.trials()[1], violations=("the optimizer is adam",))
    add(store, replace(bad, name="trial 7", number=7, val_accuracy=0.99))
    choose_ensemble(store, 2)
    found = build_leaderboard(store).find("ensemble of 2")
    assert found is not None and not found.meets_brief


def add(store: Store, result: Result) -> None:
    trial = store.study.ask()
    store.record(trial, result)
    store.study.tell(trial, 0.5, state=TrialState.COMPLETE)


def test_more_than_there_are_takes_all_and_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert len(choose_ensemble(store, 9)) == 5
    assert caplog.messages == ["the ensemble has 5 members: there are no more complete trials"]


@pytest.mark.parametrize("statuses", [(), ("complete", "failed")])
def test_fewer_than_two_make_none(
    statuses: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_run(tmp_path / "run", statuses=statuses)  # type: ignore[arg-type]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert choose_ensemble(store, 2) == ()
    (line,) = caplog.messages
    assert line.startswith("no ensemble: it takes two complete trials, and there are ")
    assert build_ensemble(store) is None


def test_a_later_choice_replaces_it_and_none_forgets_it(store: Store) -> None:
    assert choose_ensemble(store, 0) == () and build_ensemble(store) is None
    choose_ensemble(store, 2)
    add(store, replace(store.trials()[4], name="trial 7", number=7, val_accuracy=0.99))
    assert choose_ensemble(Store.open(store.folder), 3) == ("trial 7", "trial 0", "trial 1")
    choose_ensemble(store, 0)
    assert build_ensemble(store) is None


def test_without_a_members_probabilities_there_is_no_row(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    choose_ensemble(store, 3)
    (store.folder / "trials" / "1" / SCORES).unlink()
    with caplog.at_level(logging.WARNING):
        assert build_ensemble(store) is None
    assert "trial 0, trial 1, trial 2 are gone" in caplog.text
    # Chosen again, it makes do with those that are there.
    assert choose_ensemble(store, 3) == ("trial 0", "trial 2", "trial 3")


def test_its_members_are_chosen_by_the_first_objective(tmp_path: Path) -> None:
    store = make_run(tmp_path / "two", objectives=[ACCURACY, LATENCY])
    assert choose_ensemble(store, 2) == ("trial 0", "trial 1")
    assert build_leaderboard(store).find("ensemble of 2") is not None
    store = make_run(tmp_path / "fast", objectives=[LATENCY])
    quick = replace(store.trials()[0], name="trial 7", number=7, latency_us=1.0, val_accuracy=0.1)
    add(store, quick)
    assert choose_ensemble(store, 2) == ("trial 7", "trial 0")


def test_another_machines_members_are_fetched(tmp_path: Path) -> None:
    there = make_run(tmp_path / "there" / "run")
    there.study.set_user_attr("artefacts", f"file://{tmp_path}/shared")
    there = Store.open(there.folder)
    for number in range(3):
        there.publish(number)
    choose_ensemble(there, 3)
    expected = build_ensemble(there)
    for number in range(3):
        (there.folder / "trials" / str(number) / SCORES).unlink()
    found = build_ensemble(Store.open(there.folder))
    assert expected is not None and found is not None
    np.testing.assert_array_equal(found[1], expected[1])
