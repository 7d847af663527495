"""A search that is given passwords, by command line and environment, shows them nowhere."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import optuna
import pytest

from results.study import REASON
from tests.commands import ROOT
from tests.search.postgresql import Server
from tests.search.processes import Start

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(200),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]

# Of the URL, which is the server's own, and of the environment, which is not used.
SECRETS = ("secret-word", "another-word")


def titles() -> list[str]:
    """Give the command lines of all processes, as `ps` shows them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # It has ended.
    return found


def test_passwords_are_nowhere(
    start: Start, database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRETS[1])
    search = start(
        tmp_path, "leaky", "--budget", "3", "--workers", "1", "--space",
        "tests.search.leaky_space:LeakySpace", url=database.url,
    )  # fmt: skip
    hidden = f"--storage postgresql://postgres:***@127.0.0.1:{database.port}/postgres"
    shown: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        seen = False
        while not ended.wait(0.1):
            now = titles()
            seen = seen or any(hidden in title for title in now)
            # Until Python has started there is no one to hide it.
            if seen:
                shown.extend(title for title in now if any(word in title for word in SECRETS))

    watching = threading.Thread(target=watch)
    watching.start()
    search.wait_for(lambda study: len(study.trials) > 0)
    assert any(hidden in title for title in titles())
    status, out, err = search.end(150)
    ended.set()
    watching.join()
    assert status == 0, err
    assert shown == []
    assert all(word not in out + err for word in SECRETS)

    said = (search.folder / "logs" / "worker-1.log").read_text()
    assert said.count("with ***") >= 9  # three trainings, three ways each
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert all(word.encode() not in content for word in SECRETS), path

    with search.study() as study:
        kept = json.dumps(
            [study.user_attrs, *((trial.user_attrs, trial.system_attrs) for trial in study.trials)]
        )
        failed = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.FAIL]
        assert all(word not in kept for word in SECRETS)
        said = "RuntimeError: postgresql://postgres:***@127.0.0.1"
        assert failed[0].user_attrs[REASON].startswith(said)
        assert failed[0].user_attrs[REASON].endswith("with ***")

    monkeypatch.setenv("PGPASSWORD", SECRETS[0])
    for module in ("results.leaderboard", "results.report"):
        command = [sys.executable, "-m", module, str(search.folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert all(word not in done.stdout + done.stderr for word in SECRETS)
    assert all(word.encode() not in path.read_bytes() for path in files for word in SECRETS)
