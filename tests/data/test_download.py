"""Downloads from a real server on the loopback interface, one that misbehaves on demand."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.common.errors import UserError
from data.download import BLOB_ID, PIECE_BYTES, blob_id_of, fetch, main

CONTENT = bytes(range(256)) * 1024 + b"the end"
GIT_ID = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
CUT_AT = 2 * PIECE_BYTES + 5


@dataclass
class Site:
    """What the server serves, how it misbehaves, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    knows_ranges: bool = True
    says_length: bool = True
    chunked: bool = False
    cut_at: int | None = None
    pause: float = 0.0
    status: int | None = None
    wrong_range: bool = False
    asked: list[str | None] = field(default_factory=list)


def handler_for(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the tests' output clean."""

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.asked.append(asked)
            self.close_connection = True
            if site.status is not None:
                self.send_error(site.status)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if not site.knows_ranges:
                start = 0
            elif start >= len(site.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(site.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if start:
                first = start + 1 if site.wrong_range else start
                last = len(site.content) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(site.content)}")
            if site.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            elif site.says_length:
                self.send_header("Content-Length", str(len(site.content) - start))
            self.send_header("Connection", "close")
            self.end_headers()
            self.send_body(site.content[start : site.cut_at])

        def send_body(self, body: bytes) -> None:
            half = len(body) // 2
            for piece in (body[:half], body[half:]):
                if site.chunked:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                else:
                    self.wfile.write(piece)
                time.sleep(site.pause)
            if site.chunked and site.cut_at is None:
                self.wfile.write(b"0\r\n\r\n")

    return Handler


class Server(ThreadingHTTPServer):
    """One thread a request, none of which outlives the tests."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has left is what some tests are about."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = Site()
    server = Server(("127.0.0.1", 0), handler_for(served))
    served.url = f"http://127.0.0.1:{server.server_port}/dev-access.csv"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "dev-access.csv"


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def refusal(site: Site, target: Path, timeout: float = 10.0) -> str:
    with pytest.raises(UserError) as caught:
        fetch(site.url, target, GIT_ID, timeout)
    assert not target.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_good(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("how", ["length", "no length", "chunked", "slow"])
def test_good_file(site: Site, target: Path, how: str) -> None:
    site.says_length = how != "no length"
    site.chunked = how == "chunked"
    site.pause = 0.2 if how == "slow" else 0.0
    fetch(site.url, target, GIT_ID, timeout=10)
    assert_good(target)
    assert site.asked == [None]


def test_good_file_is_not_fetched_again(site: Site, target: Path) -> None:
    fetch(site.url, target, GIT_ID)
    fetch(site.url, target, GIT_ID)
    assert_good(target)
    assert len(site.asked) == 1


def test_another_file_in_its_place_is_not_touched(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "mine.csv"
    target.write_text("mine")
    with pytest.raises(UserError, match="exists and is another file"):
        fetch(site.url, target, GIT_ID)
    assert target.read_text() == "mine"
    assert site.asked == []


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_file_is_refused_then_resumed(site: Site, target: Path, chunked: bool) -> None:
    site.cut_at, site.chunked = CUT_AT, chunked
    assert "run again" in refusal(site, target)
    arrived = part_of(target).read_bytes()
    assert arrived
    assert CONTENT.startswith(arrived)
    site.cut_at = None
    fetch(site.url, target, GIT_ID)
    assert_good(target)
    assert site.asked == [None, f"bytes={len(arrived)}-"]


def test_cut_file_says_how_much_arrived(site: Site, target: Path) -> None:
    site.cut_at = CUT_AT
    assert f"cut after {CUT_AT:,} of {len(CONTENT):,} bytes" in refusal(site, target)


def test_cut_file_of_unknown_length_is_removed(site: Site, target: Path) -> None:
    site.cut_at, site.says_length = CUT_AT, False
    assert "but must be" in refusal(site, target)
    assert not part_of(target).exists()


def test_corrupted_file_is_refused_and_removed(site: Site, target: Path) -> None:
    site.content = CONTENT[:1000] + b"!" + CONTENT[1001:]
    message = refusal(site, target)
    assert GIT_ID in message
    assert list(target.parent.iterdir()) == []


def test_silent_server_is_given_up(site: Site, target: Path) -> None:
    site.pause = 1.5
    before = time.monotonic()
    assert "timed out" in refusal(site, target, timeout=0.2)
    assert time.monotonic() - before < 1.4
    assert part_of(target).read_bytes() == CONTENT[: part_of(target).stat().st_size]
    site.pause = 0.0
    fetch(site.url, target, GIT_ID)
    assert_good(target)


@pytest.mark.parametrize("status", [404, 500])
def test_refusing_server(site: Site, target: Path, status: int) -> None:
    site.status = status
    assert f"the server says {status}" in refusal(site, target)
    assert list(target.parent.iterdir()) == []


def test_unreachable_server(target: Path) -> None:
    assert "cannot be fetched" in refusal(Site("http://127.0.0.1:1/x"), target)


def begin(target: Path, content: bytes) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(content)


def test_server_without_ranges_begins_again(site: Site, target: Path) -> None:
    begin(target, CONTENT[:CUT_AT])
    site.knows_ranges = False
    fetch(site.url, target, GIT_ID)
    assert_good(target)
    assert site.asked == [f"bytes={CUT_AT}-"]


@pytest.mark.parametrize(
    "stale", [b"another file's beginning", CONTENT + b"more", b"x" * len(CONTENT)]
)
def test_stale_beginning_is_thrown_away(site: Site, target: Path, stale: bytes) -> None:
    begin(target, stale)
    fetch(site.url, target, GIT_ID)
    assert_good(target)
    assert site.asked == [f"bytes={len(stale)}-", None]


def test_whole_part_only_needs_its_name(site: Site, target: Path) -> None:
    begin(target, CONTENT)
    fetch(site.url, target, GIT_ID)
    assert_good(target)


def test_corrupted_server_is_refused_after_a_stale_beginning(site: Site, target: Path) -> None:
    begin(target, b"stale")
    site.content = b"wrong" * 100
    assert GIT_ID in refusal(site, target)
    assert not part_of(target).exists()


def test_range_that_was_not_asked(site: Site, target: Path) -> None:
    begin(target, CONTENT[:CUT_AT])
    site.wrong_range = True
    assert "instead of what was asked" in refusal(site, target)
    assert part_of(target).read_bytes() == CONTENT[:CUT_AT]


def test_target_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        fetch(site.url, tmp_path / "file" / "log.csv", GIT_ID)
    (tmp_path / "log.csv.part").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        fetch(site.url, tmp_path / "log.csv", GIT_ID)


def test_blob_id_is_gits(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    done = subprocess.run(
        ["git", "hash-object", "--no-filters", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert blob_id_of(path) == done.stdout.strip() == GIT_ID


def test_command_keeps_what_is_there_and_reports_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("data.download.URL", site.url)
    monkeypatch.setattr("data.download.BLOB_ID", GIT_ID)
    assert main(["--to", str(tmp_path / "log.csv")]) == 0
    assert f"{len(CONTENT):,} bytes, verified as git blob {GIT_ID}" in capsys.readouterr().out
    assert (tmp_path / "log.csv").read_bytes() == CONTENT


def test_command_refuses_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "data.download", "--to", str(tmp_path / "log.csv")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")


def test_help_names_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "runs/dev-access.csv" in shown
    assert "python -m data.download" in shown
    assert len(BLOB_ID) == 40
