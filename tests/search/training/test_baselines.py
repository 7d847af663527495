"""Kept baselines: trained once, found by all that determines them, whole or not there."""

import importlib.metadata
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from data.dataset.dataset import Dataset
from results.scoring import probabilities
from results.study import Point, Result
from search.common.seeds import derive_seed
from search.training.baselines import Cache, hash_sources
from search.training.fit import TrainingConfig
from spaces.baselines import fit_linear
from tests.commands import ROOT

CONFIG = TrainingConfig(epochs=1, batch_size=64)


@pytest.fixture(scope="module")
def kept(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """A cache in which one network and one classifier of texts have been trained."""
    cache = Cache(tmp_path_factory.mktemp("baselines"), dataset, CONFIG, seed=5)
    assert cache.find("model1") is None
    cache.train("model1")
    cache.train("linear")
    return cache


@pytest.fixture
def copied(kept: Cache, tmp_path: Path) -> Cache:
    """The same cache in a folder that the test may spoil."""
    shutil.copytree(kept.folder, tmp_path / "copied")
    return replace(kept, folder=tmp_path / "copied")


def found(cache: Cache, name: str) -> Result:
    result = cache.find(name)
    assert result is not None
    return result


def scores(result: Result) -> dict[str, np.ndarray]:
    with np.load(Path(result.artifacts) / "scores.npz") as arrays:
        return dict(arrays)


def test_a_network_is_kept_with_all_that_a_reader_needs(kept: Cache, dataset: Dataset) -> None:
    result = found(kept, "model1")
    assert (result.name, result.kind, result.status) == ("model1", "baseline", "complete")
    assert (result.number, result.hyperparameters) == (None, {})
    assert (result.epochs, len(result.curve), result.layers) == (1.0, 1, 3)
    assert result.seed == derive_seed(5, 0)
    assert result.parameters == dataset.vocabulary.num_words * 32 + 2 * 32 * 32 + 32 + 33
    assert result.latency_us and result.latency_batch_us and result.train_seconds > 0
    assert result.latency_runtime == "onnx" and "onnxruntime" in kept.versions
    labels = dataset.labels[dataset.split.validation]
    validation = scores(result)["validation"]
    assert result.val_accuracy == accuracy_score(labels, validation > 0.5)
    assert result.val_loss == pytest.approx(log_loss(labels, validation.astype(float)), rel=1e-6)


def test_a_networks_checkpoint_scores_as_recorded(kept: Cache, dataset: Dataset) -> None:
    result = found(kept, "model1")
    model = keras.saving.load_model(Path(result.artifacts) / "model.keras")
    heldout = probabilities(model, dataset.encoded, dataset.split.heldout, padding="real")
    np.testing.assert_allclose(heldout, scores(result)["heldout"], rtol=0, atol=1e-5)


def test_a_classifier_of_texts_learns_from_the_fit_rows_alone(
    kept: Cache, dataset: Dataset
) -> None:
    result, split = found(kept, "linear"), dataset.split
    assert (result.status, result.epochs, result.layers) == ("complete", 1.0, None)
    assert not result.meets_brief
    assert result.latency_us and result.latency_batch_us
    assert result.latency_runtime == "python"
    predict = fit_linear([dataset.texts[row] for row in split.fit], dataset.labels[split.fit])
    for part, rows in (("validation", split.validation), ("heldout", split.heldout)):
        expected = predict([dataset.texts[row] for row in rows])
        np.testing.assert_allclose(scores(result)[part], expected, rtol=0, atol=1e-5)
    labels = dataset.labels[split.validation]
    assert result.val_accuracy == accuracy_score(labels, scores(result)["validation"] > 0.5)


def test_another_process_finds_what_was_kept(kept: Cache) -> None:
    again = Cache(kept.folder, Dataset.load(kept.dataset.folder or Path()), CONFIG, seed=5)
    for name in ("model1", "linear"):
        assert again.find(name) == found(kept, name)
        assert Path(found(again, name).artifacts).parent == kept.folder


def test_nothing_else_is_left_in_the_folder(kept: Cache) -> None:
    assert {path.name for path in kept.folder.iterdir()} == {
        kept.place("model1").name,
        kept.place("linear").name,
    }
    assert {path.name for path in kept.place("model1").iterdir()} == {
        "model.keras",
        "result.json",
        "scores.npz",
    }


def other_data(cache: Cache, **facts: object) -> Cache:
    return replace(cache, dataset=replace(cache.dataset, facts={**cache.dataset.facts, **facts}))


@pytest.mark.parametrize(
    "change",
    [
        lambda cache: other_data(cache, fingerprint="0" * 64),
        lambda cache: other_data(cache, split="shuffled"),
        lambda cache: other_data(cache, vocabulary="all"),
        lambda cache: replace(cache, dataset=cache.dataset.refitting),
        lambda cache: replace(cache, config=replace(CONFIG, padding="full")),
        lambda cache: replace(cache, config=replace(CONFIG, epochs=2)),
        lambda cache: replace(cache, config=replace(CONFIG, batch_size=32)),
        lambda cache: replace(cache, seed=6),
        lambda cache: replace(cache, sources="0" * 64),
        lambda cache: replace(cache, versions={**cache.versions, "model3-search": "0.0.9"}),
        lambda cache: replace(cache, versions={**cache.versions, "numba": "0.1"}),
        lambda cache: replace(cache, versions={**cache.versions, "onnxruntime": "0.1"}),
        lambda cache: replace(cache, machine={**cache.machine, "processor": "another"}),
        lambda cache: replace(cache, machine={**cache.machine, "cores": 1_000}),
        lambda cache: replace(cache, machine={**cache.machine, "threads": 1_000}),
    ],
)
def test_whatever_determines_a_baseline_is_in_its_place(
    kept: Cache, change: Callable[[Cache], Cache]
) -> None:
    changed = change(kept)
    assert changed.place("model1") != kept.place("model1")
    assert changed.find("model1") is None
    assert changed.find("linear") is None


def test_what_does_not_determine_it_is_not(kept: Cache) -> None:
    same = replace(other_data(kept, source="elsewhere"), config=replace(CONFIG, reports=4))
    assert same.place("model1") == kept.place("model1")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of all that is installed of this project."""
    for package in ("data", "spaces", "results", "search"):
        shutil.copytree(ROOT / package, tmp_path / package)
    return tmp_path


@pytest.mark.parametrize(
    "edited",
    [
        "spaces/baselines.py",
        "spaces/kernels/compiled.py",
        "search/training/fit.py",
        "data/dataset/encode.py",
    ],
)
def test_an_edited_source_file_gives_another_hash(sources: Path, edited: str) -> None:
    assert hash_sources(sources) == hash_sources(ROOT)
    with (sources / edited).open("a") as file:
        file.write("# edited\n")
    assert hash_sources(sources) != hash_sources(ROOT)


def test_a_renamed_source_file_gives_another_hash(sources: Path) -> None:
    (sources / "spaces/kernels/compiled.py").rename(sources / "spaces/kernels/other.py")
    assert hash_sources(sources) != hash_sources(ROOT)


def test_what_is_no_source_file_gives_the_same_hash(sources: Path) -> None:
    (sources / "results/export/assets/notes.txt").write_text("edited")
    shutil.rmtree(sources / "spaces/__pycache__", ignore_errors=True)
    assert hash_sources(sources) == hash_sources(ROOT)


def test_every_cache_of_a_process_and_of_the_next_is_of_here(kept: Cache) -> None:
    again = Cache(kept.folder, kept.dataset, CONFIG, seed=5)
    assert again.sources == kept.sources == hash_sources(ROOT)
    assert again.versions["model3-search"] == importlib.metadata.version("model3-search")
    assert again.machine == kept.machine
    assert again.machine["processor"] and again.machine["cores"] >= 1


def test_a_stopped_training_is_not_kept(dataset: Dataset, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", dataset, CONFIG, seed=5)
    result = cache.train("model1", stop=lambda: "interrupted")
    assert (result.status, result.reason) == ("pruned", "interrupted")
    assert cache.find("model1") is None
    assert list(cache.folder.iterdir()) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without(path: Path, key: str) -> None:
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))


def short(path: Path) -> None:
    np.savez(path, validation=np.zeros(3, np.float32), heldout=np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("result.json", cut),
        ("result.json", Path.unlink),
        ("result.json", lambda path: path.write_text("[]")),
        ("result.json", lambda path: without(path, "curve")),
        ("result.json", lambda path: without(path, "status")),
        ("scores.npz", cut),
        ("scores.npz", Path.unlink),
        ("scores.npz", lambda path: path.write_bytes(b"")),
        ("scores.npz", short),
        ("scores.npz", lambda path: np.savez(path, validation=np.zeros(3, np.float32))),
    ],
)
def test_a_damaged_entry_counts_as_not_there(
    copied: Cache, name: str, spoil: Callable[[Path], object]
) -> None:
    spoil(copied.place("linear") / name)
    assert copied.find("linear") is None
    assert copied.find("model1") is not None


def test_a_damaged_entry_is_trained_anew(copied: Cache, kept: Cache) -> None:
    cut(copied.place("linear") / "scores.npz")
    trained = copied.train("linear")
    assert copied.find("linear") == trained
    np.testing.assert_array_equal(
        scores(trained)["heldout"], scores(found(kept, "linear"))["heldout"]
    )


def test_whoever_was_there_first_stays(copied: Cache, tmp_path: Path) -> None:
    place, elsewhere = copied.place("model1"), tmp_path / "elsewhere"
    place.rename(elsewhere)
    told: list[Point] = []

    def another_process_ends_first(point: Point) -> None:
        told.append(point)
        shutil.copytree(elsewhere, place)

    before = (elsewhere / "result.json").read_bytes()
    result = copied.train("model1", another_process_ends_first)
    assert result == copied.find("model1")
    assert (place / "result.json").read_bytes() == before
    (point,) = told
    assert point.epoch == 1.0 and math.isfinite(point.val_accuracy)
    assert not [path for path in copied.folder.iterdir() if path.name.startswith(".")]


TRAINER = """
import sys
from pathlib import Path
from data.dataset.dataset import Dataset
from search.training.baselines import Cache
from search.training.fit import TrainingConfig

cache = Cache(Path(sys.argv[1]), Dataset.load(Path(sys.argv[2])), TrainingConfig(1, 64), seed=5)
for line in sys.stdin:
    print("ready", flush=True)
    sys.stdin.readline()
    assert cache.find("majority") is None
    print(cache.train("majority").status, flush=True)
"""


@pytest.mark.slow
def test_two_processes_that_train_the_same_leave_a_whole_entry(
    dataset: Dataset, tmp_path: Path
) -> None:
    cache = Cache(tmp_path, dataset, CONFIG, seed=5)
    command = [sys.executable, "-c", TRAINER, str(tmp_path), str(dataset.folder)]
    with subprocess.Popen(
        command,
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for _ in range(3):
            shutil.rmtree(cache.place("majority"), ignore_errors=True)
            print("get ready", file=other.stdin, flush=True)
            assert other.stdout.readline() == "ready\n"
            print("go", file=other.stdin, flush=True)
            assert cache.train("majority").status == "complete"
            assert other.stdout.readline() == "complete\n"
            result = found(cache, "majority")
            share = dataset.labels[dataset.split.fit].mean()
            assert scores(result)["heldout"] == pytest.approx(np.full(150, share))
            assert [path.name for path in tmp_path.iterdir()] == [cache.place("majority").name]
        other.stdin.close()
        assert other.wait(timeout=30) == 0


def test_a_refit_learns_from_all_training_rows(dataset: Dataset, tmp_path: Path) -> None:
    cache = Cache(tmp_path, dataset.refitting, CONFIG, seed=5)
    result, split = cache.train("linear"), dataset.split
    predict = fit_linear(list(dataset.texts.at(split.train)), dataset.labels[split.train])
    expected = predict(list(dataset.texts.at(split.heldout)))
    np.testing.assert_allclose(scores(result)["heldout"], expected, rtol=0, atol=1e-5)
