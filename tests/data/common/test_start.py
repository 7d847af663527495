"""Ctrl-C in the seconds in which a command imports."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands import ROOT


def _interrupted(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Start a command and press Ctrl-C when it imports numpy."""
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, text=True, **kept)
    maps = Path(f"/proc/{process.pid}/maps")
    while "_multiarray_umath" not in maps.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


SCRIPT = "from search import scripts; import sys; sys.argv = ['model3-search']; scripts.search()"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("words", [["-m", "search.run", "--explain"], ["-c", SCRIPT]])
def test_ctrl_c_among_the_imports_leaves_no_traceback(words: list[str]) -> None:
    done = _interrupted(words)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
