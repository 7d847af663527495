"""Whether an exception means that the file system refuses to be written to, said in one line."""

import errno
import os
from collections.abc import Iterator

from data.common.errors import UserError

_REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "allow larger files",
    errno.EROFS: "make it writable",
    errno.EIO: "look after the disk",
}


def refusal(error: BaseException, where: str = "the output") -> str | None:
    """Say why nothing can be written, where that is what an exception comes from.

    A full disk is no bug and no failure of what was to be written: it ends a run in order, and the
    run goes on when there is room again.

    Args:
        error: Any exception.
        where: What was written to, for an exception that does not say it.

    Returns:
        One line with what, why and what to do; None for any other exception.
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
