"""The one exception that means: the user can mend this; and what others say, in one line."""


class UserError(Exception):
    """A mistake of input or usage, told to the user in one line, without a traceback.

    The message says what was wrong, where (file, row, option) and what to do.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message; its type where it has none.

    Args:
        error: Any exception.
    """
    return (str(error).splitlines() or [type(error).__name__])[0]
