"""What the READMEs tell to type runs as it is written, or is on a list that says why not.

In the place of the logs stand small ones of the same names. The first search is made smaller by
its options, and the later ones only explain what they would do (`--explain`): that reads options,
log, space and sampler, and trains nothing.
"""

import ast
import importlib
import inspect
import lzma
import os
import re
import shlex
import subprocess
import sys
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from data import synthetic
from tests import readme
from tests.commands import ROOT, Warm, warm
from tests.search.messages import messages

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PACKAGES = ("data", "spaces", "results", "search")
COMMANDS = readme.commands()

# Commands that are not run here by their beginning or a part, and why; a file named there does it.
NOT_RUN = {
    r"(python3 -m venv|\.venv/bin/pip) ": "`.ci/run` installs so from the package index",
    r"\.venv/bin/python -m pytest$": "runs this",
    r"\. \.venv/bin/activate$": "changes the shell that it is typed into",
    r"pip install( -e '\.\[[a-z,]+\]'| \w+)?$": "fetches packages; the extras are looked up below",
    r"python -m \.\.\.$": "is any command",
    r"pip uninstall -y tensorflow ": "fetches packages; the extras are looked up below",
    r"python -m tests\.(benchmarks|crashes|fuzz)\.\S+": "takes minutes to hours; is parsed below",
    r"python -m pytest .* tests/walk$": "is one of the slow tests itself",
    r"python -m data\.download\b": "fetches megabytes: tests/data/test_download.py",
    r"PDOC_ALLOW_EXEC=1 python -m pdoc ": "is one of the slow tests: tests/test_api_reference.py",
    r"export PGPASSWORD=": "is for the next one",
    r".* --storage postgresql://": "needs a server: tests/search/test_postgresql.py",
    r"python -c .*run_grpc_proxy_server": "needs a server: tests/search/queue/test_stale_trials.py",
    r".* --storage grpc://": "needs a server: tests/search/queue/test_stale_trials.py",
    r"python -m results\.serve ": "ends by a signal: tests/results/test_serve.py",
    r"hf (up|down)load ": "needs an account on the hub: tests/results/export/test_hub.py",
    r"optuna-dashboard ": "ends by a signal: tests/search/test_dashboard.py",
    r"tensorboard ": "ends by a signal: tests/search/training/test_tensorboard.py",
    r"source <\(model3-\S+ --print-completion": "is for the shell: tests/test_scripts.py",
}

# What is put in the place of a part of a command, so that it takes seconds.
SMALLER = {
    r"^\.venv/bin/python (.* --study first)$": r"python \1 --callback mymodule:make",
    r"--budget 3m": "--budget 1 --rows 600 --epochs 1 --workers 1 --baselines linear",
    r"(^python -m search\.run (?!--help|.*--callback).*)": r"\1 --explain",
    r"results\.report NAME$": "results.report first",
}


def why_not_run(command: str) -> str | None:
    return next((why for part, why in NOT_RUN.items() if re.match(part, command)), None)


RUN = [command for command in COMMANDS if why_not_run(command) is None]
FIRST, *LATER = RUN


PARSED = [each for each in COMMANDS if re.search(r"python -m [a-z]+\.(?!.*--help)", each)]
# In docstrings, in the examples of `--help` and in messages.
EXAMPLES = sorted({each for package in PACKAGES for each in readme.named_in(package)} - {*PARSED})


def shortened(command: str) -> str:
    return command[:60]


def smaller(command: str) -> str:
    for part, small in SMALLER.items():
        command = re.sub(part, small, command)
    return command


def shell(command: str | list[str], folder: Path) -> str:
    """Run a command where the logs are; give its standard output."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command] if isinstance(command, str) else command,
        cwd=folder,
        env={
            **os.environ,
            "PATH": os.pathsep.join(places),
            "PYTHONPATH": str(ROOT),
            "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def program(mark: str) -> str:
    """Give the only Python program in which something occurs."""
    (found,) = [block.text for block in readme.blocks("python") if mark in block.text]
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands name, where the first of them has been run."""
    folder = tmp_path_factory.mktemp("readme") / "model3-search"
    (folder / "mypackage").mkdir(parents=True)
    synthetic.write(folder / "access.csv", 600)
    written = (folder / "access.csv").read_bytes()
    (folder / "access.csv.xz").write_bytes(lzma.compress(written))
    (folder / "http-params.csv").write_bytes(written)
    texts = "".join(f"label {row % 2} of row {row},{row % 2}\n" for row in range(600))
    (folder / "sms.csv").write_text(f"text,label\n{texts}")
    (folder / "mypackage" / "spaces.py").write_text(program("class MyHyperModel("))
    (folder / "mymodule.py").write_text(program("MlflowCallback"))
    (options,) = readme.blocks("toml")
    (folder / "run.toml").write_text(options.text)
    return folder


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with warm(tmp_path_factory.mktemp("commands"), "keras_tuner") as started:
        yield started


