"""The scaling benchmark still runs: what it trains and what it shows, never how long it takes."""

from pathlib import Path

import numpy as np
import pytest

from data.dataset.dataset import Dataset
from tests.benchmarks import amdahl, scaling


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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--rows 600 --steps 2 --lengths 32,64 --workers 1,2 --budget 2 --search-rows 600"
    scaling.main(words.split())
    out = capsys.readouterr().out
    for heads in (scaling.ROW_HEADS, scaling.LENGTH_HEADS, amdahl.HEADS):
        assert all(head in out for head in heads)
    assert "the same trials: yes" in out
