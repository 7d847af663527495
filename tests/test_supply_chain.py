"""What this project is made of: bounded, locked with hashes, and audited."""

import ast
import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / ".ci" / "requirements.txt"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
# What the checks of .ci/run install; the others are for a user's own machine.
LOCKED = ("export", "serve", "test", "dev", "postgresql", "dashboard")


def requirements(*extras: str) -> list[Requirement]:
    optional = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(line for e in extras for line in optional[e])]
    found = [Requirement(line) for line in lines]
    return [each for each in found if each.name != PROJECT["project"]["name"]]


def locked() -> dict[str, set[str]]:
    """Give the locked versions by name; some depend on Python's."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_every_dependency_is_bounded_on_both_sides() -> None:
    build = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
    extras = PROJECT["project"]["optional-dependencies"]
    for each in [*requirements(*extras), *build]:
        operators = {specifier.operator for specifier in each.specifier}
        assert {">=", "<"} <= operators, f"{each} has no bound"


# Needed, though nothing here imports them.
NOT_IMPORTED = {
    "plotly": "Optuna's own plots, which the report shows, are made with it",
    "cmaes": "Optuna's CMA-ES sampler imports it (--sampler cmaes)",
    "torch": "Optuna's GP sampler imports it (--sampler gp)",
    "psycopg": "SQLAlchemy imports it for postgresql+psycopg:// URLs",
    "httptools": "uvicorn uses it to parse HTTP if it is there",
    "tf2onnx": "imported by name where a layer has no translation",
}

# Distributions that are not named as their module is.
MODULES = {"grpcio": "grpc", "pyyaml": "yaml", "scikit-learn": "sklearn"}


@cache
def imported() -> set[str]:
    """Give the top-level names of all modules that the four packages import, lazily or not."""
    names: set[str] = set()
    for package in ("data", "spaces", "results", "search"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_every_dependency_is_imported_or_stands_here_with_its_reason() -> None:
    asked = {
        canonicalize_name(each.name) for each in requirements("export", "gp", "postgresql", "serve")
    }
    unused = {name for name in asked if MODULES.get(name, name.replace("-", "_")) not in imported()}
    assert unused == set(NOT_IMPORTED)


@pytest.mark.parametrize("each", requirements(*LOCKED), ids=lambda each: each.name)
def test_the_lock_has_what_the_project_asks_for(each: Requirement) -> None:
    versions = locked().get(canonicalize_name(each.name))
    assert versions, f"{each.name} is not locked; the lock's head says how to make it"
    for version in versions:
        assert each.specifier.contains(version), f"{each} is locked at {version}; lock again"


def test_every_locked_version_has_a_hash_and_comes_from_no_other_place() -> None:
    entries = re.split(r"^(?=\w)", LOCK.read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) == sum(map(len, locked().values())) > 100
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|^-|\bgit\+", LOCK.read_text(), re.MULTILINE)


VULNERABLE = {
    "id": "GHSA-test",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "it is",
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.6"}]}],
        }
    ],
}


class Osv(BaseHTTPRequestHandler):
    """Answers as osv.dev does: one package is vulnerable."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hit = (asked["package"]["name"], asked["version"]) == ("jinja2", "3.1.0")
        content = json.dumps({"vulns": [VULNERABLE]} if hit else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Osv) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        serving.join()


def audit(folder: Path, pin: str, url: str) -> tuple[int, str]:
    pytest.importorskip("pip_audit")
    lock = folder / "requirements.txt"
    lock.write_text(f"{pin} --hash=sha256:{'0' * 64}\n")
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock), "--osv-url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_a_known_vulnerability_fails(tmp_path: Path, service: str) -> None:
    status, out = audit(tmp_path, "jinja2==3.1.0", service)
    assert status == 1
    assert out == "jinja2 3.1.0: GHSA-test, fixed in 3.1.6\n1 vulnerabilities in 1 packages\n"


@pytest.mark.slow
def test_none_passes(tmp_path: Path, service: str) -> None:
    assert audit(tmp_path, "numpy==2.0.0", service) == (0, "0 vulnerabilities in 1 packages\n")


@pytest.mark.slow
def test_a_service_that_is_away_is_said(tmp_path: Path) -> None:
    status, out = audit(tmp_path, "numpy==2.0.0", "http://127.0.0.1:1/")
    assert (status, out.startswith("nothing was audited: the service")) == (0, True)


@pytest.mark.slow
def test_a_lock_that_is_damaged_fails(tmp_path: Path) -> None:
    assert audit(tmp_path, "numpy>=2.0.0", "http://127.0.0.1:1/") == (1, "")
