"""Print a log's data card: `python -m data.inspect FILE`."""

import argparse
import dataclasses
import json
from collections.abc import Sequence

from tabulate import tabulate

from data.common import Parser, UserError, byte_count, run, split_names
from data.dataset import (
    CHRONOLOGICAL,
    GROUP,
    SHUFFLED,
    SPLITS,
    DataCard,
    check_group_column,
    make_split,
    without_repeated,
)
from data.reading import (
    LOG_FORMATS,
    AccessLog,
    read_class_files,
    read_log,
    refuse_beside_class_files,
    split_keys,
)
from data.records import DROPPED_KEYS
from data.source import MAX_BYTES, encoding_name

WIDEST_PATH = 60


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.inspect` with these arguments and return the exit status."""
    options = _parser().parse_args(argv)
    check_group_column(options.split, options.group_column)
    log = _read(options)
    split = make_split(options.split, log.labels, log.groups)
    if options.drop_duplicates:
        split = without_repeated(split, log.texts)
    card = DataCard.of(log, split)
    if options.output_format == "json":
        print(json.dumps(dataclasses.asdict(card), indent=2))
    else:
        print(render(card))
    return 0


def _read(options: argparse.Namespace) -> AccessLog:
    how = {
        "skip_bad_rows": options.skip_bad_rows,
        "max_bytes": options.max_bytes,
        "encoding": options.encoding,
        "rows": options.rows,
    }
    if (options.file is None) == (options.negative_file is None) or (
        (options.negative_file is None) != (options.positive_file is None)
    ):
        raise UserError("give either FILE, or --negative-file FILE and --positive-file FILE")
    if options.file is None:
        refuse_beside_class_files(options)
        if options.split == CHRONOLOGICAL:
            options.split = SHUFFLED
        return read_class_files(options.negative_file, options.positive_file, **how)
    return read_log(
        options.file,
        **how,
        format=options.format,
        dropped_keys=options.dropped_keys,
        group_column=options.group_column,
        drawn=options.split != CHRONOLOGICAL,
        text_column=options.text_column,
        label_column=options.label_column,
        positive=options.positive,
        negative=options.negative,
    )


def render(card: DataCard) -> str:
    """Lay a card out as tables."""
    tables = [_log_table, _slices_table, _lengths_table, _characters_table, _leakage_table]
    if card.paths:
        tables.append(_paths_table)
    return "\n\n".join(table(card) for table in tables)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m data.inspect",
        description="Show rows, classes, lengths, characters, leakage and paths of a labeled log.",
        epilog="example:\n  python -m data.inspect access.csv.xz --split shuffled",
    )
    parser.add_argument(
        "--output-format",
        choices=("table", "json"),
        default="table",
        help="how to print (default: %(default)s)",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="plain, .gz, .xz, .zip or .parquet, or an fsspec URL; - is standard input",
    )
    _add_columns(data)
    data.add_argument("--format", choices=LOG_FORMATS, help="format of FILE (default: guessed)")
    data.add_argument(
        "--encoding",
        type=encoding_name,
        metavar="NAME",
        help="of a FILE that is not in UTF-8, e.g. latin-1",
    )
    data.add_argument(
        "--dropped-keys",
        type=split_keys,
        default=DROPPED_KEYS,
        metavar="KEY,...",
        help=f"keys deleted from each record (default: {','.join(DROPPED_KEYS)})",
    )
    data.add_argument(
        "--split",
        choices=SPLITS,
        default=CHRONOLOGICAL,
        help="how rows are split 75/25 (default: %(default)s)",
    )
    data.add_argument(
        "--group-column",
        metavar="NAME",
        help=f"rows with the same value in it stay in one slice, for --split {GROUP}",
    )
    data.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help=f"so many rows: the first ones if the split is {CHRONOLOGICAL}, else drawn from the "
        "whole log (default: all)",
    )
    data.add_argument(
        "--drop-duplicates",
        action="store_true",
        help="leave out rows whose text stands in an earlier slice",
    )
    data.add_argument(
        "--skip-bad-rows", action="store_true", help="count bad rows instead of stopping"
    )
    data.add_argument(
        "--max-bytes",
        type=byte_count,
        default=MAX_BYTES,
        metavar="SIZE",
        help="stop at a log that unpacks to more, e.g. 500M or 4G (default: 16G)",
    )
    return parser


def _add_columns(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--negative-file", metavar="FILE", help="instead of FILE, texts of label 0, one a line"
    )
    group.add_argument(
        "--positive-file", metavar="FILE", help="texts of label 1, beside --negative-file"
    )
    group.add_argument(
        "--text-column",
        type=split_names,
        metavar="NAME|NUMBER,...",
        help="the texts' column of a table, or several, which are joined by spaces (default: "
        "found, if there are two columns)",
    )
    group.add_argument(
        "--label-column",
        metavar="NAME|NUMBER",
        help="the labels' column, or the key of a JSON record's label, which may lie in an "
        "object (event.kind)",
    )
    group.add_argument(
        "--positive",
        type=split_names,
        metavar="VALUE,...",
        help="labels that count as 1, all others being 0 (default: 0 and 1 and usual words such as "
        "ham and spam are known)",
    )
    group.add_argument(
        "--negative",
        type=split_names,
        metavar="VALUE,...",
        help="instead of --positive, labels that count as 0, all others being 1",
    )


def _log_table(card: DataCard) -> str:
    rows = [
        ("log", card.source),
        ("format", card.format),
        ("rows", f"{card.rows:,}"),
        ("skipped", f"{card.skipped:,}"),
        ("sha256", card.sha256),
        ("order", _order(card)),
    ]
    if card.left_out:
        rows.insert(4, ("left out", f"{card.left_out:,}, whose text stands in an earlier slice"))
    table: str = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return table


def _order(card: DataCard) -> str:
    advice = card.label_order.advice
    return advice if advice and card.split == CHRONOLOGICAL else str(card.label_order)


def _slices_table(card: DataCard) -> str:
    rows = [
        (
            *(part.name, f"{part.rows:,}", f"{part.normal:,}", f"{part.normal_share:.2%}"),
            *(f"{part.malicious:,}", f"{part.malicious_share:.2%}"),
        )
        for part in card.slices
    ]
    normal, malicious = (_printable(word) for word in card.label_words)
    return _table([f"{card.split} split", "rows", normal, "", malicious, ""], rows)


def _lengths_table(card: DataCard) -> str:
    found = card.lengths
    row = (
        *("", f"{found.minimum:,}", f"{found.median:,.0f}", f"{found.percentile_95:,.0f}"),
        *(f"{found.maximum:,}", f"{found.longer_share:.2%}"),
    )
    headers = ["characters in a text", "min", "median", "95 %", "max", "longer than 1024"]
    return _table(headers, [row])


def _characters_table(card: DataCard) -> str:
    found = card.characters
    unknown = ascii("".join(found.unknown)) if found.unknown else ""
    rows = [
        ("all rows", f"{found.all_rows:,}", f"{found.all_rows + 1:,}"),
        ("training part, and one unknown", f"{found.train:,}", f"{found.train + 2:,}"),
        (f"unknown in the held-out part {unknown}", f"{len(found.unknown):,}", ""),
        ("held-out rows with such a character", f"{found.unknown_rows:,}", ""),
    ]
    return _table(["vocabulary", "characters", "num_words"], rows)


def _leakage_table(card: DataCard) -> str:
    leakage = card.leakage
    rows = [
        ("different texts", f"{leakage.texts:,}", ""),
        ("held-out rows", f"{leakage.rows:,}", f"{leakage.share:.2%}"),
        ("of these, with another label in training", f"{leakage.other_label:,}", ""),
    ]
    return _table(["held-out texts that also occur in training", "", ""], rows)


def _paths_table(card: DataCard) -> str:
    rows = [
        (_printable(count.path[:WIDEST_PATH]), f"{count.rows:,}", f"{count.share:.2%}")
        for count in card.paths
    ]
    return _table(["most frequent paths", "rows", ""], rows)


def _table(headers: list[str], rows: Sequence[Sequence[str]]) -> str:
    columns = ["left"] + ["right"] * (len(headers) - 1)
    table: str = tabulate(rows, headers, tablefmt="simple", colalign=columns, disable_numparse=True)
    return table


def _printable(text: str) -> str:
    return ascii(text)[1:-1]


if __name__ == "__main__":
    run(main)
