"""Makes a storage outlive its server's restart: each call is repeated until the server answers."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import grpc
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.storages._heartbeat import BaseHeartbeat
from sqlalchemy.exc import DBAPIError, PendingRollbackError

log = logging.getLogger(__name__)

RETRY_SECONDS = 300.0
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 5.0
# https://docs.sqlalchemy.org/en/20/errors.html#error-8s2b
_LOST_IN_A_TRANSACTION = "8s2b"


def make_retrying(storage: BaseStorage, seconds: float = RETRY_SECONDS) -> BaseStorage:
    """Let every call of a storage wait for a server that is away, with a growing pause.

    A call whose answer got lost is made twice. Where that matters the second one is refused because
    the first one succeeded: a trial that has ended is then taken as ended by us.

    Args:
        storage: A storage with a server; its methods are replaced.
        seconds: After how long a server that is away counts as gone.

    Returns:
        The same storage.
    """
    for name in {*vars(BaseStorage), *vars(BaseHeartbeat)}:
        method = getattr(storage, name, None)
        if callable(method) and not name.startswith("__"):
            setattr(storage, name, _repeated(method, seconds))
    return storage


def _repeated(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
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


def _is_away(error: BaseException) -> bool:
    if isinstance(error, StorageInternalError):
        return error.__cause__ is not None and _is_away(error.__cause__)
    if isinstance(error, grpc.RpcError):
        return bool(error.code() == grpc.StatusCode.UNAVAILABLE)
    if isinstance(error, PendingRollbackError):
        # Optuna read on in a transaction whose connection had been lost; it has rolled back since.
        return error.code == _LOST_IN_A_TRANSACTION
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or _is_connection_lost(error)
    )


def _is_connection_lost(error: DBAPIError) -> bool:
    # PostgreSQL's class 57 is operator intervention (shutdown, restart), 08 a lost connection; a
    # connection that was never made carries no state at all.
    state = getattr(error.orig, "sqlstate", None)
    is_operational = type(error.orig).__name__ in ("OperationalError", "InterfaceError")
    return is_operational and (state is None or state[:2] in ("57", "08"))
