"""Input that is meant to do harm: an error in one line or the right result, in bounded memory."""

import gzip
import lzma
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

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


def long_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"a,0\n")
        file.truncate(100 * MEGABYTE)


def gzip_of_a_long_line(path: Path) -> None:
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a,0\n")
        for _ in range(100):
            file.write(b"x" * MEGABYTE)


def xz_of_rows(path: Path) -> None:
    path.write_bytes(lzma.compress(ROW * 1024, preset=0) * 70)


def zip_of_rows(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("log.csv", ROW * 70 * 1024)


def json_list_on_one_line(path: Path) -> None:
    path.write_bytes(b"[" + (b'{"a":"' + b"x" * 998 + b'","label":0},') * 70_000 + b"{}]")


def json_list_without_end(path: Path) -> None:
    path.write_bytes(b'[{"label":0},{"a":"' + b"\\x" * (10 * MEGABYTE))


def utf_16(path: Path) -> None:
    path.write_bytes(b"\xff\xfe" + ROW.decode().encode("utf-16-le") * 35 * 1024)


def row_without_end(path: Path) -> None:
    path.write_bytes(b'a,0\n"' + b'\n","' * (5 * MEGABYTE))


def deep_json(path: Path) -> None:
    good = b'{"label":0}\n'
    path.write_bytes(good + b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"label":0}\n')


def deep_open_json(path: Path) -> None:
    path.write_bytes(b'|{"a":1}|,0\n|' + b'{"a":' * 100_000 + b"|,1\n")


def many_columns(path: Path) -> None:
    path.write_bytes(b"a,0\n" + b"aa," * (5 * MEGABYTE) + b"\n")


def many_brackets(path: Path) -> None:
    path.write_bytes(b'{"label":1}\n{"a":[' + b"[]," * MEGABYTE + b'[]],"label":3}\n')


def huge_integer(path: Path) -> None:
    path.write_bytes(b'{"label":1}\n{"label":0,"a":' + b"7" * (15 * MEGABYTE) + b"}\n")


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "log": (long_line, "line 2 is longer than 16,777,216 bytes"),
    "log.gz": (gzip_of_a_long_line, "line 2 is longer than 16,777,216 bytes"),
    "bomb.xz": (xz_of_rows, "holds more than 67,108,864 bytes (after line 65536)"),
    "bomb.zip": (zip_of_rows, "holds more than 67,108,864 bytes (after line 65536)"),
    "list.json": (json_list_on_one_line, "holds more than 67,108,864 bytes (after line 6"),
    "endless.json": (json_list_without_end, "row 2 of its JSON list is longer than 16,777,216"),
    "utf-16.csv": (utf_16, "holds more than 67,108,864 bytes (after line 32"),
    "endless.csv": (row_without_end, "row 2: is longer than 16,777,216 bytes"),
    "deep.jsonl": (deep_json, "row 2: the record is nested too deeply"),
    "deep.csv": (deep_open_json, "row 2: the record is nested too deeply"),
    "columns.csv": (many_columns, "row 2: has 5242881 columns"),
    "brackets.jsonl": (many_brackets, "row 2: the label is '3'"),
    "integer.jsonl": (huge_integer, "row 2: the record holds a number that is too long"),
}


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
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_bounded_memory(name: str, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    path = tmp_path / name
    make(path)
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
