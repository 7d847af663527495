"""The leaderboard on the page: its columns, what a cell says, and by what it is sorted."""

from dataclasses import dataclass

from results.leaderboard import COLUMNS, SEED_COLUMNS, Column, Leaderboard, Row
from results.report.text import visible


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says; "" for a figure that is unknown.
        sort: What it is sorted by, as text; "" goes last.
        is_number: Whether it is sorted as a number, and stands at the right.
        note: What stands small beside it.
        is_exploratory: Whether it is a p-value that no planned test gave; it is dimmed.
    """

    text: str
    sort: str
    is_number: bool
    note: str = ""
    is_exploratory: bool = False


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes:
        cells: One a column.
        kind: "baseline", "trial", "ensemble" or "refit".
        status: How its training ended.
        selected: Whether it is the champion.
        reason: Why it is not complete, or what is wrong with its scores.
    """

    cells: tuple[Cell, ...]
    kind: str
    status: str
    selected: bool
    reason: str


def columns(board: Leaderboard) -> list[Column]:
    """Give the columns for which at least one row has a value."""
    every = COLUMNS | (SEED_COLUMNS if board.repeated else {})
    return [
        column
        for column in every.values()
        if any(getattr(row, column.key) is not None for row in board.rows)
    ]


def lines(board: Leaderboard, shown: list[Column]) -> list[Line]:
    """Write the rows, in the leaderboard's order."""
    return [
        Line(
            cells=tuple(_cell(column, row) for column in shown),
            kind=row.kind,
            status=row.status,
            selected=row.selected,
            reason=visible(row.reason, 300),
        )
        for row in board.rows
    ]


def _cell(column: Column, row: Row) -> Cell:
    value = getattr(row, column.key)
    if column.is_text:
        return Cell(visible(value), visible(value), is_number=False)
    if value is None:
        return Cell("", "", is_number=True)
    is_partial = column.key == "val_accuracy" and row.val_partial
    return Cell(
        column.text(row),
        str(float(value)),
        is_number=True,
        note=f"on {row.val_rows:,} rows" if is_partial else "",
        is_exploratory=column.key.startswith("p_vs_") and not row.is_planned,
    )
