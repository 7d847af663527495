"""The training routine, on a real model and a real log: reports, order of rows, every ending."""

import gc
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, log_loss
from tensorflow.python.framework.func_graph import FuncGraph

from data.dataset.dataset import Dataset
from data.records import MAX_LENGTH
from results.scoring import probabilities
from results.study import INTERRUPTED, Point
from search.training.fit import (
    PARTIAL_STRIDE,
    TrainingConfig,
    TrainingOutcome,
    fit,
    reset_session,
    with_timeout,
)
from tests.search.small import Noting, small_model

CONFIG = TrainingConfig(epochs=2, batch_size=32, reports=4, seed=3)


def seeded(dataset: Dataset, seed: int = 0, **options: Any) -> Any:
    keras.utils.set_random_seed(seed)
    return small_model(dataset.vocabulary.num_words, **options)


def weights(model: Any) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


@pytest.fixture(scope="module")
def told() -> list[Point]:
    return []


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Any:
    return seeded(dataset)


@pytest.fixture(scope="module")
def done(dataset: Dataset, model: Any, told: list[Point]) -> TrainingOutcome:
    def report(point: Point) -> str | None:
        told.append(point)
        # What is finished cannot be pruned.
        return "too late" if point.epoch == CONFIG.epochs else None

    return fit(model, dataset, CONFIG, on_report=report)


@pytest.fixture(scope="module")
def plain(dataset: Dataset) -> tuple[Any, TrainingOutcome, list[float]]:
    """The same training with one report an epoch; the model, its fit, and Keras's own losses."""
    losses: list[float] = []
    log = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: losses.append(logs["loss"])
    )
    model = seeded(dataset)
    return model, fit(model, dataset, replace(CONFIG, reports=1), callbacks=[log]), losses


@pytest.fixture(scope="module")
def steps(dataset: Dataset) -> int:
    """The batches of an epoch, as the source shows them."""
    seen: list[int] = []

    def train(source: tf.data.Dataset, **_: Any) -> None:
        seen.append(sum(1 for _ in source))
        assert source.cardinality().numpy() == seen[0]

    fit(seeded(dataset), dataset, CONFIG, train=train)
    return seen[0]


def test_the_whole_training_is_complete(done: TrainingOutcome) -> None:
    assert (done.status, done.reason, done.epochs) == ("complete", "", 2.0)
    assert done.seconds > 0


def test_reports_come_at_the_quarters_of_each_epoch(steps: int, done: TrainingOutcome) -> None:
    assert steps > 2 * CONFIG.reports
    quarters = [quarter / 4 for quarter in range(1, 9)]
    # The first batch end at or behind the quarter.
    assert [point.epoch for point in done.curve] == [
        math.ceil(quarter * steps) / steps for quarter in quarters
    ]


def test_each_report_is_told(done: TrainingOutcome, told: list[Point]) -> None:
    assert tuple(told) == done.curve


def test_the_curve_shows_learning(dataset: Dataset, done: TrainingOutcome) -> None:
    last = done.curve[-1]
    share = dataset.labels[dataset.split.validation].mean()
    assert last.val_accuracy > max(share, 1 - share)
    assert last.loss < done.curve[3].loss


def test_the_last_report_is_of_all_validation_rows(
    dataset: Dataset, done: TrainingOutcome, model: Any
) -> None:
    rows = dataset.split.validation
    labels = dataset.labels[rows]
    assert done.validation is not None
    np.testing.assert_allclose(
        done.validation,
        probabilities(model, dataset.encoded, rows, padding="real"),
        rtol=0,
        atol=1e-6,
    )
    assert done.curve[-1].val_accuracy == accuracy_score(labels, done.validation > 0.5)
    expected = log_loss(labels, done.validation.astype(float))
    assert done.curve[-1].val_loss == pytest.approx(expected, rel=1e-6)


def test_a_report_within_an_epoch_is_of_every_fifth_validation_row(
    dataset: Dataset, done: TrainingOutcome
) -> None:
    glanced = len(dataset.split.validation[::PARTIAL_STRIDE])
    accuracy = done.curve[0].val_accuracy
    assert accuracy * glanced == pytest.approx(round(accuracy * glanced))


def test_the_loss_is_the_mean_since_the_epoch_began(
    done: TrainingOutcome, plain: tuple[Any, TrainingOutcome, list[float]]
) -> None:
    assert [done.curve[3].loss, done.curve[7].loss] == pytest.approx(plain[2], rel=1e-3)


