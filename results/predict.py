"""Scores for raw log lines from an exported model; needs neither the study nor the search."""

import json
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.common import Parser, UserError, count_cores, run
from data.records import LINE_FORMATS, RECORD_FORMATS, Answer, LineReader
from data.source import STDIN, encoding_name, standard_input
from results.serving import add_runtime

if TYPE_CHECKING:  # Imported when it is needed, so that --help is answered at once.
    from results.drift import Summary
    from results.serving import Predictor


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
    parser.add_argument(
        "--summary",
        action="store_true",
        help="at the end say how far the lines are from the training rows, on stderr",
    )
    add_runtime(parser)
    options = parser.parse_args(argv)
    if options.threads is not None and options.threads < 1:
        raise UserError(f"--threads is {options.threads}, but must be 1 or more")

    # Imported here, so that --help and a wrong option are answered at once.
    from results.serving import (
        Stopping,
        Stream,
        batches_of_file,
        batches_of_stream,
        open_predictor,
    )

    threads = options.threads or count_cores()
    with (
        Stopping() as stopping,
        open_predictor(options.folder, options.runtime, options.space, threads) as predictor,
    ):
        preprocessing = predictor.preprocessor.preprocessing
        # As the log may be one that the model was trained on.
        may_be_list = RECORD_FORMATS[preprocessing.format].keyed
        try:
            reader = LineReader(preprocessing, options.format)
        except ValueError as error:
            raise UserError(f"--format {options.format}: {error}; leave it out") from error
        summary = _summary(predictor) if options.summary else None
        lines = (
            batches_of_stream(stopping.reading(standard_input()), encoding=options.encoding)
            if options.file == STDIN
            else batches_of_file(options.file, options.encoding, may_be_list=may_be_list)
        )
        stream = Stream(predictor, threads=threads)
        try:
            _write(stream.answers(reader.read(stopping.until_stopped(lines))), summary)
        finally:
            if summary is not None:
                print(summary.text(), file=sys.stderr)
    if stopping.signal == signal.SIGINT:
        raise KeyboardInterrupt
    return 0 if stopping.signal is None else 128 + stopping.signal


def _summary(predictor: "Predictor") -> "Summary":
    from results.drift import Summary  # Here, so that nothing waits for it in vain.

    return Summary(predictor.watch())


def _write(batches: Iterable[Sequence[Answer]], summary: "Summary | None") -> None:
    write = json.JSONEncoder().encode
    for answers in batches:
        if answers:
            sys.stdout.write("".join([write(answer) + "\n" for answer in answers]))
            sys.stdout.flush()
            if summary is not None:
                summary.add(answers)


if __name__ == "__main__":
    run(main)
