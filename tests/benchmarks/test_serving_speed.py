"""The benchmark compares real networks on both runtimes."""

from pathlib import Path

import pytest

from data.common import UserError
from tests.benchmarks.serving_speed import main


@pytest.mark.slow
def test_the_tables_are_of_real_runs(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = ["default", "wide"]
    options = ["--networks", ",".join(networks), "--rows", "60", "--rounds", "1", "--cores", "1"]
    main(["--data", str(log_file), *options])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == len(networks)
    for name, line in zip(networks, lines, strict=True):
        found, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        assert found == name
        *figures, difference = (float(cell.replace(",", "")) for cell in cells)
        assert len(figures) == 6 and min(figures) > 0
        assert difference < 1e-5


def test_an_unknown_network_is_refused(log_file: Path) -> None:
    with pytest.raises(UserError, match="--networks has 'cnn'"):
        main(["--data", str(log_file), "--networks", "default,cnn"])
