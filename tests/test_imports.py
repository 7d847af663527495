"""The house rules: who imports whom, who stays without TensorFlow, what lies where."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
RECORDS = Path("data/records")
PACKAGES = ("data", "spaces", "results", "search")
ALLOWED_AT_THE_TOP = {*PACKAGES, "tests", "pyproject.toml", "README.md", "LICENSE"}

HEAVY = ("tensorflow", "keras", "keras_tuner")
# They compute with models; the rest of their package must not wait for TensorFlow.
WITH_TENSORFLOW = {"results.scoring.evaluate"}


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


LINTER = """
import sys
from importlinter import cli
sys.exit(cli.lint_imports(config_filename=sys.argv[1], no_cache=True))
"""


def lint(config: Path) -> tuple[int, str]:
    """Run import-linter; in a process of its own, since it keeps the stdout that it was born to."""
    command = [sys.executable, "-c", LINTER, str(config)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_imports_go_down_the_list_only() -> None:
    status, said = lint(ROOT / "pyproject.toml")
    assert status == 0, said
    assert "Imports go down the list only KEPT" in said


def test_the_linter_sees_an_arrow_that_goes_up(tmp_path: Path) -> None:
    config = tmp_path / ".importlinter"
    config.write_text(
        "[importlinter]\nroot_packages =\n data\n results\n"
        "[importlinter:contract:1]\nname = Upside down\ntype = layers\nlayers =\n data\n results\n"
    )
    status, said = lint(config)
    assert status == 1
    assert "results is not allowed to import data" in said


def modules(package: str) -> list[str]:
    paths = [path for path in Path(package).rglob("*.py") if (path.parent / "__init__.py").exists()]
    return sorted(".".join(path.with_suffix("").parts) for path in paths if path.stem[0] != "_")


IMPORTER = """
import importlib, json, sys
guilty = {}
for name in sys.argv[2:]:
    before = set(sys.modules)
    importlib.import_module(name)
    found = set(sys.argv[1].split(",")) & (set(sys.modules) - before)
    if found:
        guilty[name] = sorted(found)
print(json.dumps(guilty))
"""


def who_imports(forbidden: tuple[str, ...], names: list[str]) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER, ",".join(forbidden), *names],
        capture_output=True,
        text=True,
        check=True,
    )
    guilty: dict[str, list[str]] = json.loads(done.stdout)
    return guilty


def test_data_tables_and_the_search_itself_do_not_wait_for_tensorflow() -> None:
    results = [name for name in modules("results") if name not in WITH_TENSORFLOW]
    # These bring all that the parent process of a search needs.
    names = [
        *modules("data"),
        *results,
        "spaces.protocol",
        "search.stages",
        "search.cli.load",
        "search.cli.finish",
    ]
    assert {"data.dataset.dataset", "results.study.store", "results.report.report"} <= set(names)
    assert who_imports(HEAVY, names) == {}


def test_the_importer_finds_the_guilty_one() -> None:
    names = ["data.common.errors", "results.report.plots.scores", "results.leaderboard.ranking"]
    assert who_imports(("sklearn", "keras"), names) == {names[1]: ["sklearn"]}


def folder_of(module: str) -> str:
    """Give the package whose `__init__` names what others may import of a module."""
    parts = module.split(".")
    return ".".join(parts[:2]) if Path(*parts[:2]).is_dir() else parts[0]


def test_other_folders_are_imported_by_their_public_names_alone() -> None:
    past: list[str] = []
    for package in PACKAGES:
        for path in Path(package).rglob("*.py"):
            own = folder_of(".".join(path.with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ImportFrom) or not node.module:
                    continue
                place = folder_of(node.module)
                if place.split(".")[0] not in PACKAGES or place in (own, own.split(".")[0]):
                    continue
                names = [node.module] if node.module != place else []
                names += [
                    f"{node.module}.{alias.name}"
                    for alias in node.names
                    if Path(*node.module.split("."), f"{alias.name}.py").exists()
                    and node.module not in PACKAGES
                ]
                past += [f"{path}:{node.lineno} imports {name}" for name in names]
    assert not past, "\n".join(past)


def test_what_an_export_takes_along_needs_numpy_alone() -> None:
    imported = set()
    for path in RECORDS.rglob("*"):
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"numpy"}


STUBS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("__init__.pyi"))


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.parent.name)
def test_a_public_name_is_no_module_beside_it(path: Path) -> None:
    names = re.findall(r" as (\w+)", path.read_text(encoding="utf-8"))
    assert names
    assert not [name for name in names if path.with_name(f"{name}.py").exists()]


def tracked() -> list[str]:
    if not Path(".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_nothing_else_lies_at_the_top() -> None:
    top = {path.partition("/")[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} <= ALLOWED_AT_THE_TOP
    assert set(PACKAGES) <= top


def test_every_package_is_installed() -> None:
    assert {path.parent.name for path in Path().glob("*/__init__.py")} == {*PACKAGES, "tests"}
    paths = [path for package in PACKAGES for path in Path(package).rglob("__init__.py")]
    tool = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["setuptools"]
    installed = find_packages(include=tool["packages"]["find"]["include"])
    assert sorted(installed) == sorted(".".join(path.parent.parts) for path in paths)


def test_an_init_names_what_is_public_or_is_one_docstring() -> None:
    found = {Path(path) for path in tracked() if path.endswith("__init__.py")}
    assert len(found) > len(PACKAGES)
    found.discard(Path("spaces/open/families/__init__.py"))  # It finds the modules beside it.
    found.discard(RECORDS / "__init__.py")  # It stands in exports, where there is no lazy_loader.
    lazy = (
        "import lazy_loader as lazy\n__getattr__, __dir__, _ = lazy.attach_stub(__name__, __file__)"
    )
    for path in found:
        docstring, *rest = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), path
        assert isinstance(docstring.value, ast.Constant), path
        names = path.with_suffix(".pyi")
        assert "\n".join(map(ast.unparse, rest)).replace(
            "(__getattr__, __dir__, _)", "__getattr__, __dir__, _"
        ) == (lazy if names.exists() else ""), path


def test_no_public_name_is_a_modules() -> None:
    """Else the package would give the one or the other, by what was imported before."""
    stubs = [Path(path) for path in tracked() if path.endswith("__init__.pyi")]
    assert stubs
    for stub in stubs:
        imports = ast.parse(stub.read_text(encoding="utf-8")).body
        names = {each.asname for one in imports for each in one.names}  # type: ignore[attr-defined]
        modules = {path.stem for path in stub.parent.iterdir()}
        assert names & modules == set(), stub
