"""What a built wheel holds, that it runs where it is installed, and what an index is told of it."""

import configparser
import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
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


REMOTE = "https://someone:secret@github.com/someone/searches.git"
ADDRESS = "https://github.com/someone/searches"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, since setuptools leaves a folder where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "pyproject.toml", ".packaging", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for words in (["init", "-q"], ["remote", "add", "origin", REMOTE]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(clone: Path) -> Iterator[zipfile.ZipFile]:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", clone / "dist", clone], check=True, capture_output=True)
    (path,) = (clone / "dist").glob("*.whl")
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
    assert_that_it_leads_to_the_repository(told)


def assert_that_it_leads_to_the_repository(told: email.message.Message) -> None:
    assert told["Project-URL"] == f"Repository, {ADDRESS}"
    assert told["Description-Content-Type"] == "text/markdown"
    page = page_of(told)
    assert f"]({ADDRESS}/raw/HEAD/.github/report.png)" in page
    assert f"]({ADDRESS}/blob/HEAD/search/README.md)" in page
    assert all(link.startswith("https://") for link in re.findall(r"\]\(([^)]*)", page))
    assert "secret" not in told.as_string()


def page_of(told: email.message.Message) -> str:
    content = told.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def build(folder: Path, call: str) -> str:
    """Call the backend as pip does; give the name of what it made in the folder `made`."""
    (folder / "made").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", f"import backend\nprint(backend.{call}('made'))"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / ".packaging")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_a_source_distribution_knows_it_too(clone: Path, tmp_path: Path) -> None:
    with tarfile.open(clone / "made" / build(clone, "build_sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    name = build(folder, "prepare_metadata_for_build_wheel")
    told = email.message_from_bytes((folder / "made" / name / "METADATA").read_bytes())
    assert_that_it_leads_to_the_repository(told)


def test_without_an_address_none_is_named(clone: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(clone, tmp_path / "copy", ignore=shutil.ignore_patterns(".git")))
    name = build(copy, "prepare_metadata_for_build_wheel")
    told = email.message_from_bytes((copy / "made" / name / "METADATA").read_bytes())
    assert told["Project-URL"] is None
    assert page_of(told) == (ROOT / "README.md").read_text(encoding="utf-8")


def test_scripts_are_installed(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert dict(points["console_scripts"]) == PROJECT["project"]["scripts"]


@pytest.mark.timeout(600)
def test_it_runs_where_it_is_installed_beside_folders_of_the_same_names(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    # What it depends on is here already; that all of it is declared is for tests/test_imports.py.
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    binaries = tmp_path / "venv" / "bin"
    installing = ["install", "-q", "--no-deps", "--no-index", str(wheel.filename)]
    # On PYTHONPATH the project may lie as well, with what tells pip that it is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", binaries / "python", *installing],
        env=environment,
        check=True,
    )
    place = tmp_path / "project"
    for name in PACKAGES:
        (place / name).mkdir(parents=True)
        (place / name / "__init__.py").write_text("raise SystemExit('of another project')\n")
    shutil.copy(ROOT / "tests" / "search" / "small.py", place / "mine.py")

    def call(*words: str) -> str:
        done = subprocess.run(
            [binaries / words[0], *words[1:]],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("model3-synthetic", "--rows", "600", "access.csv")
    options = ["--epochs", "1", "--workers", "1", "--baselines", "linear", "--study", "first"]
    searching = ["--data", "access.csv", "--space", "mine:Small", "--budget", "1", *options]
    table = call("model3-search", *searching)
    assert "trial 0 *" in table
    answer = call("model3-predict", "runs/first/best", "access.csv")
    assert len(answer.splitlines()) == 600
    code = "from results import Run; print(Run.open('runs/first'))"
    assert call("python", "-P", "-c", code) in table
