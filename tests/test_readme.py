"""The README's program runs as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_bridge_example(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text()
    program, pruned = re.findall(r"```python\n(.*?)```", text, re.S)
    # The second block is the first one's tuner with pruning: both are run as one program.
    program = program.replace("tuner = keras_tuner.Tuner(", f"{pruned}\ntuner = PrunedTuner(")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    value, _, best = done.stdout.strip().splitlines()[-1].partition(" ")
    assert 0.5 < float(value) <= 1
    assert "'layers'" in best


def test_the_two_commands_stand_on_their_own() -> None:
    text = (REPOSITORY / "README.md").read_text()
    for name in ("run", "test"):
        (command,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", text, re.S)
        assert command.startswith("python3 -m venv .venv &&")
        assert "pip install" in command
    assert "@@" not in text
