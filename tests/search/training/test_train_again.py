"""A trial trained again from its record: the same seed gives the same, another one does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from data.dataset.dataset import Dataset
from results.scoring import load_scores, probabilities
from results.study import Result
from search.common.seeds import derive_seed
from search.training.fit import TrainingConfig
from search.training.task import TrainingTask
from search.training.trial import train_again
from tests.search.small import Small
from tests.search.tuning import CONFIG, Building, open_store, search


@pytest.fixture(scope="module")
def trial(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Any]:
    """A trial of a real search, and its probabilities."""
    store = open_store(tmp_path_factory.mktemp("first"))
    search(store, dataset, Small(dataset.vocabulary.num_words), 2)
    (_, found) = store.trials()
    return found, store.scores(found)


def again(
    original: Result,
    dataset: Dataset,
    folder: Path,
    seed: int,
    config: TrainingConfig = CONFIG,
    **more: Any,
) -> Result:
    space = more.pop("space", Small(dataset.vocabulary.num_words))
    kind = "refit" if more.pop("refits", False) else "repeat"
    task = TrainingTask(kind, original.name, original, 1, 2, folder)  # type: ignore[arg-type]
    return train_again(task, seed, space, dataset, config, **more)


def test_the_same_seed_gives_the_same_training(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    original, scores = trial
    # A config other than the run's: the trial's own values decide.
    chosen = replace(original, hyperparameters={**original.hyperparameters, "batch_size": 64})
    config = replace(CONFIG, batch_size=7)
    result = again(chosen, dataset, tmp_path / "a", original.seed, config)
    assert (result.name, result.number, result.status) == (original.name, 1, "complete")
    assert result.val_loss == pytest.approx(original.val_loss, abs=1e-5)
    assert result.parameters == original.parameters
    found = load_scores(tmp_path / "a" / "scores.npz")
    for part in ("validation", "heldout"):
        np.testing.assert_allclose(found[part], scores[part], rtol=0, atol=1e-5)


def test_a_space_that_has_grown_since_trains_no_other_network(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    original, _ = trial
    known = {name: it for name, it in original.hyperparameters.items() if name != "width"}
    result = again(replace(original, hyperparameters=known), dataset, tmp_path, original.seed)
    assert result.status == "failed"
    assert result.reason == (
        "ValueError: the space has changed since: the trial has no value of width"
    )


def test_another_seed_gives_another_training(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    original, scores = trial
    told: list[tuple[str, float, float | None]] = []
    result = again(
        original,
        dataset,
        tmp_path / "b",
        derive_seed(7, 99),
        notify=lambda *news: told.append(news),
    )
    assert result.seed == derive_seed(7, 99)
    assert result.artifacts == str(tmp_path / "b")
    found = load_scores(tmp_path / "b" / "scores.npz")
    assert np.abs(found["heldout"] - scores["heldout"]).max() > 1e-3
    labels = dataset.labels[dataset.split.validation]
    assert result.val_accuracy == accuracy_score(labels, found["validation"] > 0.5)
    assert told == [
        ("trial 1, seed 2 of 2", point.epoch, point.val_accuracy) for point in result.curve
    ]


def test_a_stopped_one_leaves_nothing(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    result = again(trial[0], dataset, tmp_path / "c", 1, stop=lambda: "interrupted")
    assert (result.status, result.reason, result.artifacts) == ("pruned", "interrupted", "")
    assert not (tmp_path / "c").exists()


def test_an_exception_is_a_failure_with_its_reason(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    def broken(hp: Any) -> Any:
        raise ValueError("no such layer")

    result = again(trial[0], dataset, tmp_path / "d", 1, space=Building(broken))
    assert (result.status, result.reason) == ("failed", "ValueError: no such layer")
    assert (result.name, result.seed, result.artifacts) == ("trial 1", 1, "")


def test_a_refit_learns_from_all_training_rows_and_its_model_is_kept(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    class Counting(Small):
        def fit(self, hp: Any, model: Any, data: Any, **kwargs: Any) -> Any:
            self.rows = sum(len(labels) for _, labels in data)
            return model.fit(data, **kwargs)

    space = Counting(dataset.vocabulary.num_words)
    folder = tmp_path / "refit"
    result = again(trial[0], dataset.refitting, folder, 1, space=space, refits=True)
    assert space.rows == len(dataset.split.fit) + len(dataset.split.validation)
    assert result.status == "complete" and result.latency_us and result.latency_batch_us
    model = keras.saving.load_model(folder / "model.keras")
    heldout = probabilities(model, dataset.encoded, dataset.split.heldout, padding="real")
    found = load_scores(folder / "scores.npz")["heldout"]
    np.testing.assert_allclose(heldout, found, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_refit_is_trained_for_as_many_epochs_as_the_first_though_nothing_stops_it(
    trial: tuple[Result, Any], dataset: Dataset, tmp_path: Path
) -> None:
    stopped_early = replace(trial[0], epochs=2.0)
    config = replace(CONFIG, epochs=5)
    known = again(stopped_early, dataset.refitting, tmp_path / "a", 1, config, refits=True)
    assert known.epochs == 2.0
