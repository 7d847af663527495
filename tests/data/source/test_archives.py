"""Archives that are odd, damaged or made to do harm: read rightly or refused in one line."""

import gzip
import io
import lzma
import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from data.common import UserError
from data.source import archives
from tests.data.source.opened import PACKERS, lines_of, refusal, zipped

FIRST, SECOND = b"first,0\n" * 40, b"second,1\n" * 40


@pytest.mark.parametrize("between", [b"", bytes(4), bytes(12)], ids=len)
@pytest.mark.parametrize("behind", [b"", bytes(8)], ids=len)
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_streams_one_after_the_other_are_one_text(
    tmp_path: Path, pack: Callable[[bytes], bytes], between: bytes, behind: bytes
) -> None:
    path = tmp_path / "log"
    path.write_bytes(pack(FIRST) + between + pack(SECOND) + pack(b"") + behind)
    assert lines_of(path) == FIRST + SECOND


def second_stream_damaged() -> bytes:
    second = bytearray(lzma.compress(SECOND))
    second[7] ^= 1  # In its header: liblzma alone would take it for rubbish behind the end.
    return bytes(second)


@pytest.mark.parametrize(
    ("pack", "behind"),
    [
        (gzip.compress, b"rubbish"),
        (lzma.compress, b"rubbish"),
        (lzma.compress, bytes(3)),
        (lzma.compress, bytes(5) + b"\xfd7zXZ"),
        (lzma.compress, b"\xfd7zXZ\0"),
        (lzma.compress, second_stream_damaged()),
    ],
)
def test_what_is_damaged_behind_a_stream_is_not_left_out_in_silence(
    tmp_path: Path, pack: Callable[[bytes], bytes], behind: bytes
) -> None:
    path = tmp_path / "log"
    path.write_bytes(pack(FIRST) + behind)
    assert "the archive is damaged after line" in refusal(path)


def test_an_xz_that_wants_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "log.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    content = bytearray(lzma.compress(FIRST, filters=filters))
    # The dictionary's size, 40 for 4 GiB, and the CRC32 of the block's header that holds it.
    at = content.index(b"\x21\x01", 12) + 2
    content[at] = 40
    end = 12 + (content[12] + 1) * 4
    content[end - 4 : end] = zlib.crc32(content[12 : end - 4]).to_bytes(4, "little")
    path.write_bytes(content)
    assert "takes more than 256 MiB of memory" in refusal(path)


@pytest.mark.parametrize("inner", ["gzip", "xz", "zip", "tar"])
def test_an_archive_in_an_archive(tmp_path: Path, inner: str) -> None:
    tar = b"log.csv".ljust(257, b"\0") + b"ustar".ljust(255, b"\0") + FIRST
    made = {"gzip": gzip.compress, "xz": lzma.compress, "zip": zipped, "tar": lambda _: tar}
    content = made[inner](FIRST)
    for name, outer in {"a.gz": gzip.compress, "a.xz": lzma.compress, "a.zip": zipped}.items():
        (tmp_path / name).write_bytes(outer(content))
        assert f"holds another archive ({inner})" in refusal(tmp_path / name)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_cannot_be_unpacked_piece_by_piece(tmp_path: Path, method: int) -> None:
    path = tmp_path / "log.zip"
    path.write_bytes(zipped(FIRST, method))
    assert "unusual way; use deflate" in refusal(path)


def test_a_zip_of_very_many_names(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}{'x' * 60_000}/", b"")
    assert "directory is much too long" in refusal(path)


def test_what_macos_packs_beside_a_file_is_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("log.csv", "__MACOSX/._log.csv", ".DS_Store", "folder/.DS_Store"):
            archive.writestr(name, FIRST if name == "log.csv" else b"\0")
    assert lines_of(path) == FIRST
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x" * 60_000, b"")
    told = refusal(path)
    assert (
        f"the zip holds 2 files, but must hold exactly one ('log.csv', '{'x' * 60}'); "
        "give it as zip://NAME::FILE" in told
    )


@pytest.mark.parametrize("name", ["a\nb.csv", "../../etc/passwd", "\u2028", "x" * 60_000])
def test_a_strange_name_in_a_zip_does_no_harm(tmp_path: Path, name: str) -> None:
    path = tmp_path / "log.zip"
    content = bytearray(zipped(FIRST, name=name))
    path.write_bytes(content)
    assert lines_of(path) == FIRST
    content[content.rindex(b"PK\x01\x02") + 16] ^= 1  # The CRC of the one file in it.
    path.write_bytes(content)
    assert len(refusal(path)) < 1000


BOMB = b"text that is no bomb by itself,0\n" * 2**16  # 2.2 MB


@pytest.mark.parametrize("suffix", PACKERS)
def test_more_than_max_bytes_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb.{suffix}"
    path.write_bytes(PACKERS[suffix](BOMB))
    assert lines_of(path, len(BOMB)) == BOMB
    assert lines_of(path, None) == BOMB
    for most in (1, 10_000, len(BOMB) - 1):
        message = refusal(path, most)
        found = re.search(r"holds more than ([\d,]+) bytes \(after line (\d+)\)", message)
        assert found is not None
        assert int(found[1].replace(",", "")) == most
        assert int(found[2]) == (most + 1) // 33
        assert message.endswith("give a larger --max-bytes")


ENDLESS = """
import sys
from data.common import UserError
from data.source import open_byte_lines
try:
    with open_byte_lines("-", 2**20) as lines:
        print(sum(map(len, lines)))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"", mtime=0), lzma.compress(b""), bytes(20)],
    ids=["empty gzip", "empty xz", "zeros behind an xz"],
)
def test_an_endless_archive_of_nothing_ends(content: bytes) -> None:
    first = lzma.compress(b"") if not any(content) else b""
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(first)
        with pytest.raises(BrokenPipeError):
            while True:
                process.stdin.write(content * 1000)
        assert "is larger than 1,245,184 bytes, packed" in process.stdout.read().decode()


def test_a_zip_in_a_pipe_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb") as pipe:
        pipe.write(zipped(os.urandom(5000)))
        pipe.close()
        monkeypatch.setattr(archives, "SPOOL", 4000)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
        with pytest.raises(UserError, match=r"standard input: is larger than 4,000 bytes"):
            lines_of("-", None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_zip_in_a_pipe_and_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb") as pipe:
        pipe.write(zipped(os.urandom(20_000)))
        pipe.close()
        full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed by the reader
        monkeypatch.setattr(archives.tempfile, "TemporaryFile", lambda: full)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
        with pytest.raises(
            UserError, match=r"no temporary file can keep the zip \(No space left on device\)"
        ):
            lines_of("-")
