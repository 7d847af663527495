"""The leaderboard as text: a table for a terminal, CSV, Markdown and strict JSON."""

import csv
import io
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, fields

from tabulate import SEPARATING_LINE, tabulate

from results.leaderboard.columns import PAGE, SEEDS, TERMINAL, Column, align
from results.leaderboard.notes import (
    PAGE_LEGEND,
    describe_export,
    describe_selection,
    facts,
    fixed,
    legend,
    reasons,
)
from results.leaderboard.row import Leaderboard, Row
from results.leaderboard.wording import printable, verdict
from results.scoring import strict_json

WIDTH = 120
FORMULA_STARTS = ("=", "+", "-", "@")


def render_table(leaderboard: Leaderboard) -> str:
    """Render for a terminal of 120 columns; the verdict is the first line.

    It shows the telling columns; the other forms hold all.

    Args:
        leaderboard: The ranked rows.

    Returns:
        Lines of text, ending with a newline.
    """
    repeated = _repeated(leaderboard)
    notes = [
        legend(leaderboard),
        describe_selection(leaderboard),
        describe_export(leaderboard),
        *facts(leaderboard),
        *reasons(leaderboard, WIDTH),
    ]
    parts = [
        verdict(leaderboard),
        _grid(TERMINAL, leaderboard.rows),
        _grid(SEEDS, repeated) if repeated else "",
        fixed(leaderboard),
        "\n".join(textwrap.fill(note, WIDTH) for note in notes if note),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_markdown(leaderboard: Leaderboard) -> str:
    """Render as GitHub's Markdown; the verdict is the first line.

    Args:
        leaderboard: The ranked rows.

    Returns:
        Markdown, ending with a newline; text that users or exceptions wrote stays inert.
    """
    repeated = _repeated(leaderboard)
    notes = [*facts(leaderboard), *reasons(leaderboard, 2 * WIDTH)]
    parts = [
        f"**{_inert(verdict(leaderboard))}**",
        _pipes(PAGE, leaderboard.rows),
        _pipes(SEEDS, repeated) if repeated else "",
        _inert(fixed(leaderboard)),
        _inert(f"{legend(leaderboard)} {PAGE_LEGEND}"),
        _inert(describe_selection(leaderboard)),
        _inert(describe_export(leaderboard)),
        "\n".join(f"- {_inert(note)}" for note in notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_csv(leaderboard: Leaderboard) -> str:
    """Render as CSV with the schema's columns; an absent figure is an empty cell.

    A text cell that a spreadsheet would run as a formula gets an apostrophe in front.

    Args:
        leaderboard: The ranked rows.

    Returns:
        CSV with a header line.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    for row in leaderboard.rows:
        writer.writerow([_cell(value) for value in asdict(row).values()])
    return out.getvalue()


def render_json(leaderboard: Leaderboard) -> str:
    """Render as strict JSON: `{"data", "protocol", "chosen_by", "selection", "rows": [...]}`.

    Args:
        leaderboard: The ranked rows.

    Returns:
        JSON without NaN or Infinity, ending with a newline.
    """
    content = {
        "data": leaderboard.data,
        "protocol": leaderboard.protocol,
        "chosen_by": leaderboard.chosen_by,
        "selection": leaderboard.selection and asdict(leaderboard.selection),
        "rows": [asdict(row) for row in leaderboard.rows],
    }
    return strict_json(content)


def _repeated(leaderboard: Leaderboard) -> list[Row]:
    return [row for row in leaderboard.rows if row.repeats > 1]


def _grid(columns: dict[str, Column], rows: Sequence[Row]) -> str:
    # tabulate pads real headers by two more columns, which a dozen of them cannot afford.
    lines = [list(columns), SEPARATING_LINE, *_cells(columns, rows)]
    return str(tabulate(lines, tablefmt="simple", disable_numparse=True, colalign=align(columns)))


def _pipes(columns: dict[str, Column], rows: Sequence[Row]) -> str:
    cells = [[_inert(cell) for cell in row] for row in _cells(columns, rows)]
    sides = align(columns)
    headers = list(columns)
    return str(tabulate(cells, headers, tablefmt="pipe", disable_numparse=True, colalign=sides))


def _cells(columns: dict[str, Column], rows: Sequence[Row]) -> list[list[str]]:
    return [[write(row) for write in columns.values()] for row in rows]


def _inert(text: str) -> str:
    """Escape what Markdown or HTML would act on."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join("\\" + letter if letter in "\\`*_[]|!#" else letter for letter in escaped)


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = printable(value)
        return "'" + text if text.lstrip().startswith(FORMULA_STARTS) else text
    return "" if value is None else value
