"""The leaderboard's columns as text: all of them for a page, the telling ones for a terminal."""

from collections.abc import Callable
from typing import Any

from results.leaderboard.row import Row
from results.leaderboard.wording import format_p, format_share, printable

CHAMPION = "*"
FRONT = "^"
PARTIAL = "~"

Column = Callable[[Row], str]


def _maybe(write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Write an absent figure as "-"."""
    return lambda value: "-" if value is None else write(value)


_points = _maybe(lambda delta: f"{delta * 100:+.1f}")
_count = _maybe(lambda count: f"{count:,}")
_loss = _maybe(lambda loss: f"{loss:.2f}" if loss >= 10 else format_share(loss))
_micros = _maybe(lambda micros: f"{micros:,.0f}" if micros >= 10 else f"{micros:.1f}")
_kilobytes = _maybe(lambda size: f"{size / 1000:,.0f}")
_layers = _maybe(str)


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None else f"{format_share(low)}-{format_share(high)}"


def p_cell(row: Row, value: float | None) -> str:
    """Write a p-value, in parentheses if it is exploratory.

    Args:
        row: The row that it belongs to.
        value: The p-value; None gives "-".
    """
    return format_p(value) if row.is_planned or value is None else f"({format_p(value)})"


_RANK: dict[str, Column] = {
    "#": lambda row: str(row.rank),
    "name": lambda row: printable(row.name) + (f" {CHAMPION}" if row.selected else ""),
    "status": lambda row: row.status,
}
_ACCURACY: dict[str, Column] = {
    "val acc": lambda row: (PARTIAL if row.val_partial else "") + format_share(row.val_accuracy),
    "held-out": lambda row: format_share(row.heldout_accuracy),
    "95 %": lambda row: _interval(row.heldout_low, row.heldout_high),
    "vs M2": lambda row: _points(row.delta_vs_model2),
    "p": lambda row: p_cell(row, row.p_vs_model2),
}
_ALARMS: dict[str, Column] = {
    "R@.1%": lambda row: format_share(row.recall_at_fpr_0_1),
    "R@1%": lambda row: format_share(row.recall_at_fpr_1),
    "ECE": lambda row: format_share(row.ece),
}
_TIME: dict[str, Column] = {
    "train s": lambda row: f"{row.train_seconds:,.{0 if row.train_seconds >= 100 else 1}f}",
    "µs": lambda row: _micros(row.latency_us) + (FRONT if row.pareto else " "),
}

# Shorter headers: the terminal's table is to fit 120 columns.
_SHORT = {"val acc": "val", "held-out": "held", "train s": "s"}
_WIDE = {**_RANK, **_ACCURACY, **_ALARMS, **_TIME}
TERMINAL: dict[str, Column] = {_SHORT.get(name, name): write for name, write in _WIDE.items()}

PAGE: dict[str, Column] = {
    **_RANK,
    "brief": lambda row: "yes" if row.meets_brief else "no",
    "layers": lambda row: _layers(row.layers),
    "weights": lambda row: _count(row.parameters),
    "kB": lambda row: _kilobytes(row.size_bytes),
    "epochs": lambda row: f"{row.epochs:.3g}",
    **_ACCURACY,
    "vs linear": lambda row: _points(row.delta_vs_linear),
    "p linear": lambda row: p_cell(row, row.p_vs_linear),
    "loss": lambda row: _loss(row.heldout_loss),
    "AUC": lambda row: format_share(row.roc_auc),
    "F1": lambda row: format_share(row.f1),
    "FPR": lambda row: format_share(row.false_positive_rate),
    **_ALARMS,
    **_TIME,
    "µs p99": lambda row: _micros(row.latency_p99_us),
    "µs of 512": lambda row: _micros(row.latency_batch_us),
    "µs of 512 p99": lambda row: _micros(row.latency_batch_p99_us),
}

SEEDS: dict[str, Column] = {
    "name": _RANK["name"],
    "seeds": lambda row: str(row.repeats),
    "mean": lambda row: format_share(row.repeats_mean),
    "std": lambda row: format_share(row.repeats_std),
    "lowest": lambda row: format_share(row.repeats_min),
    "highest": lambda row: format_share(row.repeats_max),
}


def align(columns: dict[str, Column]) -> list[str]:
    """Say on which side each column stands: texts left, figures right.

    Args:
        columns: The columns.

    Returns:
        "left" or "right" for each.
    """
    return ["left" if name in ("name", "status") else "right" for name in columns]
