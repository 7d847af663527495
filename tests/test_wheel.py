"""What a built wheel holds, and that a type checker reads the installed packages' annotations."""

import configparser
import email
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.commands import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("data", "spaces", "results", "search")
(BUILDER,) = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
HAVE = Version(importlib.metadata.version("setuptools"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        HAVE not in BUILDER.specifier, reason=f"needs {BUILDER}, but {HAVE} is here"
    ),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    # Of a copy: setuptools leaves a folder where it builds.
    folder = tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", folder / "dist", folder], check=True, capture_output=True)
    (path,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_every_module_is_in_it_and_no_test(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == modules
    for pattern in ("results/**/assets/*", "data/synthesis/rules/*", "data/synthesis/words/*"):
        files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        assert len(files) > 3
        assert files <= names


def test_it_is_marked_as_typed(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())
    pytest.importorskip("mypy", reason="needs mypy: pip install -e '.[dev]'")
    # Of what is installed a checker reads only what has the mark.
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    wheel.extractall(packages)
    (tmp_path / "program.py").write_text(
        "from search.config.budget import Budget\n\nreveal_type(Budget(trials=1).trials)\n"
    )
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", tmp_path / "cache",
            "--python-executable", tmp_path / "venv" / "bin" / "python", "program.py",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert 'Revealed type is "int | None"' in done.stdout.replace("builtins.", ""), done.stdout
    assert done.returncode == 0


def test_an_index_can_tell_what_it_is(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    told = email.message_from_bytes(wheel.read(name))
    assert told["Author"] and told["Keywords"] and told["License-Expression"] == "MIT"
    pythons = [each for each in told.get_all("Classifier", []) if "Python :: 3." in each]
    assert [each.rpartition(".")[2] for each in pythons] == ["11", "12", "13"]


def test_scripts_are_installed(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert dict(points["console_scripts"]) == PROJECT["project"]["scripts"]
