"""What every command line shares, each ending in a process of its own."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.common import byte_count, join_names, split_names

ROOT = Path(__file__).parents[3]

PROGRAM = """
import logging
import os
import sys
from data.common import Parser, run
from data.common import UserError


def main(argv):
    parser = Parser(prog="python -m some.where")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("do", choices="print mu refuse fail three wait log gpu".split())
    options = parser.parse_args(argv)
    match options.do:
        case "print":
            for _ in range(options.times):
                print("a line of output")
        case "mu":
            print("27 µs")
        case "refuse":
            raise UserError("row 3: it is wrong\\n   or torn; fix it")
        case "fail":
            raise ValueError("a bug")
        case "three":
            return 3
        case "wait":
            print("waiting", flush=True)
            sys.stdin.read()
        case "log":
            logging.getLogger("data").info("something happened")
        case "gpu":
            print(os.environ["TF_FORCE_GPU_ALLOW_GROWTH"], os.environ["NVIDIA_TF32_OVERRIDE"])
    return 0


if __name__ == "__main__":
    run(main)
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM)
    return [sys.executable, str(program)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
GREEDY = {"TF_FORCE_GPU_ALLOW_GROWTH": "false"}
ON_A_GPU = {*GREEDY, "NVIDIA_TF32_OVERRIDE"}


def call(
    command: list[str], *words: str, environment: dict[str, str] = ENVIRONMENT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=30, env=environment
    )


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["print"], 0, "a line of output\n", ""),
        (["three"], 3, "", ""),
        (["refuse"], 2, "", "error: row 3: it is wrong or torn; fix it\n"),
        (
            ["print", "--times", "x"],
            2,
            "",
            "error: argument --times: invalid int value: 'x' (see python -m some.where --help)\n",
        ),
    ],
)
def test_endings(command: list[str], words: list[str], status: int, out: str, err: str) -> None:
    done = call(command, *words)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, err)


def test_closed_outputs_are_as_good_as_none(command: list[str]) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command, "print"], env=ENVIRONMENT
    )
    assert done.returncode == 0


def test_what_the_output_cannot_show_is_escaped(command: list[str]) -> None:
    done = call(command, "mu", environment={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "27 \\xb5s\n", "")


@pytest.mark.parametrize(("given", "told"), [({}, "true 0\n"), (GREEDY, "false 0\n")])
def test_a_gpu_is_shared_unless_the_environment_says_otherwise(
    command: list[str], given: dict[str, str], told: str
) -> None:
    inherited = {name: value for name, value in ENVIRONMENT.items() if name not in ON_A_GPU}
    done = call(command, "gpu", environment=inherited | given)
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


def test_a_bug_keeps_its_traceback(command: list[str]) -> None:
    done = call(command, "fail")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("ValueError: a bug\n")


def test_log_lines_go_to_stderr_with_the_time_of_day(command: list[str]) -> None:
    done = call(command, "log")
    assert done.stdout == ""
    time, _, rest = done.stderr.partition(" ")
    assert len(time.split(":")) == 3
    assert rest == "something happened\n"


def test_a_reader_that_leaves_early_ends_it_quietly(command: list[str]) -> None:
    # More than a pipe holds, so that the write itself fails.
    with subprocess.Popen(
        [*command, "print", "--times", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"a line of output\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk without room")
@pytest.mark.parametrize("times", ["1", "100000"])
def test_a_full_disk_is_one_line(command: list[str], times: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "print", "--times", times],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            env=ENVIRONMENT,
        )
    assert done.returncode == 2
    assert done.stderr == (
        b"error: the output cannot be written (No space left on device); free disk space\n"
    )


def test_an_interrupt_is_status_130(command: list[str]) -> None:
    with subprocess.Popen(
        [*command, "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, b"interrupted\n")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("1000", 1000),
        ("2K", 2048),
        ("500M", 500 * 2**20),
        ("500m", 500 * 2**20),
        ("4G", 2**32),
        ("4GB", 2**32),
        ("4GiB", 2**32),
        ("999999999999T", 999_999_999_999 * 2**40),
    ],
)
def test_a_size(text: str, count: int) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5G", "G", "4 G", "4X", "1e9", "4G\n", "\u0661", "9" * 26, "4iG"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a size such as 500M or 4G"):
        byte_count(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ("a",)),
        (" a , b c", ("a", "b c")),
        ('"a, ""b""",c', ('a, "b"', "c")),
        ("a,a", ("a", "a")),
    ],
)
def test_names(text: str, names: tuple[str, ...]) -> None:
    assert split_names(text) == names
    assert split_names(join_names(names)) == names


@pytest.mark.parametrize("text", ["", " ", ",", "a,", "a,,b", "a\nb", '"a', '"a"b'])
def test_what_are_no_names(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a list of names such as one,two"):
        split_names(text)


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
