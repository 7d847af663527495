"""Where studies live: the run's journal file, a database, or a proxy in front of one."""

import sqlite3
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from data.common import UserError, first_line, hide_password, write_text
from results.study.journal import open_journal
from results.study.layout import JOURNAL
from results.study.retrying_storage import make_retrying

# PostgreSQL's: a duplicate table, object or row of its catalog.
_MADE_ALREADY = frozenset({"42P07", "42710", "23505"})

T = TypeVar("T")

# A trial in a database is given up when its worker was silent for this many heartbeats.
SILENT_BEATS = 4
_GRPC = "grpc"
_NOTE = "storage.url"


def open_storage(
    folder: Path, url: str | None, heartbeat: int, *, option: str = "--storage"
) -> BaseStorage:
    """Open where a study lives.

    Args:
        folder: The run's folder; its journal is used when no URL is given.
        url: A database that Optuna takes, e.g. `postgresql://user@host/name`, or
            `grpc://host:port` for Optuna's storage proxy; None for the journal.
        heartbeat: Seconds between two signs of life of a trial in a database.
        option: Where the user wrote the URL, for messages.

    Returns:
        The storage.

    Raises:
        UserError: If it cannot be reached, or the journal not be written. Passwords are not shown.
    """
    if url is None:
        return open_journal(folder / JOURNAL)
    parsed = _parse(url, option)
    shown = f"{option} {hide_password(parsed.render_as_string())}"
    if parsed.drivername == _GRPC:
        return make_retrying(_open_proxy(parsed, shown))
    return make_retrying(_open_database(parsed, shown, heartbeat))


def close_storage(storage: BaseStorage) -> None:
    """Close the connections that a storage keeps open; a later call opens new ones.

    Args:
        storage: The storage.
    """
    backend = getattr(storage, "_backend", storage)
    if isinstance(backend, RDBStorage):
        backend.remove_session()
        backend.engine.dispose()


def remember(folder: Path, url: str) -> None:
    """Note in a run's folder which database holds its study, without the password.

    Args:
        folder: The run's folder.
        url: The database.

    Raises:
        UserError: If the folder cannot be written.
    """
    parsed = _parse(url)._replace(password=None)
    parsed = parsed.difference_update_query(
        [name for name in parsed.query if name.endswith(("password", "secret", "token"))]
    )
    write_text(folder / _NOTE, parsed.render_as_string() + "\n")


def remembered(folder: Path) -> str | None:
    """Read which database holds a run's study.

    Args:
        folder: The run's folder.

    Returns:
        Its URL, without the password; None for a run with a journal.
    """
    note = folder / _NOTE
    return note.read_text(encoding="utf-8").strip() if note.is_file() else None


def _parse(url: str, option: str = "--storage") -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is not repeated.
        raise UserError(
            f"{option} is no database URL; write e.g. postgresql://user@host/name"
        ) from None
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _open_database(url: URL, shown: str, heartbeat: int) -> BaseStorage:
    def connect() -> BaseStorage:
        with warnings.catch_warnings():
            # Optuna calls the heartbeat experimental; a user can do nothing about it.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = RDBStorage(
                url.render_as_string(hide_password=False),
                # A server that was restarted has closed the pool's connections.
                engine_kwargs={"pool_pre_ping": True},
                heartbeat_interval=heartbeat,
                grace_period=heartbeat * SILENT_BEATS,
            )
        return optuna.storages.get_storage(storage)

    return _reach(connect, shown)


def _open_proxy(url: URL, shown: str) -> BaseStorage:
    def connect() -> BaseStorage:
        proxy = optuna.storages.GrpcStorageProxy(
            host=url.host or "localhost", port=url.port or 13000
        )
        proxy.wait_server_ready(timeout=10)
        return proxy

    return _reach(connect, shown)


def _reach(connect: Callable[[], T], shown: str) -> T:
    for attempt in range(5):
        try:
            return connect()
        except (ImportError, NoSuchModuleError) as error:
            raise UserError(
                f"{shown} needs a driver that is not installed ({error}); "
                "for PostgreSQL: pip install 'model3-search[postgresql]'"
            ) from None
        except (SQLAlchemyError, ConnectionError, TimeoutError, OSError) as error:
            # Several workers that make the tables of a new database at once collide.
            if attempt < 4 and _is_made_already(error):
                time.sleep(0.2 * 2**attempt)
                continue
            raise UserError(f"{shown} cannot be reached: {_first_line(error)}") from None
    raise AssertionError


def _is_made_already(error: BaseException) -> bool:
    """Say whether a table was made by somebody else meanwhile; each database has its own codes."""
    cause = getattr(error, "orig", None)
    in_sqlite = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return in_sqlite or getattr(cause, "sqlstate", None) in _MADE_ALREADY


def _first_line(error: BaseException) -> str:
    return first_line(getattr(error, "orig", None) or error)
