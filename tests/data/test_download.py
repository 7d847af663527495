"""Downloads from a real server on the loopback interface, one that misbehaves on demand."""

import hashlib
import lzma
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from data.common import UserError
from data.download import LOGS, PIECE_BYTES, Log, blob_id_of, download, fetch, main
from data.reading import read_log

CONTENT = bytes(range(256)) * 1024 + b"the end"
GIT_ID = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
CUT_AT = 2 * PIECE_BYTES + 5


@dataclass
class Site:
    """What the server serves, how it misbehaves, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    says_length: bool = True
    chunked: bool = False
    cut_at: int | None = None
    pause: float = 0.0
    status: int | None = None
    asked: int = 0


def handler_for(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the tests' output clean."""

        def do_GET(self) -> None:
            site.asked += 1
            self.close_connection = True
            if site.status is not None:
                self.send_error(site.status)
                return
            self.send_response(200)
            if site.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            elif site.says_length:
                self.send_header("Content-Length", str(len(site.content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.send_body(site.content[: site.cut_at])

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


def refusal(site: Site, target: Path, timeout: float = 10.0) -> str:
    with pytest.raises(UserError) as caught:
        fetch(site.url, target, GIT_ID, timeout)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
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
    assert site.asked == 1


def test_good_file_is_not_fetched_again(site: Site, target: Path) -> None:
    fetch(site.url, target, GIT_ID)
    fetch(site.url, target, GIT_ID)
    assert_good(target)
    assert site.asked == 1


def test_another_file_in_its_place_is_not_touched(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "mine.csv"
    target.write_text("mine")
    with pytest.raises(UserError, match="exists and is another file"):
        fetch(site.url, target, GIT_ID)
    assert target.read_text() == "mine"
    assert site.asked == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"cut_at": CUT_AT}, f"cut after {CUT_AT:,} of {len(CONTENT):,} bytes; run again"),
        ({"cut_at": CUT_AT, "chunked": True}, "run again"),
        ({"cut_at": CUT_AT, "says_length": False}, f"but must be {GIT_ID}; not kept"),
        ({"content": CONTENT[:1000] + b"!" + CONTENT[1001:]}, f"but must be {GIT_ID}; not kept"),
        ({"status": 404}, "the server says 404"),
        ({"status": 500}, "the server says 500"),
    ],
)
def test_what_is_not_the_whole_file_leaves_nothing(
    site: Site, target: Path, how: dict[str, Any], said: str
) -> None:
    vars(site).update(how)
    assert said in refusal(site, target)


def test_silent_server_is_given_up(site: Site, target: Path) -> None:
    site.pause = 1.5
    before = time.monotonic()
    assert "timed out" in refusal(site, target, timeout=0.2)
    assert time.monotonic() - before < 1.4


def test_unreachable_server(target: Path) -> None:
    assert "cannot be fetched" in refusal(Site("http://127.0.0.1:1/x"), target)


def test_target_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*log.csv'"):
        fetch(site.url, tmp_path / "file" / "log.csv", GIT_ID)
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
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
    served = replace(LOGS["notebook"], url=site.url, fetched_id=GIT_ID, blob_id=GIT_ID)
    monkeypatch.setitem(LOGS, "notebook", served)
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


# The log that is built from what is fetched

PAYLOADS = "".join(
    f'"{value}","{len(value)}","{kind}","{"norm" if kind == "norm" else "anom"}"\n'
    for kind, values in {
        "norm": ["lamp", "c/ caridad s/n", "4018412345678901", "o|b", "pirámide", "mesa"],
        "sqli": ["1 or 1=1", "'; drop table a --", "1 union select null"],
        "xss": ["<script>alert(1)</script>"],
    }.items()
    for value in values
)
# Of 26,773 rows made of these, by the code that made the log of the figures.
BUILT_ID = "80eec0269c211fdb1a7d49ac9499d676c3e72073"


@pytest.fixture
def built(site: Site) -> Log:
    """A data set of ten values on the loopback interface, and the log that comes of it."""
    site.content = f'"payload","length","attack_type","label"\n{PAYLOADS}'.encode()
    site.url = site.url.replace("dev-access", "payload_full")
    fetched = hashlib.sha1(b"blob %d\0" % len(site.content) + site.content).hexdigest()
    log = LOGS["http-params"]
    return replace(log, url=site.url, fetched_id=fetched, blob_id=BUILT_ID)


def test_log_is_built_from_the_data_set(
    site: Site,
    built: Log,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(LOGS, "http-params", built)
    assert main(["--log", "http-params", "--to", str(target)]) == 0
    assert f"verified as git blob {BUILT_ID}; built from https://" in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    log = read_log(target)
    assert (log.format, len(log.texts)) == ("access-log", 26_773)
    assert log.labels[:15_059].mean() == pytest.approx(1 - 0.5855, abs=1e-4)
    assert any("o|b" in text for text in log.texts[:200])


def test_built_log_is_not_fetched_again(site: Site, built: Log, target: Path) -> None:
    download(built, target)
    download(built, target)
    assert site.asked == 1


def test_what_is_not_the_data_set_leaves_nothing(site: Site, built: Log, target: Path) -> None:
    site.content = site.content.replace(b"lamp", b"lump")
    with pytest.raises(UserError, match=r"but must be .*; not kept"):
        download(built, target)
    assert not target.exists()


def test_log_that_comes_out_otherwise_is_not_kept(built: Log, target: Path) -> None:
    with pytest.raises(UserError, match=f"came out as git blob {BUILT_ID}, not {GIT_ID}; not kept"):
        download(replace(built, blob_id=GIT_ID), target)
    assert list(target.parent.iterdir()) == []


def test_the_log_of_the_figures_is_the_one_that_is_built(shared_log: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "log.csv"
    unpacked.write_bytes(lzma.decompress(shared_log.read_bytes()))
    assert blob_id_of(unpacked) == LOGS["http-params"].blob_id
