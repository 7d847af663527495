"""The leaderboard as text: a table for a terminal, CSV, Markdown and strict JSON."""

import csv
import io
import textwrap
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from tabulate import SEPARATING_LINE, tabulate

from results.files import strict_json
from results.row import Leaderboard, Row
from results.verdict import p_value, plain, share, verdict

WIDTH = 160
CHAMPION = "*"
FORMULA_STARTS = ("=", "+", "-", "@")


def _maybe(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Write an absent figure as "-"."""
    return lambda value: "-" if value is None else write(value)


def _interval(row: Row) -> str:
    if row.heldout_low is None:
        return "-"
    return f"{share(row.heldout_low)}-{share(row.heldout_high)}"


_points = _maybe(lambda delta: f"{delta * 100:+.1f}")
_count = _maybe(lambda count: f"{count:,}")
_loss = _maybe(lambda loss: f"{loss:.2f}" if loss >= 10 else share(loss))
_micros = _maybe(lambda micros: f"{micros:,.0f}")
_layers = _maybe(str)

COLUMNS: dict[str, Callable[[Row], str]] = {
    "#": lambda row: str(row.rank),
    "name": lambda row: plain(row.name) + (f" {CHAMPION}" if row.selected else ""),
    "status": lambda row: row.status,
    "brief": lambda row: "yes" if row.meets_brief else "no",
    "layers": lambda row: _layers(row.layers),
    "weights": lambda row: _count(row.parameters),
    "epochs": lambda row: f"{row.epochs:.3g}",
    "val acc": lambda row: share(row.val_accuracy),
    "held-out": lambda row: share(row.heldout_accuracy),
    "95 %": _interval,
    "loss": lambda row: _loss(row.heldout_loss),
    "AUC": lambda row: share(row.roc_auc),
    "F1": lambda row: share(row.f1),
    "FPR": lambda row: share(row.false_positive_rate),
    "vs M2": lambda row: _points(row.delta_vs_model2),
    "p": lambda row: p_value(row.p_vs_model2).removeprefix("= ").replace("< ", "<"),
    "train s": lambda row: f"{row.train_seconds:,.{0 if row.train_seconds >= 100 else 1}f}",
    "µs": lambda row: _micros(row.latency_us),
}
ALIGN = ["left" if name in ("name", "status") else "right" for name in COLUMNS]
LEGEND = (
    f"{CHAMPION} champion, chosen on validation rows before the held-out rows were scored; "
    "held-out: accuracy there, with its 95 % Wilson interval;",
    "vs M2: points of accuracy above Model 2; p: McNemar's exact test on the same rows, "
    "Holm-corrected; µs: median time of one request alone.",
)


def table(leaderboard: Leaderboard) -> str:
    """Render for a terminal of 160 columns; the verdict is the first line.

    Args:
        leaderboard: The ranked rows.

    Returns:
        Lines of text, ending with a newline.
    """
    # tabulate pads real headers by two more columns, which 18 of them cannot afford.
    lines = [list(COLUMNS), SEPARATING_LINE, *_cells(leaderboard)]
    grid = tabulate(lines, tablefmt="simple", disable_numparse=True, colalign=ALIGN)
    parts = [
        verdict(leaderboard),
        "",
        grid,
        "",
        *LEGEND,
        *_facts(leaderboard),
        *_reasons(leaderboard),
    ]
    return "\n".join(parts) + "\n"


def md(leaderboard: Leaderboard) -> str:
    """Render as GitHub's Markdown; the verdict is the first line.

    Args:
        leaderboard: The ranked rows.

    Returns:
        Markdown, ending with a newline; text that users or exceptions wrote stays inert.
    """
    cells = [[_inert(cell) for cell in row] for row in _cells(leaderboard)]
    grid = tabulate(
        cells, headers=list(COLUMNS), tablefmt="pipe", disable_numparse=True, colalign=ALIGN
    )
    notes = [*_facts(leaderboard), *_reasons(leaderboard)]
    parts = [
        f"**{_inert(verdict(leaderboard))}**",
        grid,
        _inert(" ".join(LEGEND)),
        "\n".join(f"- {_inert(note)}" for note in notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_csv(leaderboard: Leaderboard) -> str:
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


def to_json(leaderboard: Leaderboard) -> str:
    """Render as strict JSON: `{"data", "protocol", "selection", "rows": [...]}`.

    Args:
        leaderboard: The ranked rows.

    Returns:
        JSON without NaN or Infinity, ending with a newline.
    """
    content = {
        "data": leaderboard.data,
        "protocol": leaderboard.protocol,
        "selection": leaderboard.selection and asdict(leaderboard.selection),
        "rows": [asdict(row) for row in leaderboard.rows],
    }
    return strict_json(content)


def _cells(leaderboard: Leaderboard) -> list[list[str]]:
    return [[write(row) for write in COLUMNS.values()] for row in leaderboard.rows]


def _facts(leaderboard: Leaderboard) -> list[str]:
    """Return a line each on the data and the protocol, from whatever plain values they hold."""
    lines = []
    for label, facts in (("data", leaderboard.data), ("protocol", leaderboard.protocol)):
        values = [f"{key} {value}" for key, value in facts.items() if _is_short(value)]
        if values:
            lines.append(textwrap.shorten(plain(f"{label}: {', '.join(values)}"), WIDTH))
    return lines


def _reasons(leaderboard: Leaderboard) -> list[str]:
    return [
        textwrap.shorten(plain(f"{row.name} {row.status}: {row.reason}"), WIDTH)
        for row in leaderboard.rows
        if row.reason and row.status in ("diverged", "failed")
    ]


def _is_short(value: object) -> bool:
    return isinstance(value, (str, int, float)) and value != ""


def _inert(text: str) -> str:
    """Escape what Markdown or HTML would act on."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join("\\" + letter if letter in "\\`*_[]|!#" else letter for letter in escaped)


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = plain(value)
        return "'" + text if text.lstrip().startswith(FORMULA_STARTS) else text
    return "" if value is None else value
