"""The scaling benchmark still runs: what it trains and what it shows, never how long it takes."""

from pathlib import Path

import numpy as np
import pytest

from data.dataset import Dataset
from tests.benchmarks import scaling


def test_a_row_says_what_was_read_and_estimates_the_epoch_from_its_steps(tmp_path: Path) -> None:
    data, *seconds = scaling.read(tmp_path / "log.csv", 600)
    assert len(data.encoded) == 600
    assert not list(tmp_path.iterdir())
    row = scaling.row_of(data, *seconds, scaling.Steps([0.1, 0.1, 0.4], 10, 128))
    shown = dict(zip(scaling.ROW_HEADS, row, strict=True))
    assert shown["rows"] == "600"
    assert shown["steps/s"] == pytest.approx(5)
    assert shown["epoch s, by median"] == pytest.approx(1)
    assert shown["by mean"] == pytest.approx(2)


@pytest.mark.slow
def test_training_goes_on_into_the_next_epoch_for_exactly_so_many_steps(dataset: Dataset) -> None:
    steps = scaling.train(scaling.of_length(dataset, 32, 600), 15, warm_up=1)
    assert steps.batches < 15
    assert len(steps.seconds) == 15


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
    searches = [(1, 1, 100.0), (1, 2, 80.0), (2, 2, 60.0)]
    rows, said = scaling.worker_rows([scaling.TimedSearch(*one, trials) for one in searches])
    assert [len(row) for row in rows] == [len(scaling.WORKER_HEADS)] * 3
    assert rows[1][3:] == [pytest.approx(100 / 80), pytest.approx(0.6)]
    assert rows[2][3:] == [pytest.approx(100 / 60), pytest.approx(0.2)]
    assert "the same trials: yes" in said
    assert "20.0%, 16 cores would be 4.0 times" in said and "60.0%" not in said
    other = scaling.TimedSearch(2, 2, 60.0, frozenset())
    assert (
        "the same trials: NO"
        in scaling.worker_rows([scaling.TimedSearch(1, 1, 9.0, trials), other])[1]
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--rows 600 --steps 2 --lengths 32,64 --workers 1,2 --budget 2 --search-rows 600"
    scaling.main(words.split())
    out = capsys.readouterr().out
    for heads in (scaling.ROW_HEADS, scaling.LENGTH_HEADS, scaling.WORKER_HEADS):
        assert all(head in out for head in heads)
    assert "the same trials: yes" in out
