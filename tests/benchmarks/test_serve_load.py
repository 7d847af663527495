"""The benchmark loads the real service with a real client."""

import shutil
from pathlib import Path

import pytest

from tests.benchmarks.serve_load import main

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="Debian's wrk is not installed"),
]


def test_figures_of_the_default_model(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(log_file), "--runtime", "onnx", "--connections", "1,16", "--seconds", "3"])
    table = capsys.readouterr().out
    with capsys.disabled():
        print(f"\n{table}")
    lines = table.splitlines()[2:]
    assert len(lines) == 4
    for line in lines:
        runtime, *rest = line.strip("|").split("|")
        assert runtime.strip() == "onnx"
        cells = [float(cell.replace(",", "")) for cell in rest]
        _, _, requests, _, p50, p99, errors = cells
        assert errors == 0
        assert requests > 5
        assert 0 < p50 <= p99 < 2000
