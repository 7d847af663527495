"""What every command line of the project shares: one-line errors and exit statuses."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from data.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a usage error in one line instead of a usage dump."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line.

        Args:
            message: What argparse found wrong.
        """
        self.exit(EXIT_USER_ERROR, f"error: {message} (see {self.prog} --help)\n")


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process with its exit status.

    A `UserError` becomes one line on stderr and status 2; Ctrl-C becomes status 130; a reader
    that closes our output early (`| head`) ends us quietly; a full disk is one line too. Any other
    exception keeps its traceback.

    Args:
        main: Takes the arguments after the program's name, returns the exit status.
        argv: Those arguments; `sys.argv[1:]` when left out.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        status = main(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        status = EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        status = 0
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = error.filename or "the output"
        print(f"error: {where} cannot be written ({error.strerror}); make room", file=sys.stderr)
        _forget_output()
        status = EXIT_USER_ERROR
    sys.exit(status)


def _forget_output() -> None:
    # Python flushes stdout again at exit; point it elsewhere so that this stays quiet.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
