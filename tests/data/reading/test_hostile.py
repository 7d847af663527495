"""Input that is meant to do harm: an error in one line or the right result, in bounded memory."""

import gzip
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.data.source.opened import zipped
from tests.fuzz.case import CONTAINERS, FORMATS, MODES
from tests.fuzz.check import check
from tests.fuzz.mutate import LONG, TOKENS, row

ROOT = Path(__file__).parents[3]
MEGABYTE = 2**20
ROW = b"x" * 1021 + b",0\n"

seeds = st.integers(0, 2**32 - 1).map(random.Random)
rows = st.builds(row, st.sampled_from(["access-log", "jsonl", "text"]), seeds)
pieces = st.sampled_from([*TOKENS, *LONG]) | st.binary(max_size=4)
contents = st.lists(rows | rows | pieces, max_size=8).map(b"".join)
letters = st.tuples(*map(st.sampled_from, ("".join(FORMATS), CONTAINERS, MODES))).map("".join)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(letters, contents)
def test_any_input_is_read_as_by_the_book_or_refused(
    tmp_path: Path, letters: str, content: bytes
) -> None:
    check(letters.encode() + content, tmp_path)


# What each file holds, and the end of the line that refuses it.
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "log": (lambda: b"a,0\n" + bytes(100 * MEGABYTE), "line 2 is longer than 16,777,216 bytes"),
    "log.gz": (
        lambda: gzip.compress(b"a,0\n" + b"x" * 100 * MEGABYTE, 1),
        "line 2 is longer than 16,777,216 bytes",
    ),
    "bomb.xz": (
        lambda: lzma.compress(ROW * 1024, preset=0) * 70,
        "holds more than 67,108,864 bytes (after line 65536)",
    ),
    "bomb.zip": (
        lambda: zipped(ROW * 70 * 1024),
        "holds more than 67,108,864 bytes (after line 65536)",
    ),
    "list.json": (
        lambda: b"[" + (b'{"a":"' + b"x" * 998 + b'","label":0},') * 70_000 + b"{}]",
        "holds more than 67,108,864 bytes (after line 6",
    ),
    "endless.json": (
        lambda: b'[{"label":0},{"a":"' + b"\\x" * (10 * MEGABYTE),
        "row 2 of its JSON list is longer than 16,777,216",
    ),
    "utf-16.csv": (
        lambda: b"\xff\xfe" + ROW.decode().encode("utf-16-le") * 35 * 1024,
        "holds more than 67,108,864 bytes (after line 32",
    ),
    "endless.csv": (
        lambda: b'a,0\n"' + b'\n","' * (5 * MEGABYTE),
        "row 2: is longer than 16,777,216 bytes",
    ),
    "deep.jsonl": (
        lambda: b'{"label":0}\n{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"label":0}\n',
        "row 2: the record is nested too deeply",
    ),
    "deep.csv": (
        lambda: b'|{"a":1}|,0\n|' + b'{"a":' * 100_000 + b"|,1\n",
        "row 2: the record is nested too deeply",
    ),
    "columns.csv": (
        lambda: b"a,0\n" + b"aa," * (5 * MEGABYTE) + b"\n",
        "row 2: has 5242881 columns",
    ),
    "brackets.jsonl": (
        lambda: b'{"label":1}\n{"a":[' + b"[]," * MEGABYTE + b'[]],"label":3}\n',
        "row 2: the label is '3'",
    ),
    "integer.jsonl": (
        lambda: b'{"label":1}\n{"label":0,"a":' + b"7" * (15 * MEGABYTE) + b"}\n",
        "row 2: the record holds a number that is too long",
    ),
}
# These take seconds each.
SLOW = ("log", "list.json", "utf-16.csv", "endless.csv", "columns.csv", "brackets.jsonl")


# What the kernel counted for this program; `ru_maxrss` would count the tests' own memory with it.
PROGRAM = """
import sys
from pathlib import Path
from data.common import run
from data.inspect import main
try:
    run(main)
finally:
    (peak,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x]
    print(peak.split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the memory")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in HOSTILE],
)
def test_hostile_files_are_refused_in_bounded_memory(name: str, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), "--max-bytes", "64M"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    *progress, message = done.stderr.splitlines()
    assert (done.returncode, message.startswith(f"error: {path}")) == (2, True), message
    assert said in message
    assert all("reading" in line for line in progress)
    assert int(done.stdout) < 700 * 1024  # A line of 16 MiB may hold millions of values.
