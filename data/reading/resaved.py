"""The brief's log as pandas or a spreadsheet saves it again: its records in ordinary quotes."""

from collections.abc import Sequence
from dataclasses import replace

from data.reading.table import (
    DELIMITERS,
    Columns,
    Row,
    Table,
    common_width,
    find_columns,
    good_rows,
    split_sample,
)
from data.records import DROPPED_KEYS, RecordError, load_record

_QUOTE = '"'
# So many rows tell what a column holds.
_ASKED = 50


def resaved_table(head: Sequence[str], is_all: bool, columns: Columns) -> Table | None:
    """Find out how the rows of a log that was saved again are split; None if it is another table.

    Args:
        head: The first lines.
        is_all: Whether these are all; else the last row of them may be half.
        columns: What the user has said.

    Raises:
        UserError: As for `find_columns`.
    """
    for delimiter in DELIMITERS:
        rows = split_sample(head, is_all, delimiter, _QUOTE)
        good = good_rows(rows)
        found = record_column(good)
        if found is None:
            continue
        first = "".join(rows[0][found : found + 1])
        # A record that is broken, or no text at all, is a bad row.
        has_header = good[:1] == rows[:1] and not first.lstrip().startswith("{")
        if has_header and not first.strip():
            continue  # Left over behind a table's named columns.
        if not has_header and found >= common_width(good):
            continue  # Most rows end before it.
        told = replace(columns, group=None)  # That is a key of the records.
        if columns.text is None:
            # pandas calls columns by numbers, which are names then.
            told = replace(told, text=first if has_header else str(found + 1))
        return replace(find_columns(good, told, has_header), delimiter=delimiter, quote=_QUOTE)
    return None


def record_column(rows: Sequence[Row]) -> int | None:
    """Return the index of the column that holds access-log records; None if none does.

    Args:
        rows: The first rows; the first may be a header.
    """
    asked = rows[1 : _ASKED + 1] or rows
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
