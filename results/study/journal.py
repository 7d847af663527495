"""A study's journal file: whole after any crash, and on the disk whenever a trial has ended."""

import json
import logging
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from data.common import UserError, sync

log = logging.getLogger(__name__)

# Optuna's numbers of the records that say something about a running trial: a parameter, a reported
# value, a user's and a system's attribute. They are part of its file format.
_OF_RUNNING_TRIALS = frozenset({5, 7, 8, 9})


def open_journal(path: Path) -> BaseStorage:
    """Open a journal, creating it if there is none; an existing one may be read-only."""
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab"):
                pass
            sync(path.parent)
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    return JournalStorage(_Journal(path))


class DamagedJournal(ValueError):
    """A line of a journal is no record."""


class _Journal(JournalFileBackend):
    """A journal that waits for the disk only if a power cut would lose a trial's end.

    Optuna waits after each record: thirty times while one trial's values are drawn. What is known
    of a running trial is worthless after a power cut, which ends the trial too; the record of its
    end takes all before it to the disk.
    """

    def __init__(self, path: Path) -> None:
        self._own_lock = _Lock(path)
        super().__init__(str(path), lock_obj=self._own_lock)
        self._path = path

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        try:
            yield from super().read_logs(log_number_from)
        except ValueError as error:
            raise DamagedJournal(f"{self._path}: it is damaged") from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in logs]
        self._own_lock.acquire()
        try:
            with self._path.open("ab") as file:
                file.write("".join(lines).encode())
                file.flush()
                if any(record["op_code"] not in _OF_RUNNING_TRIALS for record in logs):
                    os.fsync(file.fileno())
        except OSError as error:
            # What fails in the middle of a file does not name it.
            error.filename = error.filename or str(self._path)
            raise
        finally:
            self._own_lock.release()


class _Lock(JournalFileOpenLock):
    """A lock that the system frees when its owner dies, and that repairs what the owner left.

    Optuna's own locks are files that a killed process leaves behind: all others then wait for half
    a minute. A record cut off in the middle would make the next one, and with it the journal,
    unreadable; it was never acknowledged, so whoever holds the lock may cut it away.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._journal = journal
        self._owner = FileLock(f"{journal}.lock", thread_local=False)

    def acquire(self) -> bool:
        try:
            self._owner.acquire()
            _cut_torn_record(self._journal)
        except PermissionError as error:
            self._owner.release()
            raise UserError(f"{self._journal}: cannot be written ({error.strerror})") from error
        return True

    def release(self) -> None:
        self._owner.release()


def _cut_torn_record(journal: Path) -> None:
    with journal.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        log.warning("%s: its last record was cut off and is dropped", journal)
        file.truncate(whole)
