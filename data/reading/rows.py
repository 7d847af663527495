"""The rows of a labelled log, whichever format it has: record and label apart."""

import csv
import itertools
import json
from collections.abc import Iterator
from typing import Any

from data.common import UserError
from data.reading import quick
from data.reading.formats import FORMATS, MAX_FIELD, format_of
from data.reading.records import load
from data.reading.source import decode

# CSV fields; or a record in UTF-8 and its label; or a JSON line.
Row = list[str] | tuple[bytes, int] | bytes
_LABELS = {"0": 0, "1": 1}


def check_characters(text: str) -> None:
    """Raise a `UserError` where a text read from a file holds NUL bytes or bad UTF-8."""
    if "\0" in text:
        raise UserError("holds a NUL byte; is it UTF-8 text?")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # data.source lets bytes that are no UTF-8 through as lone surrogates.
        raise UserError(f"is not UTF-8 at character {error.start + 1}") from error


def guess(lines: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """Guess the format from the first line that is not blank.

    Args:
        lines: The lines of a log; as many as needed are taken from it.

    Returns:
        The format, and all of the lines.
    """
    head: list[bytes] = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    first = decode(head[-1]).strip() if head else ""
    return format_of(first), itertools.chain(head, lines)


def rows(lines: Iterator[bytes], format: str, source: str) -> Iterator[tuple[int, Row]]:
    """Number the rows from 1 as the file has them, blank ones and a header counted but left out.

    Args:
        lines: The lines of a log.
        format: One of `FORMATS`.
        source: What messages call the log.

    Yields:
        The row's number, and its CSV fields or its one JSON line; where the record needs no
        decoding to be told apart, it comes undecoded with its label.

    Raises:
        UserError: A row is longer than `MAX_FIELD`.
    """
    known = FORMATS[format]
    if known.quote is None:
        yield from ((n, line) for n, line in enumerate(lines, 1) if line.strip())
        return
    csv.field_size_limit(MAX_FIELD)
    number = 0
    may_be_header = known.header
    waiting: list[bytes] = []

    def decoded() -> Iterator[str]:
        length = 0
        while line := waiting[0] if waiting else next(lines, b""):
            # A quoted field may go on over lines, and the row have any number of such fields.
            length = (0 if waiting else length) + len(line)
            if length > MAX_FIELD:
                raise csv.Error(f"is longer than {MAX_FIELD:,} bytes")
            waiting.clear()
            yield decode(line)

    reader = csv.reader(decoded(), quotechar=known.quote, delimiter=known.delimiter)
    try:
        for number, line in enumerate(lines, 1):
            if known.is_quick and (plain := quick.split_row(line)):
                yield number, plain
                continue
            waiting.append(line)
            row = next(reader)
            if row and not (may_be_header and row[-1].strip().lower() == "label"):
                yield number, row
            may_be_header = may_be_header and not row
    except csv.Error as error:
        raise UserError(
            f"{source}, row {number}: {error}; is a closing {known.quote} missing?"
        ) from error


def parse(row: Row, format: str) -> tuple[str | dict[str, Any], int]:
    """Take a row's record and label apart.

    Args:
        row: What `rows` yields.
        format: One of `FORMATS`.

    Returns:
        The record, parsed where the format is keyed, and its label, 0 or 1.

    Raises:
        UserError: The row is bad; the message names neither source nor row.
    """
    match row:
        case bytes():
            return _parse_json_line(decode(row))
        case tuple():
            record, label = decode(row[0]), row[1]
            check_characters(record)
            return load(record), label
    for field in row:
        check_characters(field)
    known = FORMATS[format]
    if len(row) != 2:
        between = "commas" if known.delimiter == "," else repr(known.delimiter)
        raise UserError(
            f"has {len(row)} column{'s' * (len(row) != 1)}, but must have 2: the record "
            f"(in {known.quote} where it holds {between}) and its label"
        )
    return load(row[0]) if known.keyed else row[0], _label(row[1])


def _parse_json_line(line: str) -> tuple[dict[str, Any], int]:
    check_characters(line)
    record = load(line)
    if "label" not in record:
        raise UserError("the record has no key 'label'")
    return record, _json_label(record.pop("label"))


def is_label(field: str) -> bool:
    """Tell whether a CSV field is a label."""
    return field.strip() in _LABELS


def _label(field: str) -> int:
    if not is_label(field):
        raise UserError(f"the label is {_shortened(field)}, but must be 0 or 1")
    return _LABELS[field.strip()]


def _json_label(value: object) -> int:
    if isinstance(value, str):
        return _label(value)
    if type(value) is not int or value not in (0, 1):
        raise UserError(f"the label is {_shortened(json.dumps(value))}, but must be 0 or 1")
    return value


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
