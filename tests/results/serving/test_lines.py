"""Lines come whole and in order, whatever their chunks, pauses and encodings are."""

import io
import os
import threading
import time
from pathlib import Path

import pytest

from data.common import UserError
from data.records import MAX_LINE
from results.serving import batches_of_file, batches_of_stream


def test_lines_arrive_in_batches_of_512_whatever_the_chunks_are(tmp_path: Path) -> None:
    lines = [f"zeile ä {number}" for number in range(1200)]
    content = ("\ufeff" + "\n".join(lines)).encode()

    class Dripping(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(7)

    for stream in (io.BytesIO(content), Dripping(content)):
        found = list(batches_of_stream(stream))
        assert [line for batch in found for line in batch] == lines
        assert max(map(len, found)) <= 512
    (tmp_path / "log.txt").write_bytes(content)
    sizes = [len(batch) for batch in batches_of_file(str(tmp_path / "log.txt"))]
    assert sizes == [512, 512, 176]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "utf-8"])
def test_lines_of_other_encodings(tmp_path: Path, encoding: str) -> None:
    lines = [f"zeile ä {number}" for number in range(9)]
    content = "\n".join(lines).encode(encoding)

    class Dripping(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(3)

    found = [x for batch in batches_of_stream(Dripping(content), encoding=encoding) for x in batch]
    assert found == lines
    (tmp_path / "log.txt").write_bytes(content)
    assert [
        line.rstrip("\n")
        for batch in batches_of_file(str(tmp_path / "log.txt"), encoding)
        for line in batch
    ] == lines


def test_a_pause_is_told_once_and_half_a_line_is_kept() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        batches = batches_of_stream(stream, wait=0.01)
        os.write(writing, b"one\ntw")
        assert next(batches) == ["one"]
        assert next(batches) == []
        threading.Timer(0.1, os.write, (writing, b"o\n")).start()
        started = time.monotonic()
        assert next(batches) == ["two"]
        assert time.monotonic() - started > 0.05
        os.close(writing)
        assert list(batches) in ([], [[]])


def test_where_a_pipe_cannot_be_asked_no_writer_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("an operation was attempted on something that is not a socket")

    monkeypatch.setattr("select.select", refuse)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        batches = batches_of_stream(stream, wait=60)
        os.write(writing, b"one\ntw")
        assert next(batches) == ["one"]
        assert next(batches) == []
        os.write(writing, b"o")
        os.close(writing)
        assert [batch for batch in batches if batch] == [["two"]]


def test_a_busy_writer_is_not_interrupted() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        batches = batches_of_stream(stream, wait=0.01)
        os.write(writing, b"one\n")
        assert next(batches) == ["one"]
        os.write(writing, b"two\n")
        time.sleep(0.03)
        assert next(batches) == ["two"]
        assert next(batches) == []
        os.close(writing)
        assert list(batches) == []


def test_an_overlong_line_in_small_pieces_is_cut_and_its_neighbors_are_whole() -> None:
    class Piped(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(4096)

    started = time.process_time()
    long = "x" * (2 * MAX_LINE)
    lines = [
        line
        for batch in batches_of_stream(Piped(f"before\n{long}\nbehind".encode()))
        for line in batch
    ]
    assert (lines[0], lines[2]) == ("before", "behind")
    assert MAX_LINE <= len(lines[1]) <= MAX_LINE + 4096
    assert time.process_time() - started < 5  # 40 where each piece copied the line again.


def test_standard_input_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    number = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(number, "rb") as stream, pytest.raises(UserError) as told:
        list(batches_of_stream(stream))
    assert str(told.value) == "standard input: cannot be read (Bad file descriptor)"


@pytest.mark.parametrize("size", [1, 2, 3, 99])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
        (b"\xef\xbb", ["\udcef\udcbb"]),
        (b"\xef", ["\udcef"]),
        (b"\xef\xbb\xbf", []),
        (b"a\xc3", ["a\udcc3"]),
    ],
)
def test_a_byte_order_mark_and_what_only_begins_as_one(
    content: bytes, lines: list[str], size: int
) -> None:
    class Dripping(io.BytesIO):
        def read1(self, most: int | None = -1) -> bytes:
            return super().read1(size)

    batches = batches_of_stream(Dripping(content))
    assert [line for batch in batches for line in batch] == lines
