"""Trials of real studies: what each way one can end leaves in the study and on disk."""

import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest
from keras_tuner.errors import FatalError
from optuna.trial import TrialState
from sklearn.metrics import accuracy_score

from data.dataset.dataset import Dataset
from results.scoring import constant_predictions, probabilities
from results.study import CHECKPOINT, INTERRUPTED, RETRY_OF, Store, best_first
from search.common.seeds import derive_seed
from search.queue.monitor import TooManyFailures
from search.training.trial import KEPT_CHECKPOINTS
from spaces import violations
from tests.search.small import Doubled, Small, small_model
from tests.search.tuning import Building, begin_with, open_store, run_one, search, words


class OwnFit(Small):
    """A small space with the fit that KerasTuner's documentation shows."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(
            *args, epochs=hp.Int("epochs", 2, 3), shuffle=hp.Boolean("shuffle"), **kwargs
        )


class OwnLayer(Small):
    """A space of networks that have no translation to ONNX."""

    def build(self, hp: Any) -> Any:
        small = super().build(hp)
        first, *others = small.layers
        ids = keras.Input((None,), dtype="int32")
        model = keras.Sequential([ids, first, Doubled(), *others])
        model.compile(small.optimizer, loss="binary_crossentropy", metrics=["accuracy"])
        return model


class DeafFit(Small):
    """A small space whose fit forgets the callbacks."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(*args)


@pytest.fixture(scope="module")
def told() -> list[tuple[str, float, float | None]]:
    return []


@pytest.fixture(scope="module")
def whole(
    dataset: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, float, float | None]],
) -> Store:
    """One trial more than checkpoints are kept, each trained to its end."""
    store = open_store(tmp_path_factory.mktemp("whole"))
    search(
        store,
        dataset,
        Small(words(dataset)),
        KEPT_CHECKPOINTS + 1,
        notify=lambda *news: told.append(news),
    )
    return store


def test_each_trial_is_recorded_with_all_that_a_reader_needs(
    whole: Store, dataset: Dataset
) -> None:
    results = whole.trials()
    assert [result.number for result in results] == list(range(KEPT_CHECKPOINTS + 1))
    for result, trial in zip(results, whole.study.trials, strict=True):
        assert (result.name, result.kind) == (f"trial {trial.number}", "trial")
        assert (result.status, result.epochs) == ("complete", 1.0)
        scores = whole.scores(result)
        assert scores is not None
        assert result.reason == constant_predictions(scores["validation"])
        assert result.seed == derive_seed(7, trial.number)
        assert result.worker == "here-1"
        assert [point.epoch for point in result.curve][-1] == 1.0
        assert len(result.curve) == 2
        assert result.val_accuracy == result.curve[-1].val_accuracy == trial.value
        assert result.val_loss == result.curve[-1].val_loss
        assert result.layers == 4
        width = result.hyperparameters["width"]
        assert result.parameters == words(dataset) * 16 + 49 * width + width + 1
        assert any("recurrent" in rule for rule in result.violations)
        assert result.train_seconds > 0
        assert result.cpu_seconds is not None and result.cpu_seconds > 0
        assert result.latency_us > result.latency_batch_us > 0  # type: ignore[operator]
        assert trial.state == TrialState.COMPLETE
        # Pruned by the reports within the training.
        assert list(trial.intermediate_values) == [1, 2]


def test_hyperparameters_are_those_that_were_active(whole: Store) -> None:
    for result in whole.trials():
        conditional = {"rate"} if result.hyperparameters["optimizer"] == "adam" else set()
        assert set(result.hyperparameters) == {"width", "optimizer"} | conditional


def test_scores_are_kept_for_both_parts(whole: Store, dataset: Dataset) -> None:
    labels = dataset.labels[dataset.split.validation]
    for result in whole.trials():
        scores = whole.scores(result)
        assert scores is not None
        assert scores["validation"].dtype == scores["heldout"].dtype == np.float32
        assert len(scores["heldout"]) == len(dataset.split.heldout)
        assert accuracy_score(labels, scores["validation"] > 0.5) == result.val_accuracy


def test_the_best_checkpoints_remain_and_score_as_recorded(whole: Store, dataset: Dataset) -> None:
    ranked = best_first(whole.study)
    kept = [result for result in ranked if (whole.folder / result.artifacts / CHECKPOINT).exists()]
    assert kept == ranked[:KEPT_CHECKPOINTS]
    model = keras.saving.load_model(whole.folder / ranked[0].artifacts / CHECKPOINT)
    assert violations(model) == ranked[0].violations
    scores = whole.scores(ranked[0])
    assert scores is not None
    heldout = probabilities(model, dataset.encoded, dataset.split.heldout, padding="real")
    np.testing.assert_allclose(heldout, scores["heldout"], rtol=0, atol=1e-5)


