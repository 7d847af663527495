"""Cheaper versions of a log, and what is said of them."""

import dataclasses
import pickle

import numpy as np
import pytest

from data.common.errors import UserError
from data.records import Encoded
from tests.benchmarks.measuring import dataset
from tests.benchmarks.tabular.cheaper import Fidelity, compare, shortened, table_of, taken, trained
from tests.benchmarks.tabular.made import by_rate, made
from tests.benchmarks.tabular.table import FOLDER, load


def test_shortened_records_keep_their_ends() -> None:
    lengths = np.array([3, 0, 7, 5, 9])
    encoded = Encoded(np.arange(24, dtype=np.uint8), np.concatenate([[0], np.cumsum(lengths)]))
    short = shortened(encoded, 5)
    rows = np.arange(5)
    assert short.lengths.tolist() == [3, 0, 5, 5, 5]
    assert (short.padded(rows, 5) == encoded.padded(rows, 5)).all()


def test_only_fit_rows_become_fewer() -> None:
    data = dataset(None, 600)
    fewer = Fidelity("every fourth row", stride=4).of(data)
    assert (fewer.split.fit == data.split.fit[::4]).all()
    assert (fewer.split.validation == data.split.validation).all()
    assert fewer.encoded is data.encoded


def test_a_version_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(Fidelity("short", characters=64).of(dataset(None, 600))))
    assert sent.encoded.lengths.max() == 64


@pytest.mark.slow
def test_a_point_is_trained_by_its_seed() -> None:
    data = Fidelity("short", stride=2, characters=64).of(dataset(None, 600))
    point = {"embedding": 16, "conv_filters": 32, "recurrent_units_1": 32, "batch_size": 64}
    (accuracy, seconds), (again, _) = trained(point, data, 1), trained(point, data, 1)
    assert 0 < accuracy <= 1
    assert seconds > 0
    assert again == accuracy


def test_the_table_is_that_of_the_log() -> None:
    with pytest.raises(UserError, match="the log of no table"):
        table_of(dataset(None, 600))
    table = load(FOLDER / "synthetic.csv")
    facts = {"fingerprint": table.facts["data"]["fingerprint"]}
    data = dataclasses.replace(dataset(None, 600), facts=facts)
    assert table_of(data).points == table.points


def test_points_are_taken_evenly_from_the_complete_trials_that_can_be_built() -> None:
    table = load(FOLDER / "shared.csv")
    rows = taken(table, 60)
    assert len(set(rows)) == 60
    assert table.is_complete[rows].all()
    assert "lion" not in {table.points[row]["optimizer"] for row in rows}
    assert np.diff(rows).max() < 30


def test_a_version_stands_beside_the_report_that_costs_as_much() -> None:
    table = made(by_rate)
    rows = list(range(40))
    late = table.val_accuracy[rows, -1]
    first, second = compare(table, rows, np.full(40, 7.5), late**2, "short")
    assert first == pytest.approx(("short", 0.25, 1.0, 1.0, 1.0))
    assert second[0] == "whole, 0.75 epochs"
    assert second[1] == 0.25
