"""Opens a log as numbered rows, whatever its container, and finds out how they are made."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data.common import UserError
from data.reading.formats import RawRow, guess_format, guess_table, rows
from data.reading.frame import IN_MEMORY, frame_rows, is_parquet, read_parquet
from data.reading.table import (
    DELIMITERS,
    Columns,
    Row,
    Table,
    common_width,
    find_columns,
    good_rows,
    sample_lines,
    split_sample,
)
from data.records import DROPPED_KEYS, RecordError, load_record
from data.source import decode, explained, name_of, open_byte_lines

if TYPE_CHECKING:
    import pandas as pd

# So many rows tell whether a column holds records.
_ASKED = 50


@dataclass(frozen=True)
class OpenLog:
    """A log that is being read: one of `LOG_FORMATS`, its columns, and its rows from 1."""

    format: str
    table: Table  # of no meaning for JSON Lines
    rows: Iterator[tuple[int, RawRow]]


@contextlib.contextmanager
def open_rows(
    path: "str | pd.DataFrame",
    format: str | None,
    columns: Columns,
    max_bytes: int,
    encoding: str | None,
    kept: Sized,
) -> Iterator[OpenLog]:
    """Open a log as its rows; the options are those of `read_log`, `kept` the good rows so far."""
    source = source_name(path)
    if not isinstance(path, str) or is_parquet(path):
        head, rest = frame_rows(read_parquet(path) if isinstance(path, str) else path)
        with named(source):
            format, table = _guessed_of_frame(head, format, columns)
        yield OpenLog(format, table, rest)
        return
    # Unless another format is given, a JSON list of records is JSON Lines.
    may_be_list = format in (None, "jsonl")
    opened = open_byte_lines(path, max_bytes, encoding=encoding, may_be_list=may_be_list)
    with opened as all_lines, explained(all_lines, source, kept) as lines:
        head_lines, lines_again, is_all = sample_lines(lines)
        with named(source):
            format, table = _guessed(head_lines, is_all, format, columns)
        yield OpenLog(format, table, rows(lines_again, format, source, table))


def source_name(path: "str | pd.DataFrame") -> str:
    """Return how messages call what `read_log` reads."""
    return name_of(path) if isinstance(path, str) else IN_MEMORY


@contextlib.contextmanager
def named(source: str) -> Iterator[None]:
    """Begin the messages of errors with the source."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def _guessed_of_frame(
    head: Sequence[Row], format: str | None, columns: Columns
) -> tuple[str, Table]:
    records = None if format == "text" else _record_column(head)
    found, table = "text", None
    if records is not None:
        # The group is a key of the records.
        table = find_columns(head, replace(columns, group=None), has_header=True)
        found = "access-log" if table.text == (records,) else "text"
    if table is None or found == "text":
        table = find_columns(head, columns, has_header=True)
    if format not in (None, found):
        raise UserError(f"--format is {format}, but its column of texts is read as {found}")
    return found, replace(table, quote="")


def _guessed(
    head: Sequence[bytes], is_all: bool, format: str | None, columns: Columns
) -> tuple[str, Table]:
    guessed = guess_format(head)
    if guessed == "text" and format in (None, "access-log"):
        table = _resaved_table([decode(line) for line in head], is_all, columns)
        if table is not None:
            return "access-log", table
    format = format or guessed
    return format, guess_table(head, is_all, format, columns)


def _resaved_table(head: Sequence[str], is_all: bool, columns: Columns) -> Table | None:
    """Find the columns of an access log saved by pandas or a spreadsheet; None if it is none."""
    if len(columns.text) > 1:
        return None  # A record stands in one.
    for quote, delimiter in itertools.product('"|', DELIMITERS):
        rows = split_sample(head, is_all, delimiter, quote)
        good = good_rows(rows)
        found = _record_column(good)
        if found is None:
            continue
        first = "".join(rows[0][found : found + 1])
        # A record that is broken, or no text at all, is a bad row.
        has_header = good[:1] == rows[:1] and not first.lstrip().startswith("{")
        if has_header and not first.strip():
            continue  # Left over behind a table's named columns.
        if not has_header and found >= common_width(good):
            continue  # Most rows end before it.
        wanted = replace(columns, group=None)  # That is a key of the records.
        if not columns.text:
            # pandas calls columns by numbers, which are names then.
            wanted = replace(wanted, text=(first if has_header else str(found + 1),))
        table = find_columns(good, wanted, has_header)
        if table.text == (found,):  # Unless the user named another column.
            return replace(table, delimiter=delimiter, quote=quote)
    return None


def _record_column(rows: Sequence[Row]) -> int | None:
    """Return the index of the column that holds access-log records, given the first rows."""
    asked = rows[1 : _ASKED + 1] or rows  # The first may be a header.
    for index in range(max(map(len, asked), default=0)):
        if 2 * sum(_is_record(row, index) for row in asked) > len(asked):
            return index
    return None


def _is_record(row: Row, index: int) -> bool:
    cell = row[index] if index < len(row) else ""
    if not cell.lstrip().startswith("{"):
        return False
    try:
        record = load_record(cell)
    except RecordError:
        return False
    # A text may be any other object, as one that a client has sent.
    return any(key in record for key in DROPPED_KEYS) or {"method", "path"} <= record.keys()
