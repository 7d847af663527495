"""The formats that a labeled log may have; a new one is an entry in `LOG_FORMATS`.

A log's lines become numbered rows (`rows`), a row becomes a record and its label (`parse_row`).
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.common import UserError, join_names
from data.reading.labels import Labels
from data.reading.table import Columns, Table, find_table
from data.records import (
    LABEL_KEY,
    MAX_LINE,
    RECORD_FORMATS,
    RecordError,
    RecordFormat,
    check_characters,
    load_record,
    split_lines,
    value_at,
    without_label,
)
from data.source import decode

_OBJECT = re.compile(r'\{\s*"')
_LINE_END = re.compile(r"\r\n|\n|\r")

# The fields of a CSV, or a JSON line.
RawRow = list[str] | str


@dataclass(frozen=True, kw_only=True)
class LogFormat(RecordFormat):
    """How the rows of a log are written, and how they are told from others."""

    # Whether a log that begins with this line has it; the formats are asked in order.
    begins: Callable[[str], bool]
    description: str  # what a line is, for those who do the preprocessing in another language
    header: bool = False  # whether the first row may name the columns


def check_format(name: str) -> None:
    """Raise a `UserError` if the format does not exist."""
    if name not in LOG_FORMATS:
        raise UserError(f"the format is '{name}', but must be one of {', '.join(LOG_FORMATS)}")


def guess_format(lines: Sequence[bytes]) -> str:
    """Guess the format from the first line that is not blank."""
    first = next((decode(line).strip() for line in lines if line.strip()), "")
    return next(name for name, format in LOG_FORMATS.items() if format.begins(first))


def guess_table(head: Sequence[bytes], is_all: bool, format: str, columns: Columns) -> Table:
    """Find out how the rows of a log of this format are split, by its first lines (or all)."""
    known = LOG_FORMATS[format]
    if known.quote is None:
        if columns.text:
            raise UserError(
                "--text-column is for tables, but this is JSON Lines, of which whole records are "
                "read; leave keys out with --dropped-keys"
            )
        return Table()
    if not (known.header or columns.text or columns.label):
        return Table(delimiter=known.delimiter)
    if known.keyed:
        if len(columns.text) > 1:
            raise UserError(
                f"--text-column is {join_names(columns.text)!r}, but a record of an access log "
                "stands in one column; give that"
            )
        # There it is a key of the records.
        columns = replace(columns, group=None)
    return find_table([decode(line) for line in head], is_all, columns, known.quote)


def rows(
    lines: Iterator[bytes], format: str, source: str, table: Table
) -> Iterator[tuple[int, RawRow]]:
    """Yield rows numbered from 1; blank rows and a header are counted, but left out."""
    known = LOG_FORMATS[format]
    if known.quote is None:
        yield from ((n, decode(line)) for n, line in enumerate(lines, 1) if line.strip())
        return
    quote = table.quote or known.quote
    number = length = 0
    is_header = table.header is not None

    def decoded() -> Iterator[str]:
        nonlocal length
        for line in lines:
            # A quoted field may go on over lines, and the row have any number of such fields.
            length += len(line)
            if length > MAX_LINE:
                raise csv.Error(f"is longer than {MAX_LINE:,} bytes")
            yield decode(line)

    try:
        split = split_lines(decoded(), table.delimiter, quote)
        for number, row in enumerate(split, 1):
            length = 0
            is_blank = not any(cell.strip() for cell in row)  # Excel writes such rows at the end.
            if not (is_blank or is_header):
                yield number, row
            is_header = is_header and is_blank
    except csv.Error as error:
        raise UserError(
            f"{source}, row {number + 1}: {error}; is a closing {quote} missing?"
        ) from error


def parse_row(
    row: RawRow, format: str, table: Table, labels: Labels, label_key: str = LABEL_KEY
) -> tuple[str | dict[str, Any], str]:
    """Return a row's record, parsed if the format is keyed, and its label as the log writes it."""
    if isinstance(row, str):
        return _parse_json_line(row, label_key)
    for field in row:
        check_characters(field)
    _check_quotes(row, LOG_FORMATS[format], table, labels)
    try:
        text, label = table.cells(row)
    except UserError as error:
        lines = 1 + sum(len(_LINE_END.findall(field)) for field in row)
        if lines == 1:
            raise
        quote = table.quote or LOG_FORMATS[format].quote
        raise UserError(
            f"{error}; it goes over {lines:,} lines: is a closing {quote} missing?"
        ) from error
    return load_record(text) if LOG_FORMATS[format].keyed else text, label


