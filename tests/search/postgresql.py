"""A real PostgreSQL server of a test's own, which can be stopped and started again."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Server:
    """A server on loopback."""

    folder: Path  # its data
    port: int
    programs: Path  # where PostgreSQL's programs are

    @property
    def url(self) -> str:
        """Its database, as `--storage` takes it."""
        return f"postgresql://postgres:secret-word@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=300"
        )
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-o", options,
                  "-l", str(self.folder / "server.log"), "start")  # fmt: skip

    def stop(self) -> None:
        """Stop the server at once, as a machine's restart would."""
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def make(self) -> None:
        """Make an empty database cluster that asks for a password."""
        word = self.folder / "password"
        word.write_text("secret-word")
        _give_away(word)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A",
                  "scram-sha-256", "--pwfile", str(word))  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=self.folder)


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, "postgres")


def programs() -> Path | None:
    """Find PostgreSQL's programs, on the path or where Debian puts them."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a server for a test; skip the test where PostgreSQL is not installed.

    The folder is a new one that another user may enter.
    """
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    _give_away(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Server(folder, port, found)
    made.make()
    made.start()
    try:
        yield made
    finally:
        made.stop()