def test_the_same_seed_gives_the_same_weights_however_often_it_reports(
    model: Any, done: TrainingOutcome, plain: tuple[Any, TrainingOutcome, list[float]]
) -> None:
    # Threads add up in any order: not bit for bit.
    np.testing.assert_allclose(weights(plain[0]), weights(model), rtol=1e-3, atol=1e-4)
    assert [point.epoch for point in plain[1].curve] == [1.0, 2.0]


def test_another_seed_gives_other_weights(
    dataset: Dataset, model: Any, done: TrainingOutcome
) -> None:
    other = seeded(dataset)
    fit(other, dataset, replace(CONFIG, epochs=1, seed=4, reports=1))
    assert np.abs(weights(other) - weights(model)).max() > 0.01


@pytest.mark.parametrize("metrics", [["accuracy"], ["accuracy", "AUC"], None])
def test_the_step_of_a_training_is_traced_once(dataset: Dataset, metrics: Any) -> None:
    model = seeded(dataset)
    model.compile(keras.optimizers.Nadam(0.01), loss="binary_crossentropy", metrics=metrics)
    traced, step = [], model.train_step

    def train_step(data: Any) -> Any:
        traced.append(data)
        return step(data)

    model.train_step = train_step
    fit(model, dataset, replace(CONFIG, epochs=1, reports=1))
    assert len(traced) == 1


def test_a_training_is_pruned_at_the_report_that_is_refused(dataset: Dataset) -> None:
    judged = fit(
        seeded(dataset), dataset, CONFIG, on_report=lambda p: "too slow" if p.epoch > 0.4 else None
    )
    assert (judged.status, judged.reason) == ("pruned", "too slow")
    assert len(judged.curve) == 2
    assert judged.epochs == judged.curve[-1].epoch < 1
    assert judged.validation is None


def test_a_stop_ends_within_a_batch(dataset: Dataset, steps: int) -> None:
    asked: list[int] = []

    def stop() -> str | None:
        asked.append(1)
        return "the budget ended" if len(asked) == 3 else None

    stopped = fit(seeded(dataset), dataset, replace(CONFIG, reports=1), stop=stop)
    assert (stopped.status, stopped.reason) == ("pruned", "the budget ended")
    assert len(asked) == 3
    assert stopped.epochs == 3 / steps
    assert stopped.curve == ()
    assert stopped.validation is None


def test_a_stop_ends_an_evaluation(dataset: Dataset, steps: int) -> None:
    asked: list[int] = []
    noting, early = Noting(), keras.callbacks.EarlyStopping("val_accuracy", patience=1)

    def stop() -> str | None:
        asked.append(1)
        return "the budget ended" if len(asked) > steps else None

    stopped = fit(
        seeded(dataset), dataset, replace(CONFIG, reports=1), stop=stop, callbacks=[noting, early]
    )
    assert (stopped.status, stopped.epochs, stopped.curve) == ("pruned", 1.0, ())
    assert stopped.validation is None
    assert noting.calls == ["begin", "end"]


def test_what_is_trained_to_its_end_gets_its_last_report(dataset: Dataset, steps: int) -> None:
    batches: list[int] = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: batches.append(batch)
    )

    def stop() -> str | None:
        return "the budget ended" if len(batches) == CONFIG.epochs * steps else None

    ended = fit(seeded(dataset), dataset, replace(CONFIG, reports=1), stop=stop, callbacks=[count])
    assert (ended.status, ended.reason, ended.epochs) == ("complete", "", 2.0)
    assert ended.validation is not None


def lost(dataset: Dataset) -> Any:
    """Build a model whose first step throws its weights out of float32."""
    return seeded(dataset, optimizer=keras.optimizers.SGD(1e38, momentum=0.9))


def test_a_lost_loss_ends_the_training_as_diverged(dataset: Dataset) -> None:
    judged: list[Point] = []
    ended = fit(lost(dataset), dataset, CONFIG, on_report=judged.append)
    assert ended.status == "diverged"
    assert "not finite" in ended.reason
    assert ended.epochs == ended.curve[-1].epoch < 1
    assert not math.isfinite(ended.curve[-1].loss + ended.curve[-1].val_loss)
    # Nobody is told of a nan: Optuna would refuse it.
    assert all(math.isfinite(point.loss) for point in judged)


def test_a_baseline_trains_on_after_its_loss_is_lost(dataset: Dataset) -> None:
    ended = fit(lost(dataset), dataset, replace(CONFIG, stop_when_diverged=False))
    assert (ended.status, ended.epochs, len(ended.curve)) == ("diverged", 2.0, 8)
    assert ended.validation is not None
    assert len(ended.validation) == len(dataset.split.validation)