def label_of_bad(row: RawRow, table: Table, label_key: str = LABEL_KEY) -> str | None:
    """Return the label of a row that cannot be read, or None if that cannot be read either."""
    if isinstance(row, list):
        return row[-1 if table.is_label_last else min(table.label, len(row) - 1)]
    last = label_key.rpartition(".")[2]
    found = re.search(rf'"(?:{re.escape(label_key)}|{re.escape(last)})"\s*:\s*"?([^\s",}}]*)', row)
    return found[1] if found else None


def _check_quotes(row: list[str], format: LogFormat, table: Table, labels: Labels) -> None:
    """Refuse a row that has swallowed others, since a quote was opened in it and not closed."""
    quote = format.quote if table.quote is None else table.quote
    if not quote:
        return
    own = row[table.label] if table.label < len(row) else "0"
    for field in row:
        if "\n" not in field and "\r" not in field:
            continue
        ended = [
            line
            for line in _LINE_END.split(field)[:-1]
            if labels.may_be(table.label_at_end(line).strip(f" \t{quote}"), own)
        ]
        if ended:
            rows = "a row ends" if len(ended) == 1 else f"{len(ended):,} rows end"
            raise UserError(
                f"its {quote} is closed on a later line, and {rows} in between "
                f"({'...' + ended[0][-20:]!r}); is a closing {quote} missing?"
            )


def _parse_json_line(line: str, label_key: str) -> tuple[dict[str, Any], str]:
    check_characters(line)
    record = load_record(line)
    try:
        label = value_at(record, label_key)
    except KeyError:
        raise UserError(f"the record has no key {label_key!r}; give --label-column") from None
    record = without_label(record, label_key)
    if label is None or label != label:  # As pandas writes one that is missing: null, or NaN.
        return record, ""
    return record, label if isinstance(label, str) else json.dumps(label)


def _is_object(text: str) -> bool:
    try:
        load_record(text)
    except RecordError:
        return False
    return True


def _begins_access_log(line: str) -> bool:
    if line.startswith("{") and not _is_object(line):
        # A record without a comma needs no quotes, even in the assignment's CSV.
        try:
            cells = next(split_lines([line], _ACCESS_LOG.delimiter, "|"))
        except csv.Error:
            return False
        return _is_object(cells[0])
    # Not `|whoami`, the first of many command injections.
    return re.match(r"\|(\s*\{|[^|]*\|,)", line) is not None


def _begins_jsonl(line: str) -> bool:
    # Also if it is broken; a text may begin with a brace too.
    return _OBJECT.match(line) is not None or (line.startswith("{") and _is_object(line))


_ACCESS_LOG = LogFormat(
    **vars(RECORD_FORMATS["access-log"]),
    begins=_begins_access_log,
    description="It is either a bare JSON object, or a row of a CSV with the quote character `|`: "
    'the object, then a comma and the label 0 or 1, which is ignored (`|{"method":"GET"}|,0`).',
)
_JSONL = LogFormat(
    **vars(RECORD_FORMATS["jsonl"]),
    begins=_begins_jsonl,
    description="It is a JSON object; its key `label`, where it has one, is deleted.",
)
_TEXT = LogFormat(
    **vars(RECORD_FORMATS["text"]),
    begins=lambda line: True,
    description='It is the text itself as it stands, one complete field in quotes (`"`), or a row '
    "of a CSV: the text, then a comma and the label 0 or 1, which is ignored.",
    header=True,
)

# The last one takes what none before it has recognized.
LOG_FORMATS: Mapping[str, LogFormat] = {each.name: each for each in (_ACCESS_LOG, _JSONL, _TEXT)}
