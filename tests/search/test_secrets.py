"""A search that is given a password by `--storage` writes it nowhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.search.postgresql import Server
from tests.search.processes import Start

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(200),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]

PASSWORD = "secret-word"


def test_the_password_is_in_no_file_and_no_message(
    start: Start, database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PASSWORD in database.url
    search = start(tmp_path, "run", "--budget", "2", "--workers", "1", url=database.url)
    out, err = search.succeed(150)
    assert PASSWORD not in out + err

    config = (search.folder / "config.toml").read_text()
    assert f'"postgresql://postgres:***@127.0.0.1:{database.port}/postgres"' in config
    with search.study() as study:
        kept = [study.user_attrs, *((t.user_attrs, t.system_attrs) for t in study.trials)]
        assert PASSWORD not in json.dumps(kept)

    # The other commands read the URL without the password, and the password from the environment.
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    for module in ("results.leaderboard", "results.report"):
        command = [sys.executable, "-m", module, str(search.folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_a_refused_password_is_not_repeated(start: Start, database: Server, tmp_path: Path) -> None:
    url = database.url.replace(PASSWORD, "a-wrong-word")
    status, out, err = start(tmp_path, "run", "--budget", "2", url=url).end(100)
    assert (status, out) == (2, "")
    assert "cannot be reached" in err
    assert "a-wrong-word" not in err
