"""The benchmark runs the real command on the real number of lines."""

from pathlib import Path

import pytest

from tests.benchmarks.predict_throughput import PredictRun, row
from tests.commands import call


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "keras"])
def test_the_table_is_of_real_runs(name: str, log_file: Path) -> None:
    words = ["--runtime", name, "--lines", "200,10000", "--threads", "1"]
    # In a process of its own, since a child's peak memory starts at its parent's.
    done = call("tests.benchmarks.predict_throughput", "--data", log_file, *words)
    header, _, line = done.out.splitlines()
    assert "records a CPU second" in header and "10,000 lines" in header
    runtime, *rest = line.strip("|").split("|")
    cells = [float(cell.replace(",", "")) for cell in rest]
    threads, per_cpu_second, per_second, start, *peaks = cells
    assert (runtime.strip(), threads) == (name, 1)
    # The difference of two runs, each of which starts a process: the machine's noise is in it.
    assert 100 < per_cpu_second < 1e6 and 100 < per_second < 1e6
    assert start < 100
    if name == "onnx":
        assert max(peaks) < 300
    else:  # TensorFlow alone takes more than 200; a gibibyte more would not be constant memory.
        assert 200 < peaks[0] < peaks[1] + 100 < peaks[0] + 1000


def test_what_both_inputs_cost_does_not_count() -> None:
    short, long = PredictRun(1000, 7.0, 8.0, 2**30), PredictRun(11_000, 9.0, 13.0, 2**30)
    assert row("onnx", 1, short, long) == ["onnx", 1, 5000, 2000, pytest.approx(6.8), 1024, 1024]
