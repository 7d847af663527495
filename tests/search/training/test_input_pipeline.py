"""The batches of a training."""

import logging
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tensorflow as tf

from data.dataset.dataset import Dataset
from search.training import input_pipeline
from search.training.input_pipeline import make_batches


def read(source: object) -> list[tuple[bytes, bytes]]:
    return [(ids.tobytes(), labels.tobytes()) for ids, labels in source.as_numpy_iterator()]  # type: ignore[attr-defined]


def test_every_fit_row_comes_once_an_epoch(dataset: Dataset) -> None:
    source = make_batches(dataset, batch_size=16, padding="real", seed=1)
    elements = list(source.as_numpy_iterator())
    assert len(elements) == int(source.cardinality())
    rows = dataset.split.fit
    expected = sorted(
        dataset.encoded.padded(rows[[i]], 1024)[0].tobytes() for i in range(len(rows))
    )
    found = [np.pad(row, (1024 - len(row), 0)) for ids, _ in elements for row in ids]
    assert sorted(row.astype(np.int32).tobytes() for row in found) == expected
    positives = sum(int(labels.sum()) for _, labels in elements)
    assert positives == int(dataset.labels[rows].sum())


def test_each_reading_has_another_order_and_a_seed_repeats_all(dataset: Dataset) -> None:
    first, again = (make_batches(dataset, batch_size=16, padding="real", seed=1) for _ in range(2))
    epochs = [read(first), read(first)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) != sorted(epochs[1])
    assert [read(again), read(again)] == epochs


def test_an_epoch_that_was_left_does_not_reach_into_the_next(dataset: Dataset) -> None:
    left, whole = (make_batches(dataset, batch_size=16, padding="real", seed=1) for _ in range(2))
    read(left.take(1))
    read(whole)
    assert read(left) == read(whole)


def test_no_tuner_runs_beside_it_that_its_end_would_wait_for(dataset: Dataset) -> None:
    source = make_batches(dataset, batch_size=16, padding="real", seed=1)
    assert source.options().autotune.enabled is False


def test_autograph_leaves_it_as_it_is(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Without its source AutoGraph cannot convert a function, and would say so. The empty line makes
    # code that it has not seen before.
    gone = ModuleType("gone")
    monkeypatch.setitem(sys.modules, "gone", gone)
    source = "\n" + Path(input_pipeline.__file__).read_text()
    exec(compile(source, "gone.py", "exec"), vars(gone))
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    made = gone.make_batches(dataset, batch_size=16, padding="real", seed=1)
    assert [record.getMessage() for record in caplog.records] == []
    ids, labels = made.element_spec
    assert (ids.shape.as_list(), ids.dtype) == ([None, None], tf.int32)
    assert (labels.shape.as_list(), labels.dtype) == ([None, 1], tf.float32)
    assert read(made) == read(make_batches(dataset, batch_size=16, padding="real", seed=1))
