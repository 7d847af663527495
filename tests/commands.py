"""Runs the project's command lines and tells what a user would have seen."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "COLUMNS": "100"}

# Imports once what most commands need, then is a `python -m MODULE` for each request, in a process
# of its own that is a copy of this one.
_WARM = """
import gc, importlib, json, os, runpy, sys

for name in sys.argv[1:]:
    importlib.import_module(name)

# A copy would otherwise look at all of that, and so copy its pages, before it ends.
gc.freeze()

for line in sys.stdin:
    module, words, folder, where = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT), number)
        os.chdir(where)
        for known in [name for name in sys.modules if name == module]:
            del sys.modules[known]
        sys.stdin, sys.argv = open(0), [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.exit("it did not end by itself")
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What a user saw of a command."""

    status: int
    out: str
    err: str


def call(module: str, *words: str | Path, stdin: bytes = b"") -> Done:
    """Run `python -m MODULE WORDS`.

    Args:
        module: Which.
        words: Its arguments.
        stdin: What it reads.

    Returns:
        How it ended.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=250,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


class Warm:
    """Runs commands as `call` does, without two seconds of imports for each.

    Args:
        process: The process that makes copies of itself.
        folder: Where their output goes.
    """

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process: Any = process
        self._folder = folder
        self._count = 0

    def call(self, module: str, *words: str | Path, where: Path = ROOT) -> Done:
        """Run a command that reads nothing.

        Args:
            module: Which.
            words: Its arguments.
            where: The folder in which it runs; what is imported is found there too.

        Returns:
            How it ended.
        """
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        request = json.dumps([module, [str(word) for word in words], str(folder), str(where)])
        print(request, file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        return Done(status, *((folder / name).read_bytes().decode() for name in ("out", "err")))


@contextmanager
def warm(folder: Path, *modules: str) -> Iterator[Warm]:
    """Start what runs commands quickly, and end it.

    Args:
        folder: Where the commands' output goes.
        modules: What is imported before what the parent process of a search needs.

    Yields:
        It.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _WARM, *modules, "search.stages", "search.cli.finish", "search.run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        # A command that runs in another folder finds the tests' own modules all the same.
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        yield Warm(process, folder)
        assert process.stdin is not None
        process.stdin.close()