def tapped(model: Any, seen: list[bytes]) -> Callable[..., Any]:
    """Train as `model.fit` does, and note each row that comes by."""

    def note(ids: np.ndarray) -> np.int64:
        seen.extend(row[row > 0].tobytes() for row in ids)
        return np.int64(0)

    def tap(ids: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.control_dependencies([tf.numpy_function(note, [ids], tf.int64)]):
            return tf.identity(ids), labels

    def train(source: tf.data.Dataset, **how: Any) -> Any:
        return model.fit(source.map(tap), **how)

    return train


def test_every_row_is_seen_once_an_epoch(dataset: Dataset) -> None:
    seen: list[bytes] = []
    model = seeded(dataset)
    fit(model, dataset, replace(CONFIG, reports=1), train=tapped(model, seen))
    rows = dataset.encoded.padded(dataset.split.fit, MAX_LENGTH)
    once = Counter(row[row > 0].tobytes() for row in rows)
    assert Counter(seen) == Counter({row: 2 * count for row, count in once.items()})
    half = len(seen) // 2
    assert Counter(seen[:half]) == once
    assert seen[:half] != seen[half:]


def test_each_row_comes_with_its_own_label(dataset: Dataset) -> None:
    rows = dataset.split.fit
    known = {
        ids[ids > 0].tobytes(): label
        for ids, label in zip(
            dataset.encoded.padded(rows, MAX_LENGTH), dataset.labels[rows], strict=True
        )
    }
    pairs = []

    def train(source: tf.data.Dataset, **_: Any) -> None:
        for ids, labels in source.as_numpy_iterator():
            assert labels.shape == (len(ids), 1)
            pairs.extend(
                (row[row > 0].tobytes(), label[0]) for row, label in zip(ids, labels, strict=True)
            )

    fit(seeded(dataset), dataset, CONFIG, train=train)
    assert len(pairs) == len(rows)
    assert all(known[row] == label for row, label in pairs)


def test_full_padding_gives_the_notebooks_shapes(dataset: Dataset) -> None:
    shapes = []

    def train(source: tf.data.Dataset, **how: Any) -> None:
        assert how["epochs"] == 3
        shapes.extend(ids.shape for ids, _ in source.as_numpy_iterator())

    fit(seeded(dataset), dataset, TrainingConfig(padding="full"), train=train)
    count = len(dataset.split.fit)
    assert sorted(shapes) == sorted(
        [(128, 1024)] * (count // 128) + [(count % 128, 1024)] * bool(count % 128)
    )


def test_callbacks_find_the_validation_values(dataset: Dataset) -> None:
    # Without them it would warn, which is an error here, and never stop.
    early = keras.callbacks.EarlyStopping("val_accuracy", mode="min", min_delta=1, patience=1)
    seen: list[dict[str, float]] = []
    log = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    ended = fit(
        seeded(dataset), dataset, replace(CONFIG, epochs=9, reports=1), callbacks=[early, log]
    )
    assert ended.status == "complete"
    assert ended.epochs == len(seen) == len(ended.curve) < 9
    assert [logs["val_accuracy"] for logs in seen] == [p.val_accuracy for p in ended.curve]
    assert [logs["val_loss"] for logs in seen] == [p.val_loss for p in ended.curve]


def test_several_steps_an_execution_are_counted(
    dataset: Dataset, steps: int, done: TrainingOutcome
) -> None:
    executed = fit(seeded(dataset, steps_per_execution=3), dataset, CONFIG)
    assert (executed.status, executed.epochs) == ("complete", 2.0)
    assert [point.epoch for point in executed.curve if point.epoch % 1 == 0] == [1.0, 2.0]
    for point, due in zip(executed.curve, done.curve, strict=True):
        assert due.epoch <= point.epoch <= due.epoch + 2 / steps


def restoring() -> keras.callbacks.Callback:
    # Nothing is better than the first epoch.
    return keras.callbacks.EarlyStopping(
        "accuracy", mode="min", min_delta=1, patience=1, restore_best_weights=True
    )


def ending_by_hand(model: Any) -> Callable[..., Any]:
    def train(source: tf.data.Dataset, **how: Any) -> None:
        model.fit(source, **how)
        model.layers[-1].bias.assign([9.0])

    return train


@pytest.mark.parametrize("how", ["restored", "averaged", "by hand", "as they were"])
def test_what_is_scored_are_the_weights_that_the_training_leaves(
    dataset: Dataset, how: str
) -> None:
    averaging = keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)
    model = seeded(dataset, optimizer=averaging if how == "averaged" else None)
    ended = fit(
        model,
        dataset,
        replace(CONFIG, reports=1),
        callbacks=[restoring()] if how == "restored" else [],
        train=ending_by_hand(model) if how == "by hand" else None,
    )
    rows = dataset.split.validation
    labels = dataset.labels[rows]
    scores = probabilities(model, dataset.encoded, rows, padding="real")
    assert ended.status == "complete" and ended.validation is not None
    np.testing.assert_allclose(ended.validation, scores, rtol=0, atol=1e-6)
    assert ended.final is not None
    assert ended.final.val_accuracy == accuracy_score(labels, ended.validation > 0.5)
    expected = log_loss(labels, np.clip(ended.validation.astype(float), 1e-7, 1 - 1e-7))
    assert ended.final.val_loss == pytest.approx(expected, rel=1e-3)
    # Nothing is scored twice without need.
    assert (ended.final is ended.curve[-1]) == (how == "as they were")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("reports", [1, 2])
def test_a_training_that_ends_by_itself_is_not_pruned(
    dataset: Dataset, reports: int, first: bool
) -> None:
    """Whether the callback that ends it comes before the reports or after them."""
    model = seeded(dataset)
    stopping = restoring()

    def train(source: tf.data.Dataset, *, callbacks: list[Any], **how: Any) -> None:
        model.fit(
            source, callbacks=[stopping, *callbacks] if first else [*callbacks, stopping], **how
        )

    ended = fit(
        model,
        dataset,
        replace(CONFIG, epochs=9, reports=reports),
        on_report=lambda point: "behind" if point.epoch == 2 else None,
        train=train,
    )
    assert (ended.status, ended.reason, ended.epochs) == ("complete", "", 2.0)
    assert ended.validation is not None


@pytest.mark.parametrize("when", [0.5, 1.0])
def test_a_pruned_training_ends_its_callbacks_and_says_on_how_many_rows_it_rests(
    dataset: Dataset, when: float
) -> None:
    noting, early = Noting(), keras.callbacks.EarlyStopping("val_loss", patience=9)
    ended = fit(
        seeded(dataset),
        dataset,
        replace(CONFIG, reports=2),
        on_report=lambda point: "behind" if point.epoch >= when else None,
        callbacks=[noting, early],
    )
    assert ended.status == "pruned"
    assert when <= ended.epochs < when + 0.1
    assert noting.calls == ["begin", "end"]
    rows = dataset.split.validation
    assert ended.val_rows == len(rows if when == 1.0 else rows[::PARTIAL_STRIDE])


def test_a_fit_that_trains_again_after_its_end_is_ended_again(dataset: Dataset) -> None:
    model, noting = seeded(dataset), Noting()

    def train(source: tf.data.Dataset, **how: Any) -> None:
        model.fit(source, **how)
        model.fit(source, **how)

    ended = fit(
        model, dataset, CONFIG, on_report=lambda point: "behind", callbacks=[noting], train=train
    )
    assert (ended.status, ended.reason, len(ended.curve)) == ("pruned", "behind", 1)
    assert noting.calls == ["begin", "end"] * 2


def test_a_loop_that_ignores_its_end_is_left(dataset: Dataset) -> None:
    model = seeded(dataset)
    batches: list[int] = []

    def train(source: tf.data.Dataset, *, callbacks: list[Any], **how: Any) -> None:
        watching = keras.callbacks.CallbackList(callbacks, model=model, epochs=2, steps=9)
        watching.on_train_begin()
        for batch in range(99):
            batches.append(batch)
            watching.on_train_batch_end(batch, {})

    ended = fit(model, dataset, CONFIG, stop=lambda: "the budget ended", train=train)
    assert (ended.status, ended.reason) == ("pruned", "the budget ended")
    assert len(batches) == 3


@pytest.mark.slow
def test_a_training_leaves_no_graph_to_the_next(dataset: Dataset) -> None:
    """TensorFlow keeps every custom gradient with its graph: 10 MiB a trial, were it left to."""

    def graphs() -> int:
        reset_session(0)
        return sum(isinstance(item, FuncGraph) for item in gc.get_objects())

    counts = []
    for _ in range(3):
        fit(small_model(dataset.vocabulary.num_words), dataset, CONFIG)
        counts.append(graphs())
    assert counts[1] == counts[2] <= counts[0]


def test_the_clock_of_a_training_starts_at_its_first_batch() -> None:
    stop = with_timeout(lambda: None, 0.2)
    time.sleep(0.3)
    assert stop() is None
    assert stop() is None
    time.sleep(0.3)
    assert stop() == "it trained for longer than --trial-timeout 0.2s"


def test_another_reason_takes_precedence_over_the_clock() -> None:
    stop = with_timeout(lambda: INTERRUPTED, 1e-9)
    assert [stop(), stop()] == [INTERRUPTED, INTERRUPTED]
    assert with_timeout(lambda: None, None)() is None
