"""Scores for raw log lines from an exported model; needs neither the study nor the search."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib

from data.common import Parser, UserError, run
from data.reading import STDIN, standard_input
from results.serving import (
    Predictor,
    Stream,
    add_space,
    batches_of_file,
    batches_of_stream,
    register,
    side_by_side,
)

__all__ = ["Predictor", "main"]


def main(argv: Sequence[str]) -> int:
    """Read raw log lines, write one JSON line for each.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status; a bad line does not change it.
    """
    parser = Parser(
        prog="python -m results.predict",
        description=__doc__,
        epilog="example:\n  tail -f access.log | python -m results.predict runs/first/best",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="an export, e.g. runs/NAME/best")
    parser.add_argument(
        "file", nargs="?", default=STDIN, metavar="FILE", help="a log (default: standard input)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=joblib.cpu_count(),
        metavar="N",
        help="cores to use (default: all, %(default)s)",
    )
    add_space(parser)
    options = parser.parse_args(argv)
    if options.threads < 1:
        raise UserError(f"--threads is {options.threads}, but must be 1 or more")
    write = json.JSONEncoder().encode
    with side_by_side(options.threads):
        register(options.space)
        stream = Stream(Predictor.load(options.folder), threads=options.threads)
        for answers in stream.answers(_batches(options.file)):
            if answers:
                sys.stdout.write("".join([write(answer) + "\n" for answer in answers]))
                sys.stdout.flush()
    return 0


def _batches(file: str) -> Iterator[list[str]]:
    return batches_of_stream(standard_input()) if file == STDIN else batches_of_file(file)


if __name__ == "__main__":
    run(main)
