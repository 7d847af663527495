"""No file is ever opened for writing under its final name: a crash could leave half of it there."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.crashes.searches import REPOSITORY

# Imported by each Python process at its start, those of the workers too.
HOOK = """
import os
import sys

_opened = os.open(os.environ["OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            os.write(_opened, os.fsencode(path) + b"\\n")


sys.addaudithook(_note)
"""
# What grows while it is read, and is fixed where it was cut off; and the lock beside it.
GROWING = ("journal.log", "journal.log.lock", "worker-1.log")


def exposed(opened: Iterable[Path], out: Path) -> set[str]:
    """Give the files that were opened for writing where a reader would take them for whole."""
    below = {path.relative_to(out) for path in opened if path.is_relative_to(out)}
    return {
        str(path)
        for path in below
        if path.name not in GROWING and not any(part.startswith(".") for part in path.parts)
    }


def test_a_name_without_a_dot_is_exposed() -> None:
    out = Path("/out")
    assert exposed([out / "study" / "report.html", out / "study" / ".1.report.html"], out) == {
        "study/report.html"
    }
    assert not exposed(
        [out / ".2.best" / "model.keras", out / "study/journal.log", Path("/x")], out
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_search_and_an_export_in_every_format_write_beside(tmp_path: Path) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    out, opened = tmp_path / "out", tmp_path / "opened"
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": f"{tmp_path / 'hook'}:{REPOSITORY}",
        "OPENED": str(opened),
    }
    winner = str(out / "winner")
    for words in (
        ["search.run", "--rows", "700", "--padding", "real", "--epochs", "1", "--budget", "2",
         "--workers", "1", "--baselines", "linear", "--space", "tests.search.small:Small",
         "--study", "study", "--out", str(out)],
        ["results.export", "study", "--out", str(out), "--to", winner,
         "--format", "keras,savedmodel,onnx,litert"],
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in opened.read_text().splitlines()]
    names = {path.name.rpartition(".")[2] for path in paths if path.is_relative_to(out)}
    # The hook has seen the worker's files, the study's and the export's.
    assert {"keras", "npz", "log", "html", "onnx", "tflite", "npy", "csv"} <= names
    assert exposed(paths, out) == set()
