"""Print a log's data card: `python -m data.inspect FILE`."""

import dataclasses
import json
from collections.abc import Sequence

from tabulate import tabulate

from data.common import Parser, run
from data.dataset import SPLITS, DataCard, make_split
from data.reading import LOG_FORMATS, add_max_bytes, read_log

WIDEST_PATH = 60


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.inspect` with these arguments and return the exit status."""
    options = _parser().parse_args(argv)
    log = read_log(
        options.file,
        format=options.format,
        rows=options.rows,
        skip_bad_rows=options.skip_bad_rows,
        max_bytes=options.max_bytes,
    )
    card = DataCard.of(log, make_split(options.split, len(log.texts)))
    if options.output_format == "json":
        print(json.dumps(dataclasses.asdict(card), indent=2))
    else:
        print(render(card))
    return 0


def render(card: DataCard) -> str:
    """Lay a card out as tables."""
    sections = [
        _log_table(card),
        _slices_table(card),
        _lengths_table(card),
        _characters_table(card),
        _leakage_table(card),
    ]
    if card.paths:
        sections.append(_paths_table(card))
    return "\n\n".join(sections)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m data.inspect",
        description="Show rows, classes, lengths, characters, leakage and paths of a labelled log.",
        epilog="example:\n  python -m data.inspect access.csv.xz --split shuffled",
    )
    parser.add_argument(
        "--output-format",
        choices=("table", "json"),
        default="table",
        help="how to print (default: %(default)s)",
    )
    data = parser.add_argument_group("data")
    data.add_argument("file", metavar="FILE", help="plain, .gz, .xz or .zip; - is standard input")
    data.add_argument("--format", choices=LOG_FORMATS, help="format of FILE (default: guessed)")
    data.add_argument(
        "--split",
        choices=SPLITS,
        default="chronological",
        help="how rows are split 75/25 (default: %(default)s)",
    )
    data.add_argument("--rows", type=int, metavar="N", help="first rows only (default: all)")
    data.add_argument(
        "--skip-bad-rows", action="store_true", help="count bad rows instead of stopping"
    )
    add_max_bytes(data)
    return parser


def _log_table(card: DataCard) -> str:
    table: str = tabulate(
        [
            ("log", card.source),
            ("format", card.format),
            ("rows", f"{card.rows:,}"),
            ("skipped", f"{card.skipped:,}"),
            ("sha256", card.sha256),
        ],
        tablefmt="plain",
        disable_numparse=True,
    )
    return table


def _slices_table(card: DataCard) -> str:
    return _table(
        [f"{card.split} split", "rows", "normal", "", "malicious", ""],
        [
            (
                part.name,
                f"{part.rows:,}",
                f"{part.normal:,}",
                f"{part.normal_share:.2%}",
                f"{part.malicious:,}",
                f"{part.malicious_share:.2%}",
            )
            for part in card.slices
        ],
    )


def _lengths_table(card: DataCard) -> str:
    lengths = card.lengths
    return _table(
        ["characters in a text", "min", "median", "95 %", "max", "longer than 1024"],
        [
            (
                "",
                f"{lengths.minimum:,}",
                f"{lengths.median:,.0f}",
                f"{lengths.percentile_95:,.0f}",
                f"{lengths.maximum:,}",
                f"{lengths.longer_share:.2%}",
            )
        ],
    )


def _characters_table(card: DataCard) -> str:
    characters = card.characters
    unknown = ascii("".join(characters.unknown)) if characters.unknown else ""
    return _table(
        ["vocabulary", "characters", "num_words"],
        [
            ("all rows", f"{characters.all_rows:,}", f"{characters.all_rows + 1:,}"),
            (
                "training part, and one unknown",
                f"{characters.train:,}",
                f"{characters.train + 2:,}",
            ),
            (f"unknown in the held-out part {unknown}", f"{len(characters.unknown):,}", ""),
            ("held-out rows that hold one", f"{characters.unknown_rows:,}", ""),
        ],
    )


def _leakage_table(card: DataCard) -> str:
    leakage = card.leakage
    return _table(
        ["held-out texts that also occur in training", "", ""],
        [
            ("different texts", f"{leakage.texts:,}", ""),
            ("held-out rows", f"{leakage.rows:,}", f"{leakage.share:.2%}"),
            ("of these, with another label in training", f"{leakage.other_label:,}", ""),
        ],
    )


def _paths_table(card: DataCard) -> str:
    return _table(
        ["most frequent paths", "rows", ""],
        [
            (ascii(count.path[:WIDEST_PATH])[1:-1], f"{count.rows:,}", f"{count.share:.2%}")
            for count in card.paths
        ],
    )


def _table(headers: list[str], rows: Sequence[Sequence[str]]) -> str:
    columns = ["left"] + ["right"] * (len(headers) - 1)
    table: str = tabulate(rows, headers, tablefmt="simple", colalign=columns, disable_numparse=True)
    return table


if __name__ == "__main__":
    run(main)
