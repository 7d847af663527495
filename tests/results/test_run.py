"""A run in a notebook: tables, the verdict, exports."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from IPython.lib.pretty import pretty

from data.common.errors import UserError
from results import Run, load
from results.leaderboard import build_leaderboard, render_table, save_leaderboard, verdict
from results.study import Store
from tests.results.reported import PAYLOADS, make_run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three baselines and seven trials; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "night"
    make_run(folder)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy of the run, to do with as a test likes."""
    return Path(shutil.copytree(kept, tmp_path / "night"))


@pytest.fixture
def run(kept: Path) -> Run:
    return Run.open(kept)


def test_it_is_opened_by_its_folder_or_its_name(kept: Path) -> None:
    assert Run.open(str(kept)).folder == Run.open("night", out=kept.parent).folder == kept
    with pytest.raises(UserError, match="there is no run 'day'"):
        Run.open("day", out=kept.parent)


def test_the_leaderboard_is_that_of_the_files(run: Run, folder: Path) -> None:
    board = build_leaderboard(Store.open(folder))
    pd.testing.assert_frame_equal(run.leaderboard(), board.to_frame())
    assert run.verdict == verdict(board)
    save_leaderboard(board, folder)
    pd.testing.assert_frame_equal(Run.open(folder).leaderboard(), board.to_frame())


def test_trials_are_a_table_with_their_values(run: Run) -> None:
    trials = run.trials()
    assert trials["number"].tolist() == list(range(7))
    assert trials["status"].tolist()[-3:] == ["complete", "pruned", "failed"]
    assert trials["val_accuracy"].dtype == "float64" and np.isnan(trials["val_accuracy"].iloc[-1])
    study = run.study.trials_dataframe()
    assert trials["params_units"].tolist() == (8 * 2 ** study["params_units [cell=gru]"]).tolist()


def test_the_history_has_a_row_a_report(run: Run) -> None:
    history = run.history()
    assert list(history)[:4] == ["name", "trial", "epoch", "loss"]
    assert {"val_loss", "val_accuracy"} <= set(history)
    curves = history.groupby("trial")["val_accuracy"]
    assert curves.size().to_dict() == dict.fromkeys(range(6), 12)  # The last one failed at once.
    baseline = history[history["name"] == "model2"]
    assert baseline["trial"].isna().all() and baseline["epoch"].tolist()[-1] == 3.0


def test_the_champion_is_the_chosen_trial(run: Run, tmp_path: Path) -> None:
    assert run.champion is not None
    assert (run.champion.name, run.champion.number) == ("trial 0", 0)
    assert "units" in run.champion.hyperparameters
    empty = Run(make_run(tmp_path / "empty", statuses=()))
    assert empty.champion is None
    assert empty.trials().empty and set(empty.history()["name"]) == {"model2", "linear", "plain"}


def test_it_is_shown_as_the_table(run: Run) -> None:
    board = build_leaderboard(run._store)
    assert str(run) + "\n" == render_table(board)
    assert repr(run) == f"Run('{run.folder}')"
    assert pretty(run) == str(run)  # In IPython's console.
    page = run._repr_html_()
    assert verdict(board).replace("<", "&lt;") in page
    assert page.count("<tr>") == 1 + len(board.rows)


def test_a_long_table_is_cut_and_keeps_the_champion_and_the_baselines(tmp_path: Path) -> None:
    run = Run(make_run(tmp_path / "long", statuses=("complete",) * 30))
    page = run._repr_html_()
    assert "more trainings are not shown" in page
    assert 21 <= page.count("<tr>") < 34
    assert "trial 0 *" in page and all(name in page for name in ("model2", "linear", "plain"))


@pytest.mark.parametrize("payload", PAYLOADS[:6])
def test_what_a_notebook_shows_stays_inert(payload: str, tmp_path: Path) -> None:
    run = Run(make_run(tmp_path / "run", words=(payload, "plain")))
    page = run._repr_html_()
    assert "pwned" in page
    assert "<script" not in page and "<img" not in page and "<svg" not in page and "<a " not in page


def test_the_report_is_written_without_a_word_of_optunas(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    path = Run.open(folder).report()
    assert path == folder / "report.html" and path.is_file()
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert "created" not in capfd.readouterr().err


def test_an_export_predicts(folder: Path, tmp_path: Path) -> None:
    run = Run.open(folder)
    assert run.export(tmp_path / "winner", threshold=0.4) == tmp_path / "winner"
    predictor = load(tmp_path / "winner")
    assert predictor.threshold == 0.4
    assert run.export(tmp_path / "second", trial=0).is_dir()
    with pytest.raises(UserError, match="but must be best or one of: 0, 1"):
        run.export(tmp_path / "third", trial=9)
    with pytest.raises(UserError, match="'pickle', but must be some of"):
        run.export(tmp_path / "third", ["pickle"])
    with pytest.raises(UserError, match="there is no such folder"):
        _ = run.best
    run.export(folder / "best")
    assert run.best.predict_proba(["{}"]).shape == (1, 2)


def test_it_is_pickled_as_its_folder(run: Run) -> None:
    assert pickle.loads(pickle.dumps(run)).folder == run.folder
