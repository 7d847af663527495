"""A journal that fixes, a lock that dies with its owner, a disk waited for where it counts."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from data.common.errors import UserError
from results.study import JOURNAL, open_storage
from tests.users import ordinary_user

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def study_in(folder: Path) -> optuna.Study:
    storage = open_storage(folder, None, 1)
    return optuna.create_study(study_name="s", storage=storage, load_if_exists=True)


@pytest.mark.parametrize("kept", [-1, -9, -40])
def test_a_record_cut_off_in_the_middle_is_dropped(tmp_path: Path, kept: int) -> None:
    study = study_in(tmp_path)
    study.tell(study.ask(), 0.25)
    whole = (tmp_path / JOURNAL).read_bytes()
    study.ask().set_user_attr("long", "x" * 100)
    torn = (tmp_path / JOURNAL).read_bytes()[:kept]
    (tmp_path / JOURNAL).write_bytes(torn)

    again = study_in(tmp_path)
    again.tell(again.ask(), 0.5)
    values = [trial.value for trial in again.trials if trial.state == TrialState.COMPLETE]
    assert values == [0.25, 0.5]
    content = (tmp_path / JOURNAL).read_bytes()
    assert content.startswith(whole)
    assert content.endswith(b"\n")
    assert [trial.value for trial in study_in(tmp_path).trials][-1] == 0.5


def _hold(folder: Path, connection: Connection) -> None:
    backend = open_storage(folder, None, 1)._backend  # type: ignore[attr-defined]
    backend._lock.acquire()
    connection.send("held")
    time.sleep(60)


def test_a_killed_owner_frees_the_journal(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    here, there = multiprocessing.get_context("spawn").Pipe()
    owner = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path, there))
    owner.start()
    assert here.recv() == "held"
    done = threading.Event()
    asking = threading.Thread(target=lambda: (study.ask(), done.set()))
    asking.start()
    assert not done.wait(0.5)
    assert owner.pid is not None
    os.kill(owner.pid, signal.SIGKILL)
    owner.join()
    assert done.wait(5)
    asking.join()


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        open_storage(tmp_path / "file" / "run", None, 1)


@pytest.mark.parametrize("mode", [0o555, 0o777])
def test_a_journal_that_one_may_only_read(mode: int) -> None:
    # pytest's own folders are closed to others than the user that it runs as.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study_in(folder).enqueue_trial({"x": 1})
        (folder / f"{JOURNAL}.lock").unlink()
        (folder / JOURNAL).chmod(0o444)
        folder.chmod(mode)
        with ordinary_user():
            study = optuna.load_study(study_name="s", storage=open_storage(folder, None, 1))
            assert len(study.trials) == 1
            with pytest.raises(UserError, match="cannot be written"):
                study_in(folder)


def test_a_trials_end_takes_all_of_it_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, safe = study_in(tmp_path), [0]
    monkeypatch.setattr(os, "fsync", lambda handle: safe.append(os.fstat(handle).st_size))

    def size() -> int:
        return (tmp_path / JOURNAL).stat().st_size

    trial = study.ask()
    assert safe[-1] == size()
    begun = len(safe)
    for name in "abcd":
        trial.suggest_float(name, 0, 1)
        trial.report(0.5, ord(name))
        trial.set_user_attr(name, 1)
    assert len(safe) == begun
    study.tell(trial, 0.5)
    assert safe[-1] == size()
    study.set_user_attr("champion", "trial 0")
    assert safe[-1] == size()
