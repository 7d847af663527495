"""A real service on loopback, in a thread of the test's own process or as a command."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.drift import Drift
from results.serve import bind
from results.serving.batcher import Compute
from results.serving.openapi import Limits
from results.serving.service import DrainingServer, Service
from tests.commands import ENVIRONMENT, ROOT

# Code that lists what a command has imported, but which an export must not need.
LOADED = """
heavy = {"tensorflow", "keras", "keras_tuner", "optuna", "pandas", "sklearn", "scipy", "numba"}
heavy |= {"joblib", "h5py", "onnx", "tf2onnx", "rich", "spaces", "search", "sqlalchemy"}
loaded = sorted(
    name for name in sys.modules
    if name.partition(".")[0] in heavy or name.startswith(("results.study", "results.leaderboard"))
)
"""


@dataclass(frozen=True)
class Reply:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A service that runs in a thread.

    Attributes:
        port: On 127.0.0.1.
        server: To stop it early.
    """

    port: int
    server: DrainingServer

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request over a connection of its own; a body that is not bytes as JSON."""
        connection = self.connect()
        with contextlib.closing(connection):
            return send(connection, method, path, body, headers)

    def post(self, body: Any, **headers: str) -> Reply:
        """POST to /predict."""
        return self.call("POST", "/predict", body, headers)

    def metric(self, name: str) -> float:
        """Read one of the metrics."""
        for line in self.call("GET", "/metrics").body.decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Send a request over an open connection; a body that is not bytes as JSON."""
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, content, headers or {})
    response = connection.getresponse()
    return Reply(response.status, dict(response.headers), response.read())


@contextlib.contextmanager
def serving(
    compute: Compute,
    limits: Limits | None = None,
    token: str | None = None,
    drift: Drift | None = None,
) -> Iterator[Running]:
    """Run a service in a thread.

    Args:
        compute: Answers records.
        limits: The service's.
        token: The service's.
        drift: The service's.

    Yields:
        It, while it runs.
    """
    service = Service(compute, limits=limits or Limits(), token=token, drift=drift)
    server = DrainingServer(service)
    with bind("127.0.0.1", 0, None) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until(lambda: server.started)
            yield Running(port, server)
        finally:
            server.should_exit = True
            thread.join(timeout=40)
            assert not thread.is_alive()


@contextlib.contextmanager
def command(
    *words: str | Path, **environment: str
) -> "Iterator[tuple[subprocess.Popen[str], int]]":
    """Run `python -m results.serve WORDS` on a free port.

    Args:
        words: Its arguments.
        environment: More variables.

    Yields:
        The process and its port, once it serves.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "results.serve", *map(str, words), "--port", "0"],
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if found := re.search(r"serving http://127\.0\.0\.1:(\d+)", line):
                    yield process, int(found[1])
                    return
            raise AssertionError(said)
        finally:
            process.kill()


def until(holds: Any, seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)
