"""Opens a log as numbered rows, whatever its container, and finds out how they are made."""

import contextlib
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data.common import UserError
from data.reading.formats import RawRow, guess_format, guess_table, rows
from data.reading.frame import IN_MEMORY, frame_rows
from data.reading.parquet import is_parquet, read_parquet
from data.reading.resaved import record_column, resaved_table
from data.reading.table import Columns, Table, find_columns, sample_lines
from data.source import decode, explained, name_of, open_byte_lines

if TYPE_CHECKING:
    import pandas as pd


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
    path: "str | pd.DataFrame",
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
    source = source_name(path)
    if not isinstance(path, str) or is_parquet(path):
        head, rest = read_parquet(path) if isinstance(path, str) else frame_rows(path)
        records = record_column(head) if format is None else None
        if records is not None:
            columns = replace(columns, group=None)  # That is a key of the records.
        with named(source):
            table = replace(find_columns(head, columns, has_header=True), quote="")
        has_records = records is not None and records == table.text
        yield OpenLog("access-log" if has_records else "text", table, rest)
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


def _guessed(
    head: Sequence[bytes], is_all: bool, format: str | None, columns: Columns
) -> tuple[str, Table]:
    if format is None:
        format = guess_format(head)
        if format == "text":
            table = resaved_table([decode(line) for line in head], is_all, columns)
            if table is not None:
                return "access-log", table
    return format, guess_table(head, is_all, format, columns)


@contextlib.contextmanager
def named(source: str) -> Iterator[None]:
    """Begin the messages of errors with the source."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
