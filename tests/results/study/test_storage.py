"""Where studies live: databases and their passwords, and a server that is away."""

import importlib
import importlib.util
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from data.common.errors import UserError
from results.study import close_storage, open_storage
from results.study.storage import _is_made_already, _reach, make_retrying, remember, remembered

HAS_DRIVER = importlib.util.find_spec("psycopg") is not None
pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    # The bridge gives the signs of life that Optuna itself gives in `optimize` alone.
    pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning"),
]


def study_in(folder: Path, url: str | None = None) -> optuna.Study:
    storage = open_storage(folder, url, 1)
    return optuna.create_study(study_name="s", storage=storage, load_if_exists=True)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no url with secret-word", "not a database URL"),
        pytest.param(
            "postgresql://me:secret-word@127.0.0.1:1/x",
            "cannot be reached",
            marks=pytest.mark.skipif(not HAS_DRIVER, reason="psycopg is not installed"),
        ),
        pytest.param(
            "postgresql://127.0.0.1:1/x?user=me&password=secret-word",
            "cannot be reached",
            marks=pytest.mark.skipif(not HAS_DRIVER, reason="psycopg is not installed"),
        ),
        ("oracle9://me:secret-word@127.0.0.1/x", "driver"),
        ("sqlite:////proc/none/study.db", "cannot be reached"),
    ],
)
def test_a_bad_url_is_one_line_without_its_password(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words) as error:
        open_storage(tmp_path, url, 1)
    assert "secret-word" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_remembers_its_database_without_the_password(tmp_path: Path) -> None:
    assert remembered(tmp_path) is None
    remember(
        tmp_path, "postgresql://me:secret-word@host:5432/x?password=secret-word&sslmode=prefer"
    )
    assert remembered(tmp_path) == "postgresql+psycopg://me@host:5432/x?sslmode=prefer"


def test_the_password_of_a_remembered_database_may_stand_in_optunas_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://me:secret-word@host/x"
    remember(tmp_path, url)
    noted = remembered(tmp_path)
    assert noted == "postgresql+psycopg://me@host/x"
    monkeypatch.setenv("OPTUNA_STORAGE", url)
    assert remembered(tmp_path) == url
    for other in ("postgresql://me:secret-word@host/y", "runs/first/journal.log", ""):
        monkeypatch.setenv("OPTUNA_STORAGE", other)
        assert remembered(tmp_path) == noted


def test_a_message_names_optunas_variable_if_the_url_is_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTUNA_STORAGE", "no database")
    with pytest.raises(UserError, match=r"^OPTUNA_STORAGE is not a database URL"):
        open_storage(tmp_path, "no database", 1)


def test_tables_that_another_process_has_just_made_are_used(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    tries: list[str] = []

    def make_table() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE studies (id INT)")

    def connect() -> int:
        tries.append("one")
        if len(tries) == 1:
            make_table()
        return len(tries)

    make_table()
    assert _reach(connect, "--storage") == 2
    engine.dispose()


@pytest.mark.skipif(not HAS_DRIVER, reason="psycopg is not installed")
@pytest.mark.parametrize(
    ("name", "is_made"),
    [
        ("DuplicateTable", True),
        ("DuplicateObject", True),
        ("UniqueViolation", True),
        ("InsufficientPrivilege", False),
        ("ConnectionFailure", False),
    ],
)
def test_postgresql_tells_what_is_there_already_by_a_code(name: str, is_made: bool) -> None:
    cause = getattr(importlib.import_module("psycopg.errors"), name)()
    assert _is_made_already(OperationalError("", None, cause)) == is_made


class _Away(optuna.storages.InMemoryStorage):
    """A storage whose server is away for its first calls."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls

    def get_all_studies(self) -> list[optuna.study._frozen.FrozenStudy]:
        self.calls -= 1
        if self.calls >= 0:

            class OperationalErrorOfADriver(Exception):
                sqlstate = "57P01"

            OperationalErrorOfADriver.__name__ = "OperationalError"
            raise OperationalError("SELECT", {}, OperationalErrorOfADriver("shutting down"))
        return super().get_all_studies()


def test_a_server_that_returns_is_waited_for() -> None:
    assert make_retrying(_Away(2), seconds=10).get_all_studies() == []


def test_it_is_not_waited_for_without_end() -> None:
    with pytest.raises(Exception, match="shutting down"):
        make_retrying(_Away(99), seconds=0.5).get_all_studies()


def test_sqlite_serves_a_study(tmp_path: Path) -> None:
    first, second = (study_in(tmp_path, f"sqlite:///{tmp_path / 'study.db'}") for _ in range(2))
    first.tell(first.ask(), 0.5)
    assert second.best_value == 0.5
    for study in (first, second):
        close_storage(study._storage)


def test_a_database_is_closed_with_and_without_optunas_cache_before_it(tmp_path: Path) -> None:
    bare = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    for storage in (bare, optuna.storages.get_storage(bare)):
        assert optuna.get_all_study_names(storage) == []
        assert bare.engine.pool.checkedin() > 0
        close_storage(storage)
        assert bare.engine.pool.checkedin() == 0
