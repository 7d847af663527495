"""One study in a real PostgreSQL server, with everything that goes wrong there."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from results.study import close_storage, open_storage
from tests.search.postgresql import Server
from tests.search.processes import Start, check_exact, pid_of, running

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    # The bridge gives the signs of life that Optuna itself gives in `optimize` alone.
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]

TRIALS = 12
HEARTBEAT = "1"


def test_killed_paused_and_restarted_yet_exact(
    start: Start, database: Server, tmp_path: Path
) -> None:
    options = ("--budget", str(TRIALS), "--heartbeat", HEARTBEAT, "--workers", "2")
    machines = [start(tmp_path, "shared", *options, url=database.url)]
    machines[0].wait_for(lambda study: True)
    machines.append(start(tmp_path, "shared", *options, url=database.url))
    machines[1].wait_for(lambda study: len(running(study)) == 4)

    killed, paused = (pid_of(trial) for trial in machines[0].running()[:2])
    os.kill(killed, signal.SIGKILL)
    os.kill(paused, signal.SIGSTOP)
    time.sleep(8)  # longer than the four heartbeats after which the paused trial is given up
    database.stop()
    time.sleep(30)
    database.start()
    os.kill(paused, signal.SIGCONT)

    for machine in machines:
        out, err = machine.succeed(240)
        assert "secret-word" not in out + err
    with machines[0].study() as study:
        check_exact(study, TRIALS)
    for path in (tmp_path / "shared").rglob("*"):
        assert not path.is_file() or b"secret-word" not in path.read_bytes(), path


def test_a_server_that_goes_in_mid_read_is_waited_for(database: Server, tmp_path: Path) -> None:
    # Optuna takes any operational error there for one of too many variables, and reads on over
    # the connection that was lost.
    psycopg = pytest.importorskip("psycopg")
    storage = open_storage(tmp_path, database.url, 1)
    study = optuna.create_study(study_name="midway", storage=storage)
    study.tell(study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), 0.5)
    lost: list[int] = []

    def lose(connection: Connection, _: Any, statement: str, *others: Any) -> None:
        if "FROM trial_values" in statement and not lost:
            lost.append(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]
            with psycopg.connect(database.url) as killer:
                killer.execute("SELECT pg_terminate_backend(%s)", lost)

    event.listen(Engine, "before_cursor_execute", lose)
    try:
        (trial,) = study.get_trials()
    finally:
        event.remove(Engine, "before_cursor_execute", lose)
    assert lost and trial.value == 0.5
    close_storage(storage)


def test_machines_without_a_common_folder_exchange_their_files(
    start: Start, database: Server, tmp_path: Path
) -> None:
    options = (
        "--budget", "4", "--workers", "1", "--refit", "--artefacts", f"file://{tmp_path / 'store'}",
    )  # fmt: skip
    machines = [start(tmp_path / name, "apart", *options, url=database.url) for name in ("a", "b")]
    for machine in machines:
        machine.succeed(240)
    boards = [json.loads((machine.folder / "leaderboard.json").read_text()) for machine in machines]
    for board, machine in zip(boards, machines, strict=True):
        assert [row["kind"] for row in board["rows"]].count("trial") == 4
        assert [row["kind"] for row in board["rows"]].count("refit") == 1
        assert all(row["heldout_accuracy"] is not None for row in board["rows"])
        assert (machine.folder / "best" / "model.keras").is_file()
    assert [row["name"] for row in boards[0]["rows"]] == [row["name"] for row in boards[1]["rows"]]


def test_an_absent_database_is_one_line_without_the_password(start: Start, tmp_path: Path) -> None:
    url = "postgresql://me:secret-word@127.0.0.1:1/none"
    status, out, err = start(tmp_path, "none", "--budget", "1", url=url).end()
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert status == 2
    assert "cannot be reached" in line
    assert "secret-word" not in out + err
    assert "Traceback" not in err