@pytest.fixture(scope="module")
def first(place: Path) -> Path:
    shell(smaller(FIRST), place)
    return place


# What is in the README


def test_every_block_is_of_a_kind_that_is_tried_here() -> None:
    assert {block.language for block in readme.blocks()} <= {"sh", "python", "toml", "text"}
    assert len(readme.blocks("toml")) == 1


def test_python_blocks_are_valid_and_what_they_import_exists() -> None:
    for block in readme.blocks("python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, name.name) for name in node.names), block.text


def test_links_lead_somewhere() -> None:
    for path in readme.PATHS:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (path.parent / link).exists(), f"{path}: {link}"


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 265


def test_every_command_that_is_not_run_is_on_the_list_and_the_list_is_no_longer() -> None:
    """A new command is run by the tests below, unless somebody says here why it cannot be."""
    used = {why_not_run(command) for command in COMMANDS} - {None}
    assert used == set(NOT_RUN.values())
    for why in NOT_RUN.values():
        assert all((ROOT / path).is_file() for path in re.findall(r"tests/\S+\.py", why)), why
    assert "--study first" in FIRST and "--explain" not in smaller(FIRST)


def test_the_extras_that_are_to_be_installed_exist() -> None:
    for extras in re.findall(r"\.\[([a-z,]+)\]", readme.TEXT):
        assert set(extras.split(",")) <= set(EXTRAS)


def test_the_two_commands_stand_on_their_own() -> None:
    for name in ("run", "test"):
        (command,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", readme.TEXT, re.S)
        assert command.startswith("python3 -m venv .venv &&")
        assert "pip install" in command
    assert "@@" not in readme.TEXT


# Commands


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("command", LATER, ids=shortened)
def test_a_command_runs(first: Path, commands: Warm, command: str) -> None:
    words = shlex.split(smaller(command))
    if words[-1] in ("--explain", "--help"):
        done = commands.call(*words[2:], where=first)
        assert done.status == 0, done.err
        assert done.out
    else:
        shell(smaller(command), first)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_options_stand_in_a_file(first: Path, commands: Warm) -> None:
    done = commands.call("search.run", "--config", "run.toml", "--explain", where=first)
    assert done.status == 0, done.err
    assert "val_accuracy, parameters" in done.out


class Parsed(Exception):
    """The words were understood."""


@pytest.mark.slow
@pytest.mark.parametrize("command", [*PARSED, *EXAMPLES], ids=shortened)
def test_a_command_has_the_options_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    parse = ArgumentParser.parse_args

    def parse_only(
        parser: ArgumentParser,
        args: Sequence[str] | None = None,
        namespace: Namespace | None = None,
    ) -> None:
        parse(parser, args, namespace)
        raise Parsed

    words = shlex.split(command)
    module, *rest = words[words.index("-m") + 1 :]
    monkeypatch.setattr(ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "argv", [module, *rest])
    main = importlib.import_module(module).main
    with pytest.raises(Parsed):
        main(rest) if inspect.signature(main).parameters else main()


# Programs


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_tuner_in_a_program_of_ones_own(tmp_path: Path) -> None:
    out = shell([sys.executable, "-c", program("tuner.study.best_value")], tmp_path)
    value, _, best = out.strip().splitlines()[-1].partition(" ")
    assert 0.5 < float(value) <= 1
    assert "'layers'" in best


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_search_in_a_program_of_ones_own(tmp_path: Path) -> None:
    texts, labels = messages(500)
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "sms.csv", index=False)
    small = 'epochs=1, workers=1, baselines="linear", space="tests.search.small:Small"'
    parts = [
        program("pivot_table").replace('budget="10m"', f"budget=1, {small}"),
        "frame = sms",
        program("run_search(frame").replace('budget="10m"', f"budget=1, {small}"),
        "texts, labels = list(sms.text), list(sms.label)",
        program("cross_val_score")
        .replace("budget=20, epochs=3", f"budget=1, refit=False, {small}")
        .replace("cv=3", "cv=2"),
    ]
    assert sum(part.count("budget=1") for part in parts) == 3
    out = shell([sys.executable, "-c", "\n".join(parts)], tmp_path)
    table, _, rest = out.partition("{'width'")
    assert "trial 0 *" in table and "optimizer" in rest
    assert (tmp_path / "winner" / "model.onnx").is_file()
    assert len(list((tmp_path / "folds").glob("2*"))) == 3