def test_nothing_half_written_remains(whole: Store) -> None:
    names = {path.name for path in (whole.folder / "trials").rglob("*") if path.is_file()}
    assert names == {"scores.npz", CHECKPOINT}


def test_progress_is_told_at_each_report(
    whole: Store, told: list[tuple[str, float, float | None]]
) -> None:
    assert told == [
        (result.name, point.epoch, point.val_accuracy)
        for result in whole.trials()
        for point in result.curve
    ]


def test_the_same_seed_and_values_give_the_same_scores(
    whole: Store, dataset: Dataset, tmp_path: Path
) -> None:
    store = open_store(tmp_path)
    begin_with(store, whole.study.trials[0].params)
    search(store, dataset, Small(words(dataset)), 1)
    first, again = whole.scores(whole.trials()[0]), store.scores(store.trials()[0])
    assert first is not None
    assert again is not None
    np.testing.assert_allclose(again["heldout"], first["heldout"], rtol=0, atol=1e-3)


def test_a_failing_build_fails_its_trial_alone(dataset: Dataset, tmp_path: Path) -> None:
    # As Keras writes it: colours, several lines, and last a list of arguments.
    message = "Exception encountered.\n\n\x1b[1mThe shapes\ndiffer.\x1b[0m\n\nArguments:\n  • a=1"

    def build(hp: Any) -> Any:
        if hp.Boolean("broken", default=True):
            raise ValueError(message)
        return small_model(words(dataset))

    store = open_store(tmp_path)
    begin_with(store, {"broken": True}, {"broken": False})
    search(store, dataset, Building(build), 2)
    failed, fine = store.trials()
    assert (failed.status, fine.status) == ("failed", "complete")
    assert failed.reason == (
        "ValueError: Exception encountered. The shapes differ. Arguments: • a=1"
    )
    assert failed.hyperparameters == {"broken": True}
    assert failed.worker == "here-1"
    assert failed.artifacts == ""
    assert store.study.trials[failed.number or 0].state == TrialState.FAIL


@pytest.mark.parametrize(
    ("hypermodel", "reason"),
    [
        (lambda n: Building(lambda hp: None), "build returned a NoneType, not a Keras model"),
        (
            lambda n: Building(lambda hp: keras.Sequential([keras.layers.Dense(1)])),
            "ValueError: You must call `compile()` before using the model.",
        ),
        (DeafFit, "its fit finished no epoch with the callbacks it was given"),
    ],
)
def test_a_hypermodel_that_cannot_work_ends_the_search_and_says_why(
    dataset: Dataset, tmp_path: Path, hypermodel: Callable[[int], Any], reason: str
) -> None:
    store = open_store(tmp_path)
    with pytest.raises(TooManyFailures, match="1 trials in a row failed") as error:
        search(store, dataset, hypermodel(words(dataset)), 9, failures=1)
    assert str(error.value).endswith(f", the last with: {reason}")
    assert [(result.status, result.reason) for result in store.trials()] == [("failed", reason)]


