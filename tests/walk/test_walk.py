"""The walk through the assignment has every step, and runs as it stands there."""

import ast
import itertools
import json
import re
import string
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.commands import ROOT

WALK = Path(__file__).with_name("walk.ipynb")
MOST_BYTES = 30_000
LAST_STEPS = {"1": "j", "2": "h", "3": "e", "4": "e"}
STEPS = [
    part + letter
    for part, last in LAST_STEPS.items()
    for letter in string.ascii_lowercase[: string.ascii_lowercase.index(last) + 1]
]
QUESTIONS = ["5", "6", "7", "8", "9"]
OWN = {"data", "spaces", "results", "search"}
OTHERS = {"IPython", "keras", "keras_tuner", "numpy", "tabulate", "tensorflow"}


@pytest.fixture(scope="module")
def walk() -> Any:
    notebook = nbformat.read(WALK, as_version=4)
    nbformat.validate(notebook)
    return notebook


def sections(notebook: Any) -> dict[str, list[Any]]:
    """The code cells under each heading, by the step's or question's name."""
    found: dict[str, list[Any]] = {}
    code: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            code.append(cell)
        elif heading := re.match(r"##+ (?:(\w+)\. )?(.*)", cell.source):
            code = found.setdefault(heading[1] or heading[2], [])
    return found


def test_every_step_has_its_heading_and_its_code(walk: Any) -> None:
    parts = sections(walk)
    names = [*STEPS, "Model comparison", *QUESTIONS]
    assert [name for name in parts if name in names] == names
    assert all(parts[name] for name in names)


def test_what_is_said_is_asserted(walk: Any) -> None:
    parts = sections(walk)
    for name in ["Model comparison", *QUESTIONS]:
        assert all(re.search(r"^assert ", cell.source, re.M) for cell in parts[name]), name


def test_its_code_is_ours(walk: Any) -> None:
    imported = set()
    for cell in walk.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add((node.module or "").partition(".")[0])
    assert imported >= OWN
    standard = {"json", "os", "pathlib", "tempfile", "warnings"}
    assert imported <= OWN | OTHERS | standard


def test_its_outputs_are_those_of_one_run_and_small(walk: Any) -> None:
    code = [cell for cell in walk.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = list(itertools.chain.from_iterable(cell.outputs for cell in code))
    printed = [it for it in outputs if it.output_type == "stream"]
    assert {it.name for it in printed} == {"stdout"}
    # What the search showed while it ran is gone, and leaves an empty place; then the run itself.
    progress, run = (it.data for it in outputs if it not in printed)
    assert progress == {"text/plain": ""}
    assert "Model 3 (trial" in run["text/html"] and "<table>" in run["text/html"]
    text = json.dumps(outputs)
    assert len(text) < MOST_BYTES and "/tmp" not in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_runs(walk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    printing = [cell.id for cell in walk.cells if cell.get("outputs")]
    fresh = nbformat.read(WALK, as_version=4)
    NotebookClient(
        fresh, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    assert [cell.id for cell in fresh.cells if cell.get("outputs")] == printing
