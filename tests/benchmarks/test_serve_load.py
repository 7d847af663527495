"""The benchmark loads the real service with a real client."""

import shutil
import sys
from pathlib import Path

import pytest

from data.common import UserError
from tests.benchmarks.serve_load import Load, lines, main

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
        cells = [float(cell.replace(",", "")) for cell in rest if cell.strip()]
        _, _, requests, _, p50, p99, errors = cells
        assert errors == 0
        assert requests > 5
        assert 0 < p50 <= p99 < 2000


def test_servers_are_compared_round_by_round() -> None:
    ours, theirs = (
        [Load(300, 1.0, 2.0, 4.0, 0, 0, 0, 0, 0)] * 2,
        [
            Load(100, 1.0, 5.0, 8.0, 0, 0, 0, 1, 0),
            Load(50, 1.0, 7.0, 40.0, 0, 0, 0, 0, 1),
        ],
    )
    first, second = lines({"onnx": ours, "keras": theirs}, records=2, connections=16)
    assert first == ["onnx", 2, 16, "300 (300 to 300)", "600", "2.0", "4.0", "", "", 0]
    times, share = "4.5 (3.0 to 6.0)", "0.30 (0.10 to 0.50)"
    assert second == ["keras", 2, 16, "75 (50 to 100)", "150", "6.0", "24.0", times, share, 2]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--litserve", sys.executable, "pip install litserve onnxruntime numpy"),
        ("--earlier", "tests", "has no results/serve.py"),
    ],
)
def test_a_server_that_is_not_there_is_said(
    option: str, value: str, says: str, log_file: Path
) -> None:
    with pytest.raises(UserError, match=says):
        main(["--data", str(log_file), "--runtime", "onnx", option, value])
