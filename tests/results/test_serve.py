"""The command: who may reach it, what it needs to start, and how it ends."""

import http.client
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data.common.command import run
from data.common.errors import UserError
from results.serve import bind, main, read_token
from tests.commands import ENVIRONMENT, ROOT
from tests.results.conftest import record
from tests.results.serving.running import LOADED, command, send

TOKEN = "correct-horse-battery"


def refusal(capfd: pytest.CaptureFixture[str], *words: str | Path) -> str:
    with pytest.raises(SystemExit) as exit_status:
        run(main, [str(word) for word in words])
    assert exit_status.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    return err


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODEL3_TOKEN", raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_others_are_not_let_in_without_a_token(
    exported: Path, capfd: pytest.CaptureFixture[str], host: str
) -> None:
    said = refusal(capfd, exported, "--host", host, "--port", "0")
    assert "give --token-file, or MODEL3_TOKEN in the environment" in said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_loopback_needs_no_token_and_other_addresses_one(host: str) -> None:
    bind(host, 0, None).close()
    with bind("0.0.0.0", 0, TOKEN) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_answers_do_not_wait_for_the_clients_acknowledgement() -> None:
    """Headers and body are two packets; without this the second waits for 40 ms."""
    with bind("127.0.0.1", 0, None) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_and_a_strange_host_are_named(
    exported: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} cannot be had" in refusal(capfd, exported, "--port", port)
    assert "--port is 70000" in refusal(capfd, exported, "--port", "70000")
    assert "no address" in refusal(capfd, exported, "--host", "no such host")


def test_a_damaged_export_and_odd_limits_are_refused(
    exported: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (exported / "model.keras").write_bytes(b"")
    assert "not what was exported" in refusal(capfd, exported, "--port", "0")
    assert "--max-batch is 0" in refusal(capfd, exported, "--port", "0", "--max-batch", "0")
    assert "--max-queue is 9" in refusal(capfd, exported, "--port", "0", "--max-queue", "9")


WITHOUT_UVICORN = """
import sys
sys.modules["uvicorn"] = None
from data.common import run
from results.serve import main
run(main)
"""


def test_what_is_not_installed_is_named() -> None:
    words = [sys.executable, "-c", WITHOUT_UVICORN, "runs/none/best", "--port", "0"]
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: uvicorn is not installed")
    assert "model3-search[serve]" in done.stderr


def test_a_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_token(None) is None
    monkeypatch.setenv("MODEL3_TOKEN", f"{TOKEN}-2")
    assert read_token(None) == f"{TOKEN}-2"
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token") == TOKEN


@pytest.mark.parametrize("token", [b"", b"short", b"two words are too many", b"\xff" * 20])
def test_a_weak_token_is_refused_and_not_repeated(tmp_path: Path, token: bytes) -> None:
    (tmp_path / "token").write_bytes(token)
    with pytest.raises(UserError, match="token") as error:
        read_token(tmp_path / "token")
    assert not token or token.decode("latin-1") not in str(error.value)
    with pytest.raises(UserError, match="No such file"):
        read_token(tmp_path / "nothing")


def test_the_command_serves_tells_nobody_its_token_and_ends_well(exported: Path) -> None:
    shown = {"Authorization": f"Bearer {TOKEN}"}
    with command(exported, MODEL3_TOKEN=TOKEN) as (process, port):
        argv = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"results.serve" in argv and TOKEN.encode() not in argv
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            assert send(connection, "GET", "/health").json == {"status": "ready"}
            body = [record(1, False, 20), "|Mallory|"]
            answers = send(connection, "POST", "/predict", body, shown).json
            assert sorted(answers[0]) == ["label", "label_word", "score"]
            assert sorted(answers[1]) == ["error"]
            metrics = send(connection, "GET", "/metrics", None, shown)
            assert metrics.status == 200 and TOKEN not in metrics.body.decode()
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            refused = send(connection, "GET", "/metrics", None, {"Authorization": f"{TOKEN}x"})
            assert refused.status == 401 and TOKEN not in refused.body.decode()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert TOKEN not in said and "Mallory" not in said
    assert said.splitlines()[-1].endswith("stopped after 4 requests")


STOPPED = f"""
import signal, sys, threading
from results.serve import main
from results.serving import service
begin = service.DrainingServer.startup
async def startup(self, sockets=None):
    await begin(self, sockets)
    signal.raise_signal(signal.SIGTERM)
service.DrainingServer.startup = startup
main(sys.argv[1:])
{LOADED}
print(loaded)
"""


def test_it_serves_by_onnx_runtime_alone(exported: Path) -> None:
    words = [sys.executable, "-c", STOPPED, str(exported), "--port", "0"]
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize("words", [["--token", TOKEN], [f"--token={TOKEN}"]])
def test_a_token_typed_by_mistake_is_not_repeated(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert TOKEN not in refusal(capfd, "runs/none/best", *words)
