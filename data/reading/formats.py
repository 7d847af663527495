"""The formats that a labeled log may have; a new one is an entry in `LOG_FORMATS`.

A log's lines become numbered rows (`rows`), a row becomes a record and its label (`parse_row`).
"""

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.common import UserError
from data.reading.decoding import NotUtf8
from data.reading.records import load_record, without_keys
from data.reading.source import MAX_LINE, decode

# Most bytes in a row, which a quoted field may spread over several lines.
MAX_FIELD = MAX_LINE
_LABELS = {"0": 0, "1": 1}
_LINE_END = re.compile(r"\r\n|\n|\r")
_LABEL_OF_JSON = re.compile(r'"label"\s*:\s*"?([^\s",}]*)')

# The fields of a CSV, or a JSON line.
RawRow = list[str] | str


@dataclass(frozen=True)
class LogFormat:
    """How the rows of a log are written, and how they are told from others.

    Attributes:
        name: What `--format` calls it.
        keyed: Whether a record is a JSON object, which is cleaned; else it is a text, left as is.
        begins: Whether a log that begins with this line has it; the formats are asked in order.
        told: What a line is, for those who do the preprocessing in another language.
        quote: The quote character of a CSV of two columns, record and label; None if each line is
            a JSON object with a key `label`.
        delimiter: What stands between the two columns.
        header: Whether the first row may name the columns.
    """

    name: str
    keyed: bool
    begins: Callable[[str], bool]
    told: str
    quote: str | None = None
    delimiter: str = ","
    header: bool = False

    def layout(self) -> dict[str, Any]:
        """Return `keyed`, `quote` and `delimiter` as JSON values, for other programs."""
        return {"keyed": self.keyed, "quote": self.quote, "delimiter": self.delimiter}

    def split(self, line: str) -> list[str]:
        """Split one line of a CSV into its fields; a blank line has one that is empty.

        Raises:
            UserError: If it is no CSV.
        """
        try:
            return next(self.reader([line]), []) or [""]
        except csv.Error as error:
            raise UserError(f"is no CSV ({error})") from error

    def reader(self, lines: Iterator[str] | list[str]) -> Iterator[list[str]]:
        """Split the lines of a CSV into the fields of its rows."""
        assert self.quote is not None
        csv.field_size_limit(MAX_FIELD)
        return csv.reader(lines, quotechar=self.quote, delimiter=self.delimiter)


def check_format(name: str) -> None:
    """Raise a `UserError` if the format does not exist."""
    if name not in LOG_FORMATS:
        raise UserError(f"the format is '{name}', but must be one of {', '.join(LOG_FORMATS)}")


