"""Opens a log as numbered rows, whatever its container, and finds out how they are made."""

import contextlib
from collections.abc import Iterator, Sized
from dataclasses import dataclass

from data.common import UserError
from data.reading.formats import RawRow, guess_format, guess_table, rows
from data.reading.parquet import is_parquet, read_parquet
from data.reading.recognize import explained
from data.reading.source import name_of, open_byte_lines
from data.reading.table import Columns, Table, find_columns, sample_lines


@dataclass(frozen=True)
class OpenLog:
    """A log that is being read.

    Attributes:
        format: One of `LOG_FORMATS`.
        table: Where the text and the label stand in a row; of no meaning for JSON Lines.
        rows: Its rows with their numbers from 1, read as they are asked for.
    """

    format: str
    table: Table
    rows: Iterator[tuple[int, RawRow]]


@contextlib.contextmanager
def open_rows(
    path: str,
    format: str | None,
    columns: Columns,
    max_bytes: int,
    encoding: str | None,
    kept: Sized,
) -> Iterator[OpenLog]:
    """Open a log as its rows.

    Args:
        path: As for `read_log`.
        format: One of `LOG_FORMATS`; guessed from the first lines when None.
        columns: What the user has said of the columns.
        max_bytes: How many bytes the log may hold, unpacked.
        encoding: As for `read_log`.
        kept: The rows that were read rightly so far.

    Raises:
        UserError: It cannot be opened, or its columns are not clear.
    """
    source = name_of(path)
    if is_parquet(path):
        head, rest = read_parquet(path)
        with named(source):
            table = find_columns(head, columns, has_header=True)
        yield OpenLog("text", table, rest)
        return
    # Unless another format is given, a JSON list of records is JSON Lines.
    may_be_list = format in (None, "jsonl")
    opened = open_byte_lines(path, max_bytes, encoding=encoding, may_be_list=may_be_list)
    with opened as all_lines, explained(all_lines, source, kept) as lines:
        head_lines, lines_again, is_all = sample_lines(lines)
        format = format or guess_format(head_lines)
        with named(source):
            table = guess_table(head_lines, is_all, format, columns)
        yield OpenLog(format, table, rows(lines_again, format, source, table))


@contextlib.contextmanager
def named(source: str) -> Iterator[None]:
    """Begin the messages of errors with the source."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
