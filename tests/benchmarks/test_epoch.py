"""The benchmark of an epoch still runs, and counts what it says."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import epoch
from tests.benchmarks.measuring import dataset, spread


@pytest.mark.slow
def test_it_prints_a_ratio_and_keeps_the_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "raw.json"
    epoch.main(["--rows", "300", "--repeats", "1", "--families", "LSTM", "--json", str(kept)])
    shown = capsys.readouterr().out
    assert "LSTM" in shown and "times the limit" in shown
    raw = json.loads(kept.read_text())["LSTM"]
    assert len(raw["ours"]) == len(raw["stock"]) == 1
    assert min(raw["ours"] + raw["stock"]) > 0


def test_operations_grow_with_real_characters() -> None:
    data = dataset(None, 300)
    characters = data.encoded.lengths[data.split.fit].clip(max=1024).sum()
    without, with_inputs = (epoch.lstm_operations(data, inputs=one) for one in (False, True))
    assert without == 6 * 64 * 256 * characters
    assert with_inputs == 6 * (64 + 32) * 256 * characters


def test_a_spread_names_median_and_ends() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2.0 (1.0 to 3.0)"
    assert spread([3.0]) == "3.0"
