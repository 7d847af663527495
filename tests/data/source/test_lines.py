"""Opening plain and compressed files and pipes, and what is said when that fails."""

import io
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.records import MAX_LINE
from data.source import open_byte_lines, open_lines
from tests.data.source.opened import PACKERS, lines_of, refusal, zipped
from tests.users import ordinary_user

TEXT = 'a "quoted, field",0\r\nüñ\u2011,1\n\nno end'.encode()


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "byte-order mark"])
def test_reads_lines_of_every_kind(tmp_path: Path, suffix: str, mark: bytes) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(PACKERS[suffix](mark + TEXT))
    with open_lines(str(path)) as lines:
        assert list(lines) == TEXT.decode().splitlines(keepends=True)


@pytest.mark.parametrize("suffix", PACKERS)
def test_knows_an_archive_by_its_content(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(PACKERS[suffix](TEXT))
    assert lines_of(path) == TEXT


@pytest.mark.parametrize("suffix", PACKERS)
def test_reads_a_pipe_that_cannot_seek(suffix: str) -> None:
    packed = PACKERS[suffix](TEXT)
    program = (
        "import sys; from data.source import open_lines\n"
        "with open_lines('-') as lines: sys.stdout.buffer.write(''.join(lines).encode())\n"
        "assert not sys.stdin.closed"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=packed, capture_output=True, timeout=60
    )
    assert done.stderr == b""
    assert done.stdout == TEXT


def test_lets_bad_utf8_through_as_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"good\nb\xfcd\n")
    with open_lines(str(path)) as lines:
        assert list(lines) == ["good\n", "b\udcfcd\n"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("absent.csv", "there is no such file"),
        (".", "is a folder"),
        ("file/log.csv", "Not a directory"),
        ("a\0b", "cannot be read"),
    ],
)
def test_a_place_without_a_file(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "file").write_text("x")
    assert said in refusal(tmp_path / place)


def test_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("x")
    path.chmod(0)
    with ordinary_user():
        assert "permission denied" in refusal(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(b"")
    assert "is empty" in refusal(path)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut at once": lambda content: content[:8],
    "cut": lambda content: content[:5000],
    "flipped": flipped,
}


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.xz", "csv.zip"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_archive(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"log.{suffix}"
    content = os.urandom(20_000).hex().encode()
    lines = b"\n".join(content[i : i + 80] for i in range(0, len(content), 80))
    path.write_bytes(damage(PACKERS[suffix](lines)))
    assert "the archive is damaged" in refusal(path)


@pytest.mark.parametrize("members", [0, 2])
def test_zip_without_exactly_one_file(tmp_path: Path, members: int) -> None:
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.csv", TEXT)
    assert f"holds {members} files" in refusal(path)


def test_encrypted_zip(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    path.write_bytes(zipped(TEXT))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local, central = archive.infolist()[1].header_offset, archive.start_dir
    central = content.index(b"PK\x01\x02", central + 4)
    content[local + 6] |= 1  # The flag bit "encrypted", in both of the member's headers.
    content[central + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in refusal(path)


def test_endless_line(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with path.open("wb") as file:
        file.write(b"short\n")
        file.truncate(6 + MAX_LINE + 1)  # Sparse: zeros without a line end.
    assert "line 2 is longer than" in refusal(path)


@pytest.mark.parametrize("sizes", [[1], [2], [3, 5], [2**18]], ids=str)
@pytest.mark.parametrize("ending", ["", "\r", "\n", "\r\n"], ids=repr)
def test_lines_do_not_depend_on_how_the_bytes_come(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], ending: str
) -> None:
    content = f"\ufeffa\r\n\r\n\n\rbc\n\r\ufeffüü\rd{ending}".encode()
    turns = itertools.cycle(sizes)

    class Dripping(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            return super().readinto(memoryview(buffer)[: next(turns)])

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Dripping(content)))
    with open_byte_lines("-") as lines:
        assert list(lines) == content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)


def test_a_long_line_that_comes_in_small_pieces_takes_no_square_of_its_length(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.csv"
    # What a pipe gives at once; each piece once copied and searched all that came before it.
    content = b"x" * (MAX_LINE - 2) + b"\n"

    class Piped(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            return super().readinto(memoryview(buffer)[:4096])

    path.write_bytes(content)
    started = time.process_time()
    assert lines_of(path) == content
    whole = time.process_time() - started
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(Piped(content)))
        started = time.process_time()
        with open_lines("-") as lines:
            assert list(lines) == [content.decode()]
    assert time.process_time() - started < 20 * whole + 1


def test_a_link_is_followed_and_a_loop_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,0\n")
    (tmp_path / "link").symlink_to("log.csv")
    assert lines_of(tmp_path / "link") == b"a,0\n"
    (tmp_path / "loop").symlink_to("loop")
    assert "leads back to itself" in refusal(tmp_path / "loop")
    (tmp_path / "broken").symlink_to("absent")
    assert "there is no such file" in refusal(tmp_path / "broken")


def test_socket() -> None:
    # A socket's path may have 107 characters at most.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as made:
        made.bind(f"{folder}/socket")
        assert "is a socket or a device" in refusal(f"{folder}/socket")


DEVICES = [name for name in ("zero", "full", "random", "urandom") if Path("/dev", name).exists()]


@pytest.mark.parametrize("device", DEVICES)
def test_device(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(f"/dev/{device}").endswith("is a device; give a file or a pipe")
    (tmp_path / "log.csv.gz").symlink_to(f"/dev/{device}")
    assert "is a device" in refusal(tmp_path / "log.csv.gz")
    with Path(f"/dev/{device}").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(UserError, match="standard input: is a device"), open_lines("-"):
            pass


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no empty device")
def test_the_empty_device_is_empty() -> None:
    assert "is empty" in refusal("/dev/null")


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="standard input: is closed"), open_lines("-"):
        pass


@pytest.mark.parametrize("suffix", PACKERS)
def test_named_pipe(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    content = PACKERS[suffix](TEXT)
    writer = threading.Thread(target=(tmp_path / f"pipe.{suffix}").write_bytes, args=[content])
    writer.start()
    assert lines_of(tmp_path / f"pipe.{suffix}") == TEXT
    writer.join()


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="no name for standard input")
def test_names_of_open_files() -> None:
    program = (
        "import sys; from data.source import open_lines\n"
        "with open_lines(sys.argv[1]) as lines: print(len(list(lines)))"
    )
    command = f'printf "a,0\\nb,1\\n" | {sys.executable} -c "$0" /dev/stdin; '
    command += f'{sys.executable} -c "$0" <(printf "a,0\\n")'
    done = subprocess.run(["bash", "-c", command, program], capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"2\n1\n", b"")
