"""What every command line of the project shares: one-line errors and exit statuses."""

import argparse
import io
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from data.common.errors import UserError
from data.common.redaction import Secrets, hide_title, redacted_errors
from data.common.refusal import refusal
from data.reading import MAX_BYTES

EXIT_BUG = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_UNITS = ("", "K", "M", "G", "T")
# Where a GPU is. Else the first process would take all of its memory, and the other workers none;
# and in TensorFloat-32, of ten bits, the same model scores the same record differently in a batch
# of another size: by 6.5e-5 on an H200, where an export may differ by 1e-5.
_ON_A_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "NVIDIA_TF32_OVERRIDE": "0"}

SHELLS = ("bash", "zsh", "tcsh")
# What a shell completes in the place of these: names of files, or of folders.
_FILES = ("FILE", "OUT")
_FOLDERS = ("DIR", "RUN")


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a usage error in one line instead of a usage dump.

    It prints completions for the shell, and calls itself as it was called: by the module's name
    or by the script's.

    Args:
        prog: `python -m MODULE`.
        description: What the command does.
        epilog: Examples, as they are to be printed.
    """

    def __init__(self, prog: str, description: str | None = None, epilog: str | None = None):
        self.script = script_of(prog.removeprefix("python -m "))
        super().__init__(
            prog=self.script if Path(sys.argv[0]).name == self.script else prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument(
            "--print-completion",
            action=_PrintCompletion,
            choices=SHELLS,
            default=argparse.SUPPRESS,
            help=f"print a script by which this shell completes {self.script}'s options",
        )

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line.

        Args:
            message: What argparse found wrong.
        """
        self.exit(EXIT_USER_ERROR, f"error: {message} (see {self.prog} --help)\n")


class _PrintCompletion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Print the script for a shell, and exit."""
        import shtab

        assert isinstance(parser, Parser)
        parser.prog = parser.script  # A shell knows a command by its first word alone.
        for action in parser._actions:
            if action.metavar in (*_FILES, *_FOLDERS):
                places = shtab.FILE if action.metavar in _FILES else shtab.DIRECTORY
                action.complete = places  # type: ignore[attr-defined]
            if values == "zsh" and isinstance(action.metavar, str):
                # There a colon ends the text that is shown.
                action.metavar = action.metavar.replace(":", "\\:")
        print(shtab.complete(parser, values))
        parser.exit()


def script_of(module: str) -> str:
    """Give the name of the script that pip installs for a module.

    Args:
        module: For example "data.inspect".

    Returns:
        For example "model3-inspect"; "model3-search" for "search.run".
    """
    package, _, name = module.rpartition(".")
    return f"model3-{package if name == 'run' else name}"


def add_max_bytes(group: argparse._ActionsContainer) -> None:
    """Add `--max-bytes`, which every command has that keeps what it reads.

    Args:
        group: A parser, or a group of its arguments.
    """
    group.add_argument(
        "--max-bytes",
        type=byte_count,
        default=MAX_BYTES,
        metavar="SIZE",
        help="stop at a log that unpacks to more, e.g. 500M or 4G (default: 16G)",
    )


def byte_count(text: str) -> int:
    """Read a number of bytes, such as 1000, 500M or 4G; K is 1024 and so on.

    Args:
        text: What the user gave.

    Returns:
        How many bytes, 1 or more.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    found = re.fullmatch(r"([1-9]\d{0,11})([KMGT]?)(?:i?B)?", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 500M or 4G")
    return int(found[1]) << 10 * _UNITS.index(found[2].upper())


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process with its exit status.

    A `UserError` becomes one line on stderr and status 2; Ctrl-C becomes status 130; a reader
    that closes our output early (`| head`) ends us quietly; a full disk is one line too. Any other
    exception keeps its traceback. What goes to stderr, and what `ps` shows, is without passwords.
    TensorFlow is told, unless the environment tells it otherwise, to leave room for other processes
    on a GPU, and to count there in full float32.

    Args:
        main: Takes the arguments after the program's name, returns the exit status.
        argv: Those arguments; `sys.argv[1:]` when left out.
    """
    hide_title()
    for name, value in _ON_A_GPU.items():
        os.environ.setdefault(name, value)
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # `data.common.start` left it so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Not every encoding, and Windows has many, knows "µ" or the names in a log.
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    with redacted_errors(Secrets.of(words, os.environ)):
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(message)s",
            datefmt="%H:%M:%S",
            stream=sys.stderr,
        )
        status = _status(main, words)
    sys.exit(status)


def _status(main: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    status = EXIT_USER_ERROR
    try:
        status = main(words)
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        status = 0
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            traceback.print_exc()  # Here, where passwords are taken out of it.
            return EXIT_BUG
        print(f"error: {refused}", file=sys.stderr)
        _forget_output()
    return status


def _forget_output() -> None:
    # Python flushes stdout again at exit; point it elsewhere so that this stays quiet.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
