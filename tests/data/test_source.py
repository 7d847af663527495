"""Opening plain and compressed files and pipes, and what is said when that fails."""

import gzip
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.errors import UserError
from data.source import MAX_LINE, open_lines

TEXT = 'a "quoted, field",0\r\nüñ\u2011,1\n\nno end'
LINES = ['a "quoted, field",0\r\n', "üñ\u2011,1\n", "\n", "no end"]


def plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def gzipped(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))


def xzipped(path: Path, content: bytes) -> None:
    path.write_bytes(lzma.compress(content))


def zipped(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/log.csv", content)


WRITERS = {"csv": plain, "csv.gz": gzipped, "csv.xz": xzipped, "csv.zip": zipped}


def lines_of(path: Path) -> list[str]:
    with open_lines(str(path)) as lines:
        return list(lines)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "byte-order mark"])
def test_reads_lines_of_every_kind(tmp_path: Path, suffix: str, mark: bytes) -> None:
    path = tmp_path / f"log.{suffix}"
    WRITERS[suffix](path, mark + TEXT.encode())
    assert lines_of(path) == LINES


@pytest.mark.parametrize("writer", [gzipped, xzipped, zipped])
def test_knows_an_archive_by_its_content(
    tmp_path: Path, writer: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "log.csv"
    writer(path, TEXT.encode())
    assert lines_of(path) == LINES


@pytest.mark.parametrize("suffix", WRITERS)
def test_reads_a_pipe_that_cannot_seek(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    WRITERS[suffix](path, TEXT.encode())
    program = (
        "import sys; from data.source import open_lines\n"
        "with open_lines('-') as lines: sys.stdout.buffer.write(''.join(lines).encode())\n"
        "assert not sys.stdin.closed"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=path.read_bytes(), capture_output=True, timeout=60
    )
    assert done.stderr == b""
    assert done.stdout == TEXT.encode()


def test_lets_bad_utf8_through_as_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"good\nb\xfcd\n")
    assert lines_of(path) == ["good\n", "b\udcfcd\n"]


def refusal(path: Path | str) -> str:
    with pytest.raises(UserError) as caught, open_lines(str(path)) as lines:
        list(lines)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_missing_file(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "absent.csv")


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_file_as_folder(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("x")
    assert "Not a directory" in refusal(tmp_path / "log.csv" / "log.csv")


def test_name_that_no_file_can_have() -> None:
    assert "cannot be read" in refusal("a\0b")


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Give up root's right to read everything, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_forbidden_file(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "log.csv"
    path.write_text("x")
    path.chmod(0)
    request.getfixturevalue("ordinary_user")
    assert "permission denied" in refusal(path)


@pytest.mark.parametrize("suffix", WRITERS)
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(b"")
    assert "is empty" in refusal(path)


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.xz", "csv.zip"])
def test_content_that_is_no_archive(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    path.write_bytes(b"text,0\n" * 1000)
    assert "the archive is damaged" in refusal(path)


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.xz", "csv.zip"])
@pytest.mark.parametrize("kept", [8, 5000])
def test_cut_archive(tmp_path: Path, suffix: str, kept: int) -> None:
    path = tmp_path / f"log.{suffix}"
    content = os.urandom(20_000).hex().encode()
    WRITERS[suffix](path, b"\n".join(content[i : i + 80] for i in range(0, len(content), 80)))
    path.write_bytes(path.read_bytes()[:kept])
    assert "the archive is damaged" in refusal(path)


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.xz", "csv.zip"])
def test_flipped_byte_in_an_archive(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    WRITERS[suffix](path, os.urandom(20_000).hex().encode())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
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
    zipped(path, TEXT.encode())
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
