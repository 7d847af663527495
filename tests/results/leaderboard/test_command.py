"""From a run's study on disk to its table, by the command line."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState

from data.common.command import run
from data.common.errors import UserError
from data.dataset.dataset import prepare
from data.reading import Texts
from results.leaderboard import (
    build_leaderboard,
    find_run,
    load_leaderboard,
    main,
    render_json,
    save_leaderboard,
    verdict,
)
from results.scoring import accuracy, probabilities, save_scores
from results.study import ACCURACY, Result, Store, record_repeat, repeat_folder
from tests.results.conftest import Trained


@pytest.fixture
def finished(trained: Trained, tmp_path: Path) -> Store:
    """A run with one baseline and two trials: the trained model, and one that failed."""
    dataset = prepare(trained.log, vocabulary="all", batch_size=32)
    folder = tmp_path / "runs" / "night"
    store = Store.create(
        folder,
        [ACCURACY],
        name="night",
        data=dataset.facts,
        protocol={"epochs": 3, "padding": "real"},
    )
    dataset.save(folder / "data")
    seen, heldout = (
        probabilities(trained.model, trained.encoded, rows, padding="real")
        for rows in (dataset.split.validation, dataset.split.heldout)
    )
    save_scores(folder / "trials/0", seen, heldout)
    save_scores(folder / "baselines/model2", 1 - seen, 1 - heldout)
    store.record_baseline(
        Result("model2", "baseline", "complete", artifacts="baselines/model2", val_accuracy=0.1)
    )
    chosen = Result(
        "trial 0", "trial", "complete", number=0, artifacts="trials/0", val_accuracy=0.9, layers=8
    )
    first = store.study.ask()
    store.record(first, chosen)
    store.study.tell(first, 0.9)
    second = store.study.ask()
    store.record(second, Result("trial 1", "trial", "failed", number=1, reason="no memory"))
    store.study.tell(second, state=TrialState.FAIL)
    store.choose_champion()
    return store


def test_the_study_is_ranked_and_written(finished: Store, trained: Trained) -> None:
    found = build_leaderboard(finished)
    assert [row.name for row in found.rows][-1] == "trial 1"
    assert found.champion is not None and found.champion.name == "trial 0"
    assert found.data["rows"] == len(trained.log.texts)
    assert found.protocol["padding"] == "real"
    save_leaderboard(found, finished.folder)
    assert load_leaderboard(finished.folder / "leaderboard.json") == found


def test_the_luck_of_the_choice_and_of_the_seed_are_read_from_the_run(finished: Store) -> None:
    trial = next(result for result in finished.trials() if result.name == "trial 0")
    scores = finished.scores(trial)
    assert scores is not None
    folder = repeat_folder(finished, "trial 0", 1)
    save_scores(folder, scores["validation"], 1 - scores["heldout"])
    place = str(folder.relative_to(finished.folder))
    record_repeat(finished, replace(trial, artifacts=place), 1)
    found = build_leaderboard(Store.open(finished.folder))
    champion, selection = found.champion, found.selection
    assert champion is not None and champion.repeats == 2
    assert champion.repeats_mean == pytest.approx(0.5)
    assert selection is not None and selection.candidates == 1
    labels = finished.dataset.labels[finished.dataset.split.validation]
    assert selection.val_accuracy == accuracy(labels, scores["validation"])
    assert selection.heldout_accuracy == champion.heldout_accuracy
    # Nothing was chosen among, so nothing is owed to the choice.
    assert abs(selection.optimism) < 0.01
    save_leaderboard(found, finished.folder)
    assert load_leaderboard(finished.folder / "leaderboard.json") == found


def test_texts_that_were_trained_on_are_left_out_of_a_second_accuracy(finished: Store) -> None:
    dataset, heldout = finished.dataset, finished.dataset.split.heldout
    assert all(row.unrepeated_accuracy is None for row in build_leaderboard(finished).rows)
    texts = list(dataset.texts)
    for row in heldout:
        # Of each pair of rows, one stands in the training part, and one does nowhere.
        texts[row] = texts[0] if row % 2 else f"only here {row}"
    replace(dataset, kept_texts=Texts.of(texts)).save(finished.folder / "data")
    facts = {**finished.data, "heldout_repeated": int((heldout % 2).sum())}
    finished.study.set_user_attr("data", facts)
    store = Store.open(finished.folder)
    found = build_leaderboard(store).champion
    assert found is not None
    scores = store.heldout_probabilities()["trial 0"][heldout % 2 == 0]
    assert found.unrepeated_accuracy == accuracy(store.heldout_labels()[heldout % 2 == 0], scores)


def test_the_command_shows_every_form(finished: Store, capsys: pytest.CaptureFixture[str]) -> None:
    found = build_leaderboard(finished)
    runs = str(finished.folder.parent)
    assert main(["night", "--out", runs]) == 0
    assert capsys.readouterr().out.splitlines()[0] == verdict(found)
    assert main([str(finished.folder), "--format", "md"]) == 0
    assert capsys.readouterr().out.startswith("**Model 3 (trial 0) ")
    assert main(["night", "--out", runs, "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert err.strip() == verdict(found)
    assert [line["name"] for line in csv.DictReader(io.StringIO(out))][-1] == "trial 1"
    assert main(["night", "--out", runs, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err.strip() == verdict(found)
    assert len(json.loads(out)["rows"]) == 3


def test_the_command_finds_the_run_from_inside(
    finished: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished.folder)
    assert main(["."]) == 0
    assert "trial 0 *" in capsys.readouterr().out
    assert find_run(".", Path("runs")) == finished.folder.resolve()


def test_a_folder_that_is_no_run_hides_none(
    finished: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / finished.folder.name).mkdir()
    monkeypatch.chdir(tmp_path)
    name, runs = finished.folder.name, finished.folder.parent
    assert find_run(name, runs) == finished.folder.resolve()
    assert find_run(name, tmp_path / "nowhere") == (tmp_path / name).resolve()


def test_what_the_search_has_written_is_shown_until_the_study_grows(
    finished: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = replace(build_leaderboard(finished), data={"rows": "as written"})
    save_leaderboard(written, finished.folder)
    for form in (["--format", "md"], ["--format", "csv"], []):
        assert main([str(finished.folder), *form]) == 0
    assert "data: rows as written" in capsys.readouterr().out
    for damage in ("", json.dumps({**json.loads(render_json(written)), "rows": []}, indent=1)):
        (finished.folder / "leaderboard.json").write_text(damage)
        assert main([str(finished.folder)]) == 0
        assert "as written" not in capsys.readouterr().out
    save_leaderboard(written, finished.folder)
    finished.study.tell(finished.study.ask(), state=TrialState.FAIL)
    os.utime(finished.folder / "leaderboard.json", ns=(0, 0))
    assert main([str(finished.folder)]) == 0
    out = capsys.readouterr().out
    assert "as written" not in out and "trial 2 " in out


def test_the_written_table_is_shown_without_what_trains(finished: Store) -> None:
    save_leaderboard(build_leaderboard(finished), finished.folder)
    heavy = ("tensorflow", "keras", "keras_tuner", "sklearn", "optuna", "scipy", "pandas", "plotly")
    code = (
        "import sys; from results.leaderboard import main; main(sys.argv[1:]); "
        f"assert not {{*{heavy}}} & {{*sys.modules}}"
    )
    command = [sys.executable, "-c", code, str(finished.folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "trial 0 *" in done.stdout


def test_an_absent_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no run 'day'"):
        main(["day", "--out", str(tmp_path)])
    with pytest.raises(UserError, match="no run is here"):
        main([str(tmp_path)])


@pytest.mark.parametrize("arguments", [[], ["night", "--format", "pdf"], ["night", "--colour"]])
def test_bad_options_are_one_line_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as status:
        run(main, arguments)
    assert status.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
