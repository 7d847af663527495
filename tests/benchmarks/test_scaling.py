"""The scaling benchmark still runs: what it trains and what it shows, never how long it takes."""

from pathlib import Path

import numpy as np
import pytest

from data.prepare import Dataset
from tests.benchmarks import scaling
from tests.benchmarks.scaling import Searched


def test_a_log_is_read_and_trained_on_for_exactly_so_many_steps(tmp_path: Path) -> None:
    data, *seconds = scaling.read(tmp_path / "log.csv", 600)
    assert len(data.encoded) == 600
    assert not list(tmp_path.iterdir())
    row = scaling.row_of(data, *seconds, steps=3)
    assert len(row) == len(scaling.ROW_HEADS)
    assert row[0] == "600"


def test_steps_go_on_into_the_next_epoch(dataset: Dataset) -> None:
    steps = scaling.train(scaling.of_length(dataset, 32, 600), 9, warm_up=1)
    assert steps.batches < 9
    assert len(steps.seconds) == 9


def test_records_are_cut_to_one_length(dataset: Dataset) -> None:
    cut = scaling.of_length(dataset, 64, 1000)
    assert set(cut.encoded.lengths.tolist()) == {64}
    assert len(cut.encoded) == len(cut.labels) == sum(map(len, cut.split.slices.values())) == 1000
    assert np.array_equal(cut.encoded.ids[:64], dataset.encoded.ids[:64])
    assert set(cut.labels.tolist()) == {0, 1}


def test_the_serial_share_is_what_amdahls_law_was_given() -> None:
    alone, serial = 80.0, 0.2
    for workers in (2, 4, 16):
        together = alone * (serial + (1 - serial) / workers)
        assert scaling.serial_share(alone, together, workers) == pytest.approx(serial)
        assert scaling.speed_up(serial, workers) == pytest.approx(alone / together)


def test_the_searches_are_compared_and_carried_on_to_more_cores() -> None:
    trials = frozenset({("trial 0", 10), ("trial 1", 20)})
    rows, said = scaling.worker_table([Searched(1, 1, 100.0, trials), Searched(2, 2, 60.0, trials)])
    assert [len(row) for row in rows] == [len(scaling.WORKER_HEADS)] * 2
    assert rows[1][3:] == [pytest.approx(100 / 60), pytest.approx(0.2)]
    assert "the same trials: yes" in said
    assert "20.0%, 16 cores would be 4.0 times" in said
    other = Searched(2, 2, 60.0, frozenset())
    assert "the same trials: NO" in scaling.worker_table([Searched(1, 1, 9.0, trials), other])[1]


@pytest.mark.slow
def test_the_whole_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--rows 600 --steps 2 --lengths 32,64 --workers 1,2 --budget 2 --search-rows 600"
    scaling.main(words.split())
    out = capsys.readouterr().out
    for heads in (scaling.ROW_HEADS, scaling.LENGTH_HEADS, scaling.WORKER_HEADS):
        assert all(head in out for head in heads)
    assert "the same trials: yes" in out
