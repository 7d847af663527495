"""The leaderboard as a terminal's table, Markdown, CSV and JSON, and read back from JSON."""

import html
import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

from tabulate import SEPARATING_LINE, tabulate

from data.common import UserError, printable
from results.leaderboard.columns import COLUMNS, SEED_COLUMNS, Column, Row, escaped
from results.leaderboard.leaderboard import Leaderboard
from results.leaderboard.selection import Selection
from results.leaderboard.wording import (
    describe_export,
    describe_facts,
    describe_known_texts,
    describe_legend,
    describe_reasons,
    describe_selection,
    describe_unseeded,
    verdict,
)
from results.scoring import strict_json
from results.study import ACCURACY, OBJECTIVES

WIDTH = 120
# A longer leaderboard fills a notebook's page.
_MOST_IN_HTML = 20
_FORMULA_STARTS = ("=", "+", "-", "@")
# Columns by the headings of the terminal, of Markdown, and of the repeated trainings.
_NARROW = {column.narrow: column for column in COLUMNS.values() if column.narrow is not None}
_WIDE = {column.heading: column for column in COLUMNS.values()}
_SEEDS = {column.heading: column for column in SEED_COLUMNS.values()}


def render_table(leaderboard: Leaderboard) -> str:
    """Render for a terminal of 120 columns; the verdict is the first line.

    It shows the columns that have a narrow heading; the other forms show all.
    """
    notes = [
        describe_legend(leaderboard, _NARROW),
        describe_selection(leaderboard),
        describe_export(leaderboard),
        *describe_facts(leaderboard),
        *describe_reasons(leaderboard, WIDTH),
    ]
    parts = [
        verdict(leaderboard),
        textwrap.fill(describe_known_texts(leaderboard), WIDTH),
        _table(_NARROW, leaderboard.rows, printable, "simple"),
        _table(_SEEDS, leaderboard.repeated, printable, "simple") if leaderboard.repeated else "",
        describe_unseeded(leaderboard),
        "\n".join(textwrap.fill(note, WIDTH) for note in notes if note),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_markdown(leaderboard: Leaderboard) -> str:
    """Render as GitHub's Markdown; what users or exceptions wrote stays inert."""
    notes = [*describe_facts(leaderboard), *describe_reasons(leaderboard, 2 * WIDTH)]
    parts = [
        f"**{escaped(verdict(leaderboard))}**",
        escaped(describe_known_texts(leaderboard)),
        _table(_WIDE, leaderboard.rows, escaped, "pipe"),
        _table(_SEEDS, leaderboard.repeated, escaped, "pipe") if leaderboard.repeated else "",
        escaped(describe_unseeded(leaderboard)),
        escaped(describe_legend(leaderboard, _WIDE)),
        escaped(describe_selection(leaderboard)),
        escaped(describe_export(leaderboard)),
        "\n".join(f"- {escaped(note)}" for note in notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_html(leaderboard: Leaderboard) -> str:
    """Render for a notebook: the verdict above the terminal's columns; all texts stay inert.

    Of a long leaderboard it shows the best rows, the champion and the baselines.
    """
    rows = [
        row
        for index, row in enumerate(leaderboard.rows)
        if index < _MOST_IN_HTML or row.is_planned or row.kind == "baseline"
    ]
    left_out = len(leaderboard.rows) - len(rows)
    more = f"<p>{left_out:,} more trainings are not shown.</p>" if left_out else ""
    notes = [
        describe_legend(leaderboard, _NARROW),
        describe_selection(leaderboard),
        describe_export(leaderboard),
        *describe_reasons(leaderboard, WIDTH),
    ]
    repeated, *explained = (
        f"<p>{html.escape(note)}</p>" if note else ""
        for note in (describe_known_texts(leaderboard), *notes)
    )
    return (
        f"<p><b>{html.escape(verdict(leaderboard))}</b></p>\n"
        f"{repeated}{_table(_NARROW, rows, printable, 'html')}\n{more}"
        f"<details><summary>What the columns mean</summary>{''.join(explained)}</details>"
    )


def render_csv(leaderboard: Leaderboard) -> str:
    """Render as CSV with the keys of leaderboard.json; an unknown figure is an empty cell.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    frame = leaderboard.to_frame()
    texts = frame.select_dtypes(exclude=["number", "bool"]).columns
    frame[texts] = frame[texts].map(_no_formula)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def render_json(leaderboard: Leaderboard) -> str:
    """Render as strict JSON: `{"data", "protocol", "chosen_by", "selection", "rows": [...]}`."""
    content = {
        "data": leaderboard.data,
        "protocol": leaderboard.protocol,
        "chosen_by": leaderboard.chosen_by,
        "selection": leaderboard.selection and asdict(leaderboard.selection),
        "rows": [asdict(row) for row in leaderboard.rows],
    }
    return strict_json(content)


def load_leaderboard(path: Path) -> Leaderboard:
    """Read a leaderboard.json.

    Args:
        path: The file.

    Returns:
        What was written there.

    Raises:
        UserError: If it is missing, no strict JSON, or not of the schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        return _leaderboard(content)
    except OSError as error:
        raise UserError(f"cannot read '{path}': {error.strerror}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"'{path}' is no leaderboard: {error}; write it again") from error


def _table(
    columns: Mapping[str, Column], rows: Sequence[Row], write: Callable[[str], str], form: str
) -> str:
    """Draw a table in one of tabulate's forms; `write` makes the cells' texts inert in it."""
    headings = list(columns)
    lines: list[Any] = [[write(column.text(row)) for column in columns.values()] for row in rows]
    if form == "simple":
        # tabulate pads real headings by two more columns, which a dozen of them cannot afford.
        headings, lines = [], [headings, SEPARATING_LINE, *lines]
    sides = ["left" if column.is_text else "right" for column in columns.values()]
    return str(tabulate(lines, headings, tablefmt=form, disable_numparse=True, colalign=sides))


def _no_formula(text: str) -> str:
    shown = printable(text)
    return "'" + shown if shown.lstrip().startswith(_FORMULA_STARTS) else shown


def _leaderboard(content: Any) -> Leaderboard:
    parts = content if isinstance(content, dict) else {}
    data, protocol, rows = (parts.get(name) for name in ("data", "protocol", "rows"))
    if not (isinstance(data, dict) and isinstance(protocol, dict) and isinstance(rows, list)):
        raise ValueError("it must be an object with data, protocol and rows")
    ranked = tuple(Row(**_checked(Row, row, f"rows[{index}]")) for index, row in enumerate(rows))
    chosen = parts.get("selection")
    selection = None if chosen is None else Selection(**_checked(Selection, chosen, "selection"))
    # Versions before this field chose by accuracy.
    by = parts.get("chosen_by", ACCURACY.name)
    if not isinstance(by, str) or by not in OBJECTIVES:
        raise ValueError(f"chosen_by is {by!r}")
    return Leaderboard(data, protocol, ranked, selection, by)


def _checked(of: type[Row | Selection], values: Any, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ValueError(f"{where} is no object")
    names = {field.name for field in fields(of)}
    # The schema only grows: a file of an earlier version lacks what has a default.
    needed = {field.name for field in fields(of) if field.default is MISSING}
    odd = sorted((set(values) - names) | (needed - set(values)))
    if odd:
        raise ValueError(f"{where}: '{odd[0]}' is {'missing' if odd[0] in names else 'unknown'}")
    for name, hint in get_type_hints(of).items():
        if name in values and not _fits(values[name], hint):
            raise ValueError(f"{where}: {name} is {values[name]!r}")
    return values


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    allowed = get_args(hint) or (hint,)
    if isinstance(value, bool) or value is None:
        return type(value) in allowed
    if isinstance(value, int | float) and not math.isfinite(value):
        return False
    return type(value) in allowed or (type(value) is int and float in allowed)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
