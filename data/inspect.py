"""Print a log's data card: `python -m data.inspect FILE`."""

import dataclasses
import json
from collections.abc import Sequence

from tabulate import tabulate

from data.common import Parser, UserError, add_options, declared, parse_given, run
from data.dataset import CHRONOLOGICAL, DataCard, make_split, without_repeated
from data.options import DataOptions

WIDEST_PATH = 60


def main(argv: Sequence[str]) -> int:
    """Run `python -m data.inspect` with these arguments and return the exit status."""
    given = parse_given(_parser(), argv)
    file, output_format = given.pop("file"), given.pop("output_format")
    if (file is None) != ("negative_file" in given or "positive_file" in given):
        raise UserError("give either FILE, or --negative-file FILE and --positive-file FILE")
    options = DataOptions(data=file, **given)
    log = options.read()
    split = make_split(options.split, log.labels, log.groups)
    if options.drop_duplicates:
        split = without_repeated(split, log.texts)
    card = DataCard.of(log, split)
    if output_format == "json":
        print(json.dumps(dataclasses.asdict(card), indent=2))
    else:
        print(render(card))
    return 0


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
        "file",
        metavar="FILE",
        nargs="?",
        help="plain, .gz, .xz, .zip or .parquet, or an fsspec URL; - is standard input",
    )
    parser.add_argument(
        "--output-format",
        choices=("table", "json"),
        default="table",
        help="how to print (default: %(default)s)",
    )
    # The card is of a file, and of all characters.
    others = (item for item in declared(DataOptions) if item.name not in ("data", "vocabulary"))
    add_options(parser, others)
    return parser


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
