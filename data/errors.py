"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """A mistake of input or usage, told to the user in one line, without a traceback.

    The message says what was wrong, where (file, row, option) and what to do.
    """