def guess_format(lines: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """Guess the format from the first line that is not blank, and return all lines with it."""
    head: list[bytes] = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    first = decode(head[-1]).strip() if head else ""
    name = next(name for name, format in LOG_FORMATS.items() if format.begins(first))
    return name, itertools.chain(head, lines)


def rows(lines: Iterator[bytes], format: str, source: str) -> Iterator[tuple[int, RawRow]]:
    """Yield rows with their numbers from 1; blank rows and a header are counted, but left out.

    Raises:
        UserError: A row is longer than `MAX_FIELD`; the message begins with `source`.
    """
    known = LOG_FORMATS[format]
    if known.quote is None:
        yield from ((n, decode(line)) for n, line in enumerate(lines, 1) if line.strip())
        return
    number = length = 0
    may_be_header = known.header

    def decoded() -> Iterator[str]:
        nonlocal length
        for line in lines:
            # A quoted field may go on over lines, and the row have any number of such fields.
            length += len(line)
            if length > MAX_FIELD:
                raise csv.Error(f"is longer than {MAX_FIELD:,} bytes")
            yield decode(line)

    try:
        for number, row in enumerate(known.reader(decoded()), 1):
            length = 0
            if row and not (may_be_header and row[-1].strip().lower() == "label"):
                yield number, row
            may_be_header = may_be_header and not row
    except csv.Error as error:
        raise UserError(
            f"{source}, row {number + 1}: {error}; is a closing {known.quote} missing?"
        ) from error


def parse_row(row: RawRow, format: str) -> tuple[str | dict[str, Any], int]:
    """Return a row's record, parsed if the format is keyed, and its label.

    Raises:
        UserError: The row is bad; the message names neither source nor row.
    """
    if isinstance(row, str):
        return _parse_json_line(row)
    for field in row:
        _check_characters(field)
    _check_quotes(row, LOG_FORMATS[format])
    known = LOG_FORMATS[format]
    if len(row) != 2:
        between = "commas" if known.delimiter == "," else repr(known.delimiter)
        raise UserError(
            f"has {len(row)} column{'s' * (len(row) != 1)}, but must have 2: the record "
            f"(in {known.quote} where it holds {between}) and its label"
        )
    return load_record(row[0]) if known.keyed else row[0], _label(row[1])


def label_of_bad(row: RawRow) -> int | None:
    """Return the label of a row that cannot be read, or None if that cannot be read either."""
    if isinstance(row, list):
        return _LABELS.get(row[-1].strip())
    found = _LABEL_OF_JSON.search(row)
    return _LABELS.get(found[1]) if found else None


def parse_line(line: str, format: str) -> str:
    """Take the record out of one line, whose label is ignored and may be absent.

    Args:
        line: A line of a log of this format, or a bare record.
        format: One of `LOG_FORMATS`.

    Returns:
        The raw record; `clean` makes it what a model sees if the format is keyed.

    Raises:
        UserError: There is no record in the line, or the format is unknown.
    """
    check_format(format)
    line = line.rstrip("\r\n")
    _check_characters(line)
    known = LOG_FORMATS[format]
    if known.quote is None:
        return without_keys(load_record(line), ("label",))
    if known.keyed and not line.startswith(known.quote):
        try:
            load_record(line)
        except UserError:
            pass  # Not bare, then: the row of a record without commas, which needs no quotes.
        else:
            return line
    fields = known.split(line)
    if len(fields) == 1 or (len(fields) == 2 and fields[1].strip() in _LABELS):
        return fields[0]
    if not known.keyed:
        return line
    raise UserError(f"has {len(fields)} columns, but must be a record, or a record and its label")


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise NotUtf8("holds a NUL byte", text)
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # `decode` lets bytes that are no UTF-8 through as lone surrogates.
        raise NotUtf8(f"is not UTF-8 at character {error.start + 1}", text) from error


def _check_quotes(row: list[str], format: LogFormat) -> None:
    """Refuse a row that has swallowed others, since a quote was opened in it and not closed."""
    for field in row:
        if "\n" not in field and "\r" not in field:
            continue
        ended = [line for line in _LINE_END.split(field)[:-1] if _ends_as_a_row(line, format)]
        if ended:
            rows = "a row ends" if len(ended) == 1 else f"{len(ended):,} rows end"
            raise UserError(
                f"its {format.quote} is closed on a later line, and {rows} in between "
                f"({'...' + ended[0][-20:]!r}); is a closing {format.quote} missing?"
            )


def _ends_as_a_row(line: str, format: LogFormat) -> bool:
    _, delimiter, label = line.rpartition(format.delimiter)
    return bool(delimiter) and label.strip(f" \t{format.quote}") in _LABELS


def _parse_json_line(line: str) -> tuple[dict[str, Any], int]:
    _check_characters(line)
    record = load_record(line)
    if "label" not in record:
        raise UserError("the record has no key 'label'")
    label = record.pop("label")
    if isinstance(label, str):
        return record, _label(label)
    if type(label) is not int or label not in (0, 1):
        raise UserError(f"the label is {_shortened(json.dumps(label))}, but must be 0 or 1")
    return record, label


def _label(field: str) -> int:
    label = _LABELS.get(field.strip())
    if label is None:
        raise UserError(f"the label is {_shortened(field)}, but must be 0 or 1")
    return label


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _is_object(text: str) -> bool:
    try:
        load_record(text)
    except UserError:
        return False
    return True


def _begins_access_log(line: str) -> bool:
    if line.startswith("{") and not _is_object(line):
        # A record without a comma needs no quotes, even in the brief's CSV.
        try:
            return _is_object(_ACCESS_LOG.split(line)[0])
        except UserError:
            return False
    return line.startswith("|")


def _begins_jsonl(line: str) -> bool:
    return line.startswith('{"') or (line.startswith("{") and _is_object(line))


_ACCESS_LOG = LogFormat(
    "access-log",
    keyed=True,
    begins=_begins_access_log,
    told="It is either a bare JSON object, or a row of a CSV with the quote character `|`: the "
    'object, then a comma and the label 0 or 1, which is ignored (`|{"method":"GET"}|,0`).',
    quote="|",
)
_JSONL = LogFormat(
    "jsonl",
    keyed=True,
    begins=_begins_jsonl,
    told="It is a JSON object; its key `label`, where it has one, is deleted.",
)
_TEXT = LogFormat(
    "text",
    keyed=False,
    begins=lambda line: True,
    told='It is the text itself, or a row of a CSV with the quote character `"`: the text, then '
    "a comma and the label 0 or 1, which is ignored.",
    quote='"',
    header=True,
)

# The last one takes what none before it has recognized.
LOG_FORMATS: Mapping[str, LogFormat] = {each.name: each for each in (_ACCESS_LOG, _JSONL, _TEXT)}
