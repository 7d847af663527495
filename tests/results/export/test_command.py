"""`results.export` on a real run: formats, threshold, documents, and what it refuses."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from data.common.errors import UserError
from data.dataset.dataset import Dataset
from results.export import export_trial, main
from results.export.formats import MODEL_FORMATS
from results.leaderboard import build_leaderboard, format_share
from results.scoring import SCORES, ThresholdRule, choose_threshold, probabilities, save_scores
from results.serving import load_export, load_model, manifest_files
from results.study import (
    ACCURACY,
    CHECKPOINT,
    Result,
    Store,
    as_refit,
    choose_refits,
    record_refit,
    refit_folder,
)
from tests.results import own_layer
from tests.results.export.test_hub import run_example

DOCUMENTS = {"README.md", "PREPROCESSING.md", "vectors.jsonl", "training_profile.json"}


def network(num_words: int, seed: int = 0) -> Any:
    """Build a tiny network of the kind that the space draws."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(num_words, 4),
            keras.layers.Conv1D(4, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling1D(4),
            keras.layers.GRU(4, recurrent_dropout=0.2),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def score(model: Any, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return probabilities(model, dataset.encoded, rows, padding="real")


@pytest.fixture(scope="module")
def run(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run with one complete trial, which is its champion, and one that was pruned."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    folder.mkdir()
    store = Store.create(
        folder, [ACCURACY], name="one", data=dataset.facts, protocol={"padding": "real"}
    )
    dataset.save(folder / "data")
    model = network(dataset.vocabulary.num_words)
    scores = {
        name: probabilities(model, dataset.encoded, rows, padding="real")
        for name, rows in (
            ("validation", dataset.split.validation),
            ("heldout", dataset.split.heldout),
        )
    }
    for status in ("complete", "pruned"):
        trial = store.study.ask()
        place = store.trial_folder(trial.number)
        place.mkdir(parents=True)
        if status == "complete":
            model.save(place / CHECKPOINT)
            np.savez(place / SCORES, **scores)
        artifacts = f"trials/{trial.number}"
        name = f"trial {trial.number}"
        store.record(
            trial,
            Result(
                name, "trial", status, number=trial.number, val_accuracy=0.6, artifacts=artifacts
            ),  # type: ignore[arg-type]
        )
        store.study.tell(trial, 0.6)
    store.choose_champion()
    return store


def call(run: Store, to: Path, *words: str) -> int:
    return main([str(run.folder), "--to", str(to), *words])


@pytest.mark.slow
def test_every_format_with_a_threshold_of_the_validation_rows(run: Store, tmp_path: Path) -> None:
    to = tmp_path / "best"
    formats = "keras,savedmodel,onnx,litert"
    assert call(run, to, "--format", formats, "--threshold", "fpr=0.1") == 0
    loaded = load_export(to)
    scores = run.scores(run.results()[0])
    assert scores is not None
    labels = run.dataset.labels[run.dataset.split.validation]
    above = scores["validation"] > loaded.threshold.value
    assert loaded.threshold.rule == "fpr=0.1"
    assert loaded.threshold.false_positive_rate == above[labels == 0].mean() <= 0.1
    assert loaded.threshold.recall == above[labels == 1].mean()
    listed = manifest_files(to)
    assert listed is not None
    assert {"model.onnx", "model.tflite", "predict.py", "saved_model/saved_model.pb"} <= set(listed)
    assert set(listed) >= DOCUMENTS
    vectors = [json.loads(line) for line in (to / "vectors.jsonl").read_text().splitlines()]
    assert {np.float32(vector["score"]) for vector in vectors} <= set(scores["heldout"])
    (to / "saved_model" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UserError, match=r"saved_model/saved_model\.pb is not what was exported"):
        load_export(to)


@pytest.mark.slow
def test_the_card_says_how_to_load_each_format(run: Store, tmp_path: Path) -> None:
    to = tmp_path / "best"
    assert call(run, to, "--format", ",".join(MODEL_FORMATS)) == 0
    card = (to / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r": `(\S+)`\n\n```python\n(.*?)\n```$", card, re.MULTILINE | re.DOTALL)
    assert [path for path, _ in shown] == [known.path for known in MODEL_FORMATS.values()]
    vector = json.loads((to / "vectors.jsonl").read_text(encoding="utf-8").splitlines()[0])
    ids = np.zeros((1, vector["padded_length"]), np.int32)
    ids[0, -len(vector["ids"]) :] = vector["ids"]
    for name, (_, example) in zip(MODEL_FORMATS, shown, strict=True):
        (tmp_path / name).mkdir()
        (score,) = run_example(example, to, ids, tmp_path / name)
        assert score == pytest.approx(vector["score"], abs=MODEL_FORMATS[name].tolerance), name


def test_the_search_writes_keras_and_onnx_with_their_documents(run: Store, tmp_path: Path) -> None:
    export_trial(run, build_leaderboard(run), run.results()[0], tmp_path / "best")
    present = {path.name for path in (tmp_path / "best").iterdir()}
    assert present >= {*DOCUMENTS, "model.keras", "model.onnx", "predict.py"}
    assert not {"saved_model", "model.tflite"} & present
    loaded = load_export(tmp_path / "best")
    assert (loaded.threshold.value, loaded.threshold.rule) == (0.5, "0.5")
    assert loaded.threshold.recall is not None


@pytest.mark.slow
def test_an_export_with_folders_is_replaced_and_guarded(run: Store, tmp_path: Path) -> None:
    to = tmp_path / "best"
    call(run, to, "--format", "savedmodel")
    call(run, to)
    assert not (to / "saved_model").exists()
    call(run, to, "--format", "savedmodel")
    (to / "saved_model" / "assets" / "mine.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"'saved_model/assets/mine\.txt' added"):
        call(run, to)


@pytest.mark.parametrize("formats", [(), ("keras", "onnx")])
def test_scores_that_are_not_the_models_leave_nothing(
    run: Store, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    path = run.trial_folder(0) / SCORES
    before = path.read_bytes()
    with np.load(path) as arrays:
        scores = dict(arrays)
    try:
        np.savez(path, validation=scores["validation"], heldout=scores["heldout"] + 0.01)
        with pytest.raises(UserError, match=re.escape("differ from the search's by 0.01 (1e-05")):
            export_trial(
                run, build_leaderboard(run), run.results()[0], tmp_path / "best", formats=formats
            )
    finally:
        path.write_bytes(before)
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_only_tensorflow_knows(run: Store, tmp_path: Path) -> None:
    path = run.trial_folder(0) / CHECKPOINT
    scores_path = run.trial_folder(0) / SCORES
    before, scores_before = path.read_bytes(), scores_path.read_bytes()
    try:
        model = own_layer.network(run.dataset.vocabulary.num_words)
        model.save(path)
        rows = run.dataset.split
        found = [
            probabilities(model, run.dataset.encoded, part, padding="real")
            for part in (rows.validation, rows.heldout)
        ]
        np.savez(scores_path, validation=found[0], heldout=found[1])
        to = tmp_path / "best"
        with pytest.raises(UserError, match=r"^--format onnx: .*; --format litert: ") as said:
            call(run, to, "--format", "savedmodel,onnx,litert")
        assert str(said.value).endswith(f"(the other formats are in '{to}')")
        assert "\n" not in str(said.value)
        assert load_export(to).folder == to
        listed = manifest_files(to)
        assert listed is not None
        assert {"model.onnx", "model.tflite", "predict.py"}.isdisjoint(listed)
        assert "saved_model/saved_model.pb" in listed
        assert "It could not be written as onnx: " in (to / "README.md").read_text()
    finally:
        path.write_bytes(before)
        scores_path.write_bytes(scores_before)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--threshold", "2"], "--threshold is '2', but must be a number between 0 and 1"),
        (["--format", "onnx,h5"], "--format has 'h5', but must be some of keras,"),
        (["--trial", "9"], "--trial is '9', but must be best or one of: 0, 1"),
        (["--trial", "1"], "trial 1 has no model.keras (status pruned)"),
        (["--trial", "1", "--format", "onnx"], "trial 1 has no model.keras (status pruned)"),
    ],
)
def test_what_is_refused(run: Store, tmp_path: Path, words: list[str], says: str) -> None:
    with pytest.raises(UserError, match=re.escape(says)):
        call(run, tmp_path / "best", *words)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def refit(run: Store) -> Iterator[Result]:
    """The champion's refit, with other weights and so other scores."""
    folder = refit_folder(run, "trial 0")
    folder.mkdir(parents=True)
    model = network(run.dataset.vocabulary.num_words, seed=1)
    model.save(folder / CHECKPOINT)
    split = run.dataset.split
    save_scores(
        folder, *(score(model, run.dataset, rows) for rows in (split.validation, split.heldout))
    )
    champion = run.results()[0]
    made = replace(as_refit(champion), artifacts=folder.relative_to(run.folder).as_posix())
    record_refit(run, made)
    choose_refits(run, ["trial 0"])
    yield made
    choose_refits(run, [])
    shutil.rmtree(folder)


def test_the_refit_champion_is_exported_with_the_threshold_from_before(
    run: Store, refit: Result, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    to = tmp_path / "best"
    with caplog.at_level("INFO"):
        assert call(run, to, "--threshold", "fpr=0.1") == 0
    loaded, split = load_export(to), run.dataset.split
    before, after = run.scores(run.results()[0]), run.scores(refit)
    assert before is not None and after is not None
    labels = run.dataset.labels[split.validation]
    assert loaded.threshold == choose_threshold(
        labels, before["validation"], ThresholdRule(fpr=0.1)
    )
    assert loaded.threshold != choose_threshold(labels, after["validation"], ThresholdRule(fpr=0.1))
    found = score(load_model(to / "model.keras"), run.dataset, split.heldout)
    np.testing.assert_allclose(found, after["heldout"], rtol=0, atol=1e-5)
    assert np.abs(found - before["heldout"]).max() > 1e-3
    assert (loaded.metrics["name"], loaded.metrics["kind"]) == ("trial 0, refit", "refit")
    told = json.loads((to / "manifest.json").read_text())["model"]
    assert told == {"name": "trial 0, refit", "trained_on": "fit and validation rows"}
    heldout = choose_threshold(
        run.heldout_labels(), after["heldout"], ThresholdRule(value=loaded.threshold.value)
    )
    rates = f"{format_share(heldout.recall)} and {format_share(heldout.false_positive_rate)}."
    assert f"this model, trained on those as well, has {rates}" in (to / "README.md").read_text()
    (line,) = [line for line in caplog.messages if line.startswith("the threshold is")]
    assert f"trial 0, refit finds {format_share(heldout.recall)} of" in line


def test_a_number_names_the_trial_as_it_was_searched(
    run: Store, refit: Result, tmp_path: Path
) -> None:
    call(run, tmp_path / "first", "--trial", "0")
    assert load_export(tmp_path / "first").metrics["name"] == "trial 0"
    told = json.loads((tmp_path / "first" / "manifest.json").read_text())["model"]
    assert told == {"name": "trial 0", "trained_on": "fit rows"}


def test_a_refit_that_tells_nothing_apart_is_not_exported(
    run: Store, refit: Result, tmp_path: Path
) -> None:
    record_refit(run, replace(refit, reason="predicts only class 0 on the validation rows"))
    call(run, tmp_path / "best")
    assert load_export(tmp_path / "best").metrics["name"] == "trial 0"
