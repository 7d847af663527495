"""The commands as installed scripts: their names, their help, and what a real bash completes."""

import argparse
import importlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from data.common.command import SHELLS, Parser, script_of
from search import scripts
from tests.commands import ENVIRONMENT, ROOT
from tests.test_commands import COMMANDS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parser_of(module: str, monkeypatch: pytest.MonkeyPatch) -> Parser:
    """Give a command's parser, which it makes when it is called."""
    seen: list[Parser] = []
    monkeypatch.setattr(Parser, "print_help", lambda self, file=None: seen.append(self))
    with pytest.raises(SystemExit):
        importlib.import_module(module).main(["--help"])
    return seen[0]


def test_each_command_has_a_script() -> None:
    names = {script_of(module): module for module in COMMANDS}
    assert set(PROJECT["scripts"]) == set(names)
    for name, module in names.items():
        place, _, function = PROJECT["scripts"][name].partition(":")
        assert place == "search.scripts"
        assert getattr(scripts, function).__doc__ == f"Be `python -m {module}`."


@pytest.mark.parametrize("module", COMMANDS)
def test_help_tells_defaults_and_an_example(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = parser_of(module, monkeypatch)
    assert parser.description
    assert f"python -m {module} " in (parser.epilog or "")
    for action in parser._actions:
        assert action.help, action
        if action.default not in (None, False, argparse.SUPPRESS):
            assert "default: " in action.help, action.option_strings
    grouped = [group for group in parser._action_groups if group._group_actions]
    own = [action for action in parser._actions if action.option_strings]
    # More than fit one glance are in groups of their own.
    assert len(own) <= 6 or len(grouped) >= 2


# Each takes a large part of a second, or several, to import.
LIBRARIES = {"tensorflow", "keras", "keras_tuner", "sklearn", "optuna", "scipy", "pandas", "numba"}
HELP = """
import runpy, sys
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("module", COMMANDS)
def test_help_is_there_before_any_large_library(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, module], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: ")
    assert LIBRARIES & set(done.stderr.split()) == set()


def install(folder: Path, script: str) -> Path:
    """Make a script as pip does."""
    function = PROJECT["scripts"][script].rpartition(":")[2]
    path = folder / script
    path.write_text(
        f"#!{sys.executable}\nimport sys\nfrom search.scripts import {function}\n"
        f"if __name__ == '__main__':\n    sys.exit({function}())\n"
    )
    path.chmod(0o755)
    return path


def run(*words: str | Path) -> str:
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    return done.stdout


def test_a_script_calls_itself_by_its_name(tmp_path: Path) -> None:
    said = run(install(tmp_path, "model3-synthetic"), "--help")
    assert said.startswith("usage: model3-synthetic ")
    out = tmp_path / "log.csv"
    run(install(tmp_path, "model3-synthetic"), "--rows", "50", out)
    assert len(out.read_text().splitlines()) == 50


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_is_for_the_script_whoever_prints_it(shell: str, tmp_path: Path) -> None:
    by_module = run(sys.executable, "-m", "data.inspect", "--print-completion", shell)
    assert by_module == run(install(tmp_path, "model3-inspect"), "--print-completion", shell)
    assert "model3-inspect" in by_module and "python -m" not in by_module


def test_a_colon_ends_no_text_of_zsh() -> None:
    said = run(sys.executable, "-m", "search.run", "--print-completion", "zsh")
    assert r"|PKG.MOD\:CLASS:" in said


COMPLETED = [
    ("model3-search --spl", ["--split"]),
    (
        "model3-search --no-",
        ["--no-drop-duplicates", "--no-refit", "--no-skip-bad-rows", "--no-tensorboard"],
    ),
    ("model3-search --split s", ["shuffled", "stratified"]),
    ("model3-search --budget 20 --padding f", ["full"]),
    ("model3-search --data acc", ["access.csv", "access.d"]),
    ("model3-search --out acc", ["access.d"]),
    ("model3-leaderboard ru", ["runs"]),
    ("model3-leaderboard runs --format m", ["md"]),
    ("model3-serve --port 80 --max-", ["--max-batch", "--max-body", "--max-queue"]),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "access.csv").touch()
    (tmp_path / "access.d").mkdir()
    (tmp_path / "runs").mkdir()
    lines = ["set -u", f"cd '{tmp_path}'"]
    for module in ("search.run", "results.leaderboard", "results.serve"):
        script = tmp_path / f"{module}.bash"
        with pytest.raises(SystemExit):
            importlib.import_module(module).main(["--print-completion", "bash"])
        script.write_text(capsys.readouterr().out)
        lines.append(f"source '{script}'")
    for line, _ in COMPLETED:
        words = [f"'{word}'" for word in line.split(" ")]
        # What bash does when the tab key is pressed.
        lines += [
            f"COMP_WORDS=({' '.join(words)})",
            f"COMP_CWORD={len(words) - 1}",
            "COMPREPLY=()",
            f"spec=$(complete -p {words[0]}); function=${{spec##*-F }}",
            f"${{function%% *}} {words[0]} {words[-1]} {words[-2]}",
            'echo "${COMPREPLY[@]}"',
        ]
    said = run("bash", "--norc", "-c", "\n".join(lines)).splitlines()
    assert [sorted(line.split()) for line in said] == [wanted for _, wanted in COMPLETED]