def test_ids_outside_the_embedding_are_named(dataset: Dataset, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(TooManyFailures):
        search(store, dataset, Building(lambda hp: small_model(8)), 1, failures=1)
    (result,) = store.trials()
    # Keras' lookup and ours look at the ids side by side; whichever is first is heard.
    assert re.match(
        r"InvalidArgumentError: (ValueError: )?indices\[\d+,\d+\] = \d+ is not in \[0, 8\)",
        result.reason,
    )


def test_a_pruned_trial_keeps_its_curve(dataset: Dataset, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.study.pruner = optuna.pruners.ThresholdPruner(lower=1.1)
    search(store, dataset, Small(words(dataset)), 1)
    (result,), (trial,) = store.trials(), store.study.trials
    assert (result.status, result.reason) == ("pruned", "behind its rivals")
    assert trial.state == TrialState.PRUNED
    assert result.epochs == result.curve[-1].epoch < 1
    assert trial.intermediate_values == {1: result.curve[-1].val_accuracy}
    assert store.scores(result) is None
    assert result.layers == 4
    assert not (store.folder / "trials").exists()


def test_the_end_of_the_budget_prunes_and_fails_nothing(dataset: Dataset, tmp_path: Path) -> None:
    asked = [None]
    stop = lambda: asked.pop() if asked else "the budget ended"  # noqa: E731
    _, result, trial = run_one(tmp_path, dataset, Small(words(dataset)), stop=stop, failures=1)
    assert (result.status, result.reason, result.val_accuracy) == (
        "pruned",
        "the budget ended",
        None,
    )
    assert trial.state == TrialState.PRUNED


@pytest.mark.parametrize("objective", ["val_accuracy", "val_loss"])
def test_diverged_trials_are_results_and_end_no_search(
    dataset: Dataset, tmp_path: Path, objective: str
) -> None:
    def build(hp: Any) -> Any:
        return small_model(
            words(dataset), optimizer=keras.optimizers.SGD(1e38, momentum=0.9, nesterov=True)
        )

    store, result, trial = run_one(
        tmp_path, dataset, Building(build), objectives=[objective], failures=1
    )
    assert result.status == "diverged"
    assert "not finite" in result.reason
    assert result.val_loss is None
    assert result.curve
    # The share of the larger class is no accuracy that a sampler should seek.
    assert trial.state == TrialState.PRUNED
    assert store.choose_champion() is None


def test_an_interrupted_trial_is_put_back_and_repeated(dataset: Dataset, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    asked: list[int] = []

    def stop() -> str | None:
        asked.append(1)
        return INTERRUPTED if len(asked) == 3 else None

    search(store, dataset, Small(words(dataset)), 1, stop=stop)
    lost, waiting = store.study.trials
    assert (lost.state, waiting.state) == (TrialState.FAIL, TrialState.WAITING)
    assert waiting.user_attrs[RETRY_OF] == lost.number
    assert store.trials() == []
    assert not (store.folder / "trials").exists()

    resumed = open_store(tmp_path)
    search(resumed, dataset, Small(words(dataset)), 1)
    (result,) = resumed.trials()
    assert (result.name, result.status) == ("trial 1", "complete")
    assert resumed.study.trials[1].params == lost.params


def test_the_hypermodels_own_fit_is_respected(dataset: Dataset, tmp_path: Path) -> None:
    store, result, trial = run_one(tmp_path, dataset, OwnFit(words(dataset)))
    assert result.status == "complete", result.reason
    assert result.epochs == result.hyperparameters["epochs"] in (2, 3)
    assert {"shuffle", "epochs"} <= set(trial.params)
    # The own fit's arguments were for the training alone: the checkpoint is a plain model.
    keras.saving.load_model(store.folder / result.artifacts / CHECKPOINT)


def test_a_stock_hypermodel_without_declare_is_searched_whole(
    dataset: Dataset, tmp_path: Path
) -> None:
    def build(hp: Any) -> Any:
        width = 4
        wide = hp.Boolean("wide")
        with hp.conditional_scope("wide", [True]):
            if wide:
                width = hp.Int("width", 20, 30)
        hp.Fixed("batch_size", 32)
        return small_model(words(dataset), width=width)

    store = open_store(tmp_path)
    trials = search(store, dataset, Building(build), 1)
    found = {entry.name for entry in trials.queue.space.space}
    assert found == {"wide", "width", "batch_size"}
    begin_with(store, {"wide": True})
    search(store, dataset, Building(build), 1)
    (result,) = store.trials()
    assert result.status == "complete", result.reason
    assert 20 <= result.hyperparameters["width"] <= 30
    assert result.hyperparameters["batch_size"] == 32


def test_what_ranks_rows_is_reported_pruned_by_and_recorded(
    dataset: Dataset, tmp_path: Path
) -> None:
    told: list[float | None] = []
    _, result, trial = run_one(
        tmp_path, dataset, Small(words(dataset)), objectives=["val_auc"],
        notify=lambda name, epochs, value: told.append(value),
    )  # fmt: skip
    assert trial.value == result.val_auc == result.curve[-1].value
    assert [point.value for point in result.curve] == list(trial.intermediate_values.values())
    assert told == [point.value for point in result.curve]
    assert 0 < result.val_recall_at_fpr_0_1 <= result.val_recall_at_fpr_1  # type: ignore[operator]


def test_several_objectives_are_all_told(dataset: Dataset, tmp_path: Path) -> None:
    names = ["val_accuracy", "parameters", "latency_us"]
    _, result, trial = run_one(tmp_path, dataset, Small(words(dataset)), objectives=names)
    assert trial.values == [result.val_accuracy, result.parameters, result.latency_us]
    assert len(result.curve) == 2


def test_a_network_that_has_no_translation_is_searched_by_its_latency_in_keras(
    dataset: Dataset, tmp_path: Path
) -> None:
    space = OwnLayer(words(dataset))
    _, result, trial = run_one(tmp_path, dataset, space, objectives=["latency_us"])
    assert (result.status, result.latency_runtime) == ("complete", "keras")
    assert trial.value == result.latency_us and trial.value > 0


def test_a_disk_that_refuses_the_checkpoint_fails_no_trial(
    dataset: Dataset, tmp_path: Path
) -> None:
    store = open_store(tmp_path)
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(FatalError):
            search(
                store,
                dataset,
                Small(words(dataset)),
                1,
                notify=lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, most)),
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    (trial,) = store.study.trials
    # Whoever resumes the search finds it so, and repeats it.
    assert trial.state == TrialState.RUNNING
    assert {path.name for path in store.trial_folder(0).iterdir()} == {"scores.npz"}
