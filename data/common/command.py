"""What every command of the project shares: its parser, signals, error lines and exit statuses."""

import argparse
import csv
import gc
import io
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from data.common.errors import UserError, write_failure

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_UNITS = ("", "K", "M", "G", "T")
# For a GPU. Otherwise the first process would take all of its memory, and the other workers none;
# and in TensorFloat-32, of ten bits, the same model scores the same record differently in a batch
# of another size: by 6.5e-5 on an H200, where an export may differ by 1e-5.
_ON_A_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "NVIDIA_TF32_OVERRIDE": "0"}

SHELLS = ("bash", "zsh", "tcsh")
# Options with these metavars are completed with names of files, or of folders.
_FILES = ("FILE", "OUT")
_FOLDERS = ("DIR", "RUN")


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a usage error in one line and prints shell completions.

    Args:
        prog: `python -m MODULE`; the help shows the script's name if it was called by that.
        description: What the command does.
        epilog: Examples, printed as they are.
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
        """Exit with status 2 and one line."""
        self.exit(EXIT_USER_ERROR, f"error: {' '.join(message.split())} (see {self.prog} --help)\n")


def printable(text: str) -> str:
    """Replace what could steer a terminal or break a line by spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class _PrintCompletion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
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
    """Return the script that pip installs for a module: `model3-inspect` for `data.inspect`."""
    package, _, name = module.rpartition(".")
    return f"model3-{package if name == 'run' else name}"


def byte_count(text: str) -> int:
    """Parse a size such as 1000, 500M or 4G as a number of bytes, for argparse; K is 1024."""
    found = re.fullmatch(r"([1-9]\d{0,24})([KMGT]?)(?:i?B)?", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 500M or 4G")
    return int(found[1]) << 10 * _UNITS.index(found[2].upper())


def split_names(text: str) -> tuple[str, ...]:
    """Parse names with commas between, for argparse; one that holds a comma stands in quotes."""
    try:
        names = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        names = []
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names such as one,two")
    return tuple(names)


def join_names(names: Iterable[str]) -> str:
    """Write names as `split_names` reads them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def start() -> None:
    """Let Ctrl-C end the process without a traceback while it imports its modules.

    `run` handles Ctrl-C from then on. If the signal is ignored, as under `nohup`, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def prepare_gpu() -> None:
    """Set how a TensorFlow that is imported later uses a GPU, unless the environment does."""
    for name, value in _ON_A_GPU.items():
        os.environ.setdefault(name, value)


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process with its exit status.

    A `UserError` becomes one line on stderr and status 2, a full disk too; Ctrl-C becomes status
    130; a reader that closes our output early (`| head`) ends us quietly. Any other exception keeps
    its traceback. Unless the environment says otherwise, TensorFlow is told to leave room for other
    processes on a GPU, and to compute there in full float32.

    Args:
        main: Takes the arguments after the program's name, returns the exit status.
        argv: Those arguments; `sys.argv[1:]` when left out.
    """
    prepare_gpu()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # Whoever started this closed it.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # `start` left it so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Not every encoding, and Windows has many, knows "µ" or the names in a log.
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    status = _status(main, sys.argv[1:] if argv is None else argv)
    # Otherwise Python's last garbage collection walks through all of TensorFlow, for over a second.
    gc.freeze()
    sys.exit(status)


def _status(main: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    try:
        status = main(words)
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return 0
    except Exception as error:
        failure = write_failure(error)
        if failure is None:
            raise
        print(f"error: {failure}", file=sys.stderr)
        _forget_output()
    return EXIT_USER_ERROR


def _forget_output() -> None:
    # Python flushes stdout again at exit; point it elsewhere so that this stays quiet.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
