"""Scores for raw log lines from an exported model; needs neither the study nor the search."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from data.common import Parser, UserError, count_cores, run
from data.reading import STDIN, encoding_name, standard_input
from data.records import LINE_FORMATS, LineReader
from results.serving import add_runtime


def main(argv: Sequence[str]) -> int:
    """Read raw log lines, write one JSON line for each record in them.

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
        "--encoding", type=encoding_name, metavar="NAME", help="of lines that are not in UTF-8"
    )
    parser.add_argument(
        "--format",
        choices=LINE_FORMATS,
        default="auto",
        help="; ".join(f"{name}: {told}" for name, told in LINE_FORMATS.items())
        + " (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="cores to use (default: all)")
    add_runtime(parser)
    options = parser.parse_args(argv)
    if options.threads is not None and options.threads < 1:
        raise UserError(f"--threads is {options.threads}, but must be 1 or more")

    # Imported here, so that --help and a wrong option are answered at once.
    from results.serving import Stream, batches_of_file, batches_of_stream, open_predictor

    threads = options.threads or count_cores()
    write = json.JSONEncoder().encode
    with open_predictor(options.folder, options.runtime, options.space, threads) as predictor:
        try:
            reader = LineReader(predictor.preprocessor.preprocessing, options.format)
        except ValueError as error:
            raise UserError(f"--format {options.format}: {error}; leave it out") from error
        stream = Stream(predictor, threads=threads)
        from_stdin = options.file == STDIN
        lines = (
            batches_of_stream(standard_input(), encoding=options.encoding)
            if from_stdin
            else batches_of_file(options.file, options.encoding)
        )
        for answers in stream.answers(reader.read(lines)):
            if answers:
                sys.stdout.write("".join([write(answer) + "\n" for answer in answers]))
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    run(main)
