"""Plots show what the results say."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import optuna
import pytest

from data.dataset import DataCard, prepare
from data.reading import read_log
from results.report.plots import hyperparameters, scores as score_plots, search
from results.report.plots.drift import drift
from results.report.report import describe
from results.study import Point
from tests.results.boards import LABELS, baseline, everything, right_in_all_but, trial
from tests.results.reported import make_run, write_log


def test_stairs_climb_over_complete_trials_only(tmp_path: Path) -> None:
    statuses = ("pruned", "complete", "failed", "complete")
    store = make_run(tmp_path / "run", statuses=statuses, words=("a", "b"))
    plot = search.best_so_far(store)
    by_name = {trace["name"]: trace for trace in plot.traces}
    assert by_name["best so far"]["y"] == [0.88, 0.88]
    shown = by_name["trials (hollow: not complete)"]
    assert shown["y"] == pytest.approx([0.9, 0.88, 0.84])  # The failed one has no accuracy.
    assert shown["marker"]["symbol"] == ["circle-open", "star", "circle"]
    assert by_name["linear"]["y"] == [0.8, 0.8]


def test_curves_of_other_trials_share_one_trace() -> None:
    curve = tuple(Point(part / 4, 0.5, 0.6, 0.7 / part, 0.8) for part in (1, 2, 3))
    results = [trial(n, curve=curve) for n in range(5)] + [baseline("model2", curve=curve)]
    plot = search.curves(results, "trial 3", "val_loss", "loss")
    assert [trace["name"] for trace in plot.traces] == ["other trials", "trial 3", "model2"]
    assert plot.traces[0]["x"] == [0.25, 0.5, 0.75, None] * 4
    assert plot.traces[1]["y"] == pytest.approx([0.7, 0.35, 0.7 / 3])
    with pytest.raises(ValueError, match="more than once"):
        search.curves([trial(1)], None, "val_loss", "loss")


def test_the_front_is_that_of_the_table() -> None:
    board = everything()
    line, *points = search.trade_off(board).traces
    on_front = [row for row in board.rows if row.pareto]
    assert sorted(line["y"]) == sorted(row.heldout_accuracy for row in on_front)
    assert {point["name"] for point in points} == {"trial 17", "trial 12"}
    for point in points:
        row = board.find(point["name"])
        assert row is not None
        assert point["y"][0] + point["error_y"]["array"][0] == pytest.approx(row.heldout_high)


def test_roc_and_precision_end_where_they_must() -> None:
    labels, scores = LABELS.astype(np.uint8), {"linear": right_in_all_but(range(0, 100))}
    (line,) = score_plots.roc(labels, scores, None).traces
    assert (line["x"][0], line["y"][0], line["x"][-1], line["y"][-1]) == (0.001, 0, 1, 1)
    assert (0.1, 0.9) in list(zip(line["x"], line["y"], strict=True))
    (line,) = score_plots.precision_recall(labels, scores, None).traces
    assert (0.9, 0.9) in list(zip(line["x"], line["y"], strict=True))


def test_histograms_count_every_row() -> None:
    plot = score_plots.histogram(LABELS.astype(np.uint8), right_in_all_but(range(0, 100)))
    counts = {trace["name"]: int(np.nansum(trace["y"])) for trace in plot.traces}
    assert counts == {"normal": 500, "malicious": 500}
    labels = LABELS.astype(np.uint8)
    own = score_plots.histogram(labels, right_in_all_but(range(0, 100)), ("ham", "spam"))
    assert [trace["name"] for trace in own.traces] == ["ham", "spam"]


@pytest.mark.parametrize("draw", [score_plots.roc, score_plots.precision_recall])
def test_what_cannot_be_compared_says_so(draw: object) -> None:
    labels = LABELS.astype(np.uint8)
    nan = {"trial 1": np.full(len(labels), np.nan, np.float32)}
    with pytest.raises(ValueError, match="finite"):
        draw(labels, nan, None)
    with pytest.raises(ValueError, match="one class"):
        draw(labels * 0, {"trial 1": right_in_all_but(range(3))}, None)


def test_a_study_is_shown_in_the_values_that_were_used(tmp_path: Path) -> None:
    statuses = ("complete",) * 12
    store = make_run(tmp_path / "run", statuses=statuses, words=("gru", "lstm"))
    study = hyperparameters.readable(store)
    assert {trial.params["units"] for trial in study.trials} <= {8, 16, 32, 64}
    assert len({trial.params["units"] for trial in study.trials}) > 1
    assert set(study.trials[0].params) == {"gru", "rate lstm", "units"}
    distribution = study.trials[0].distributions["rate lstm"]
    assert isinstance(distribution, optuna.distributions.FloatDistribution)
    assert distribution.log

    names = hyperparameters.most_important(study)
    assert set(names) == {"gru", "rate lstm", "units"}
    assert hyperparameters.importance(study).traces[0]["type"] == "bar"
    lines = hyperparameters.parallel(study, names).traces
    assert len([trace for trace in lines if trace.get("mode") == "lines"]) == 12
    (points,) = hyperparameters.slices(study, ["units"])["units"].traces
    assert list(points["x"]) == [trial.params["units"] for trial in study.trials]


def test_labels_that_would_be_alike_are_numbered() -> None:
    texts = ["mypackage.layers:Foo", "mypackage.layers:Bar", "a", 16]
    labels = hyperparameters.short_labels(texts, 16)
    assert labels == {
        "mypackage.layers:Foo": "mypackage.layer…",
        "mypackage.layers:Bar": "mypackage.lay… 2",
        "a": "a",
        "16": "16",
    }


def test_one_trial_is_too_few(tmp_path: Path) -> None:
    store = make_run(tmp_path / "run", statuses=("complete",), words=("gru", "lstm"))
    study = hyperparameters.readable(store)
    for draw in (hyperparameters.importance, lambda it: hyperparameters.parallel(it, ["units"])):
        with pytest.raises(ValueError, match=r"2 complete trials, and this run has 1"):
            draw(study)


def test_optuna_s_doubts_are_a_sentence() -> None:
    study = optuna.create_study(direction="maximize")
    for value in (1, 2, 3, 4):  # All equally good: nothing can be told from them.
        trial = study.ask({"units": optuna.distributions.IntDistribution(value, value)})
        study.tell(trial, 0.5)
    with pytest.raises(ValueError, match="too few or too alike"):
        hyperparameters.importance(study)


def test_drift_and_card_are_those_of_the_log(tmp_path: Path) -> None:
    log = read_log(str(write_log(tmp_path / "log.csv", ("tee", "pot"))))
    dataset = prepare(log)
    assert asdict(describe(dataset)) == asdict(DataCard.of(log, dataset.split))
    share, lengths = drift(dataset, dataset.label_words).values()
    assert np.mean(share.traces[0]["y"]) == pytest.approx(log.labels.mean(), abs=0.01)
    assert max(lengths.traces[0]["y"]) <= max(map(len, log.texts))
    assert [note["text"] for note in share.layout["annotations"]] == list(dataset.split.slices)
