"""The exception for what the user can fix, and other exceptions told in one line."""

import errno
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "free disk space",
    errno.EDQUOT: "free disk space",
    errno.EFBIG: "allow larger files",
    errno.EROFS: "make it writable",
    errno.EIO: "check the disk",
}


class UserError(Exception):
    """A mistake of input or usage, told to the user in one line, without a traceback.

    The message says what is wrong, where (file, row, option) and what to do.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or its type if the message is empty."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def raised_at(error: BaseException) -> str:
    """Return where an exception was raised, e.g. "space.py, line 2"; "" if it never was."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""


def write_failure(error: BaseException, where: str = "the output") -> str | None:
    """Return one line if an exception comes from a disk that is full or cannot be written to.

    Such an error is no bug: it ends a run in order, and the run can be resumed once it is fixed.
    It may be a cause of the exception; if it names no file, `where` does. None for all others.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _REMEDIES:
            if isinstance(error, UserError):
                return str(error)
            why = os.strerror(cause.errno)
            return f"{cause.filename or where} cannot be written ({why}); {_REMEDIES[cause.errno]}"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
