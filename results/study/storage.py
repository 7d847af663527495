"""Where studies live: the run's journal file, a database, or a proxy in front of one.

A server that is away for a while is waited for. This is the one module here that touches what
Optuna keeps private.
"""

import contextlib
import functools
import logging
import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._heartbeat import BaseHeartbeat
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)

from data.common import UserError, first_line, hide_password, is_secret, write_text
from results.study.journal import open_journal
from results.study.result import JOURNAL, STORAGE_NOTE, STORAGE_VARIABLE

# A trial in a database is given up when its worker was silent for this many heartbeats.
SILENT_BEATS = 4
# How long a server that is away is waited for, and with which pauses.
RETRY_SECONDS = 300.0
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 5.0

_GRPC = "grpc"
# PostgreSQL's: a duplicate table, object or row of its catalog.
_MADE_ALREADY = frozenset({"42P07", "42710", "23505"})
# PostgreSQL's classes of operator intervention (shutdown, restart) and of a lost connection.
_AWAY = ("57", "08")
# https://docs.sqlalchemy.org/en/20/errors.html#error-8s2b
_LOST_IN_A_TRANSACTION = "8s2b"

T = TypeVar("T")

log = logging.getLogger(__name__)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Let Optuna log warnings alone for a while, as it does on the command line."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_storage(
    folder: Path,
    url: str | None,
    heartbeat: int,
    *,
    option: str | None = None,
    patience: float = 0.0,
) -> BaseStorage:
    """Open where a study lives.

    Args:
        folder: The run's folder; its journal is used if no URL is given.
        url: A database that Optuna takes, e.g. `postgresql://user@host/name`, or
            `grpc://host:port` for Optuna's storage proxy; None for the journal.
        heartbeat: Seconds between two signs of life of a trial in a database.
        option: Where the user wrote the URL, for messages; None for `--storage`, or the variable
            of the environment if it has this URL.
        patience: Seconds that a server which is away is waited for.

    Raises:
        UserError: If it cannot be reached, or the journal not be written. Passwords are not shown.
    """
    if url is None:
        return open_journal(folder / JOURNAL)
    option = option or (
        STORAGE_VARIABLE if url == os.environ.get(STORAGE_VARIABLE) else "--storage"
    )
    parsed = _parse(url, option)
    shown = f"{option} {hide_password(parsed.render_as_string())}"
    if parsed.drivername == _GRPC:
        return make_retrying(_open_proxy(parsed, shown, patience))
    return make_retrying(_open_database(parsed, shown, heartbeat, patience))


def close_storage(storage: BaseStorage) -> None:
    """Close the connections that a storage keeps open; a later call opens new ones."""
    backend = getattr(storage, "_backend", storage)
    if isinstance(backend, RDBStorage):
        backend.remove_session()
        backend.engine.dispose()


def remember(folder: Path, url: str) -> None:
    """Note in a run's folder which database holds its study, without the password."""
    write_text(folder / STORAGE_NOTE, _without_password(url) + "\n")


def remembered(folder: Path) -> str | None:
    """Read which database holds a run's study; None for a run with a journal.

    The password is that of Optuna's own variable, if it names the same database.
    """
    note = folder / STORAGE_NOTE
    if not note.is_file():
        return None
    noted, given = note.read_text(encoding="utf-8").strip(), os.environ.get(STORAGE_VARIABLE)
    # What is no URL there is the path of another journal.
    with contextlib.suppress(UserError):
        return given if given and _without_password(given) == noted else noted
    return noted


def _without_password(url: str) -> str:
    parsed = _parse(url)._replace(password=None)
    parsed = parsed.difference_update_query(filter(is_secret, parsed.query))
    return parsed.render_as_string()


def make_retrying(storage: BaseStorage, seconds: float = RETRY_SECONDS) -> BaseStorage:
    """Let every call of a storage wait for a server that is away, with a growing pause.

    A call whose answer got lost is made twice. If that matters, the second one is refused because
    the first one succeeded: a trial that has ended is then taken as ended by us.
    """
    for name in {*vars(BaseStorage), *vars(BaseHeartbeat)}:
        method = getattr(storage, name, None)
        if callable(method) and not name.startswith("__"):
            setattr(storage, name, _retried(method, seconds))
    return storage


def _retried(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        wait, end, again = _FIRST_WAIT, time.monotonic() + seconds, False
        while True:
            try:
                return method(*args, **kwargs)
            except UpdateFinishedTrialError:
                if again:
                    return True
                raise
            except (StorageInternalError, DBAPIError, grpc.RpcError) as error:
                if not _is_away(error) or time.monotonic() > end:
                    raise
            log.warning("the storage does not answer; next try in %.1f s", wait)
            time.sleep(wait)
            wait, again = min(2 * wait, _LONGEST_WAIT), True

    return call


def _is_away(error: BaseException | None) -> bool:
    match error:
        case StorageInternalError():
            return _is_away(error.__cause__)
        case grpc.RpcError():
            return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
        case PendingRollbackError():
            # Optuna read on in a transaction whose connection was lost; it has rolled back since.
            return error.code == _LOST_IN_A_TRANSACTION
        case OperationalError() | InterfaceError():
            # A connection that was never made carries no state at all.
            state = getattr(error.orig, "sqlstate", None)
            return error.connection_invalidated or state is None or state[:2] in _AWAY
        case DBAPIError():
            return error.connection_invalidated
    return False


def _parse(url: str, option: str = "--storage") -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is not repeated.
        raise UserError(
            f"{option} is not a database URL; write e.g. postgresql://user@host/name"
        ) from None
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _open_database(url: URL, shown: str, heartbeat: int, patience: float) -> BaseStorage:
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

    storage: BaseStorage = _reach(_retried(connect, patience), shown)
    return storage


def _open_proxy(url: URL, shown: str, patience: float) -> BaseStorage:
    def connect() -> BaseStorage:
        proxy = optuna.storages.GrpcStorageProxy(
            host=url.host or "localhost", port=url.port or 13000
        )
        proxy.wait_server_ready(timeout=max(10, patience))
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
            cause = getattr(error, "orig", None) or error
            raise UserError(f"{shown} cannot be reached: {first_line(cause)}") from None
    raise AssertionError


def _is_made_already(error: BaseException) -> bool:
    """Return whether another worker has made the table; each database has its own codes."""
    cause = getattr(error, "orig", None)
    in_sqlite = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return in_sqlite or getattr(cause, "sqlstate", None) in _MADE_ALREADY
