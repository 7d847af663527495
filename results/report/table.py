"""The leaderboard's columns on the page: what a cell says, and by what it is sorted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from results.leaderboard import PARTIAL, Leaderboard, Row, format_p, format_share
from results.report.text import format_bytes, format_number, visible

Value = Any


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: The row's attribute that it is sorted by.
        head: Its heading.
        title: What it means, in a sentence.
        write: Makes the text of a cell of the attribute; None is never given to it.
    """

    key: str
    head: str
    title: str
    write: Callable[[Value], str]


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


def _yes(value: Value) -> str:
    return "yes" if value else "no"


def _points(value: Value) -> str:
    return f"{value * 100:+.1f}"


COLUMNS = (
    Column("rank", "#", "Rank by accuracy on the held-out rows.", str),
    Column("name", "Name", "The star is the champion.", visible),
    Column("status", "Status", "How its training ended.", visible),
    Column(
        "heldout_accuracy",
        "Held-out",
        "Accuracy on held-out rows, Wilson's interval.",
        format_share,
    ),
    Column(
        "val_accuracy", "Val.", "Accuracy on validation rows; ~ on a part of them.", format_share
    ),
    Column("delta_vs_model2", "vs Model 2", "Points of accuracy above Model 2.", _points),
    Column("p_vs_model2", "p", "McNemar's exact test against Model 2.", format_p),
    Column("delta_vs_linear", "vs linear", "Points above the linear baseline.", _points),
    Column("p_vs_linear", "p", "The same test against the linear baseline.", format_p),
    Column("repeats", "Seeds", "How often it was trained.", str),
    Column("repeats_mean", "Mean", "Mean held-out accuracy over the seeds.", format_share),
    Column("repeats_std", "± std", "Its standard deviation over the seeds.", format_share),
    Column("heldout_loss", "Loss", "Binary cross-entropy on held-out rows.", format_share),
    Column("roc_auc", "AUC", "Area under the ROC curve.", format_share),
    Column("f1", "F1", "Harmonic mean of precision and recall.", format_share),
    Column("false_positive_rate", "FPR", "Share of normal rows called malicious.", format_share),
    Column("recall_at_fpr_0_1", "R@.1 %", "Recall at one false alarm in a thousand.", format_share),
    Column("recall_at_fpr_1", "R@1 %", "Recall at one false alarm in a hundred.", format_share),
    Column("ece", "ECE", "Expected calibration error, 15 bins.", format_share),
    Column("latency_us", "µs p50", "Median CPU microseconds of one request alone.", format_number),
    Column("latency_p99_us", "µs p99", "99th percentile of one request alone.", format_number),
    Column(
        "latency_batch_us", "µs p50 of 512", "Median CPU time in batches of 512.", format_number
    ),
    Column(
        "latency_batch_p99_us", "µs p99 of 512", "99th percentile in batches of 512.", format_number
    ),
    Column("pareto", "Front", "No other is both faster and more accurate.", _yes),
    Column("parameters", "Weights", "Weights of the model.", format_number),
    Column("size_bytes", "Size", "Bytes of its weights.", format_bytes),
    Column("layers", "Layers", "Layers of the model, its input not counted.", str),
    Column("meets_brief", "Brief", "Whether it keeps Model 3's rules.", _yes),
    Column("epochs", "Epochs", "Epochs trained.", format_number),
    Column("train_seconds", "Train s", "Seconds of training.", format_number),
)


def columns(board: Leaderboard) -> list[Column]:
    """Give the columns for which at least one row has a value.

    Args:
        board: The leaderboard.
    """
    rows = [asdict(row) for row in board.rows]
    once = all(row.repeats == 1 for row in board.rows)
    return [
        column
        for column in COLUMNS
        if any(row[column.key] is not None for row in rows)
        and not (once and column.key == "repeats")
    ]


def lines(board: Leaderboard, shown: list[Column]) -> list[Line]:
    """Write the rows.

    Args:
        board: The leaderboard.
        shown: Its columns.

    Returns:
        A line a row, in the leaderboard's order.
    """
    return [_line(row, shown) for row in board.rows]


def _line(row: Row, shown: list[Column]) -> Line:
    values = asdict(row)
    return Line(
        cells=tuple(_cell(column, values, row.is_planned) for column in shown),
        kind=row.kind,
        status=row.status,
        selected=row.selected,
        reason=visible(row.reason, 300),
    )


def _cell(column: Column, values: Mapping[str, Any], is_planned: bool) -> Cell:
    value = values[column.key]
    is_number = column.key not in ("name", "status")
    if value is None:
        return Cell("", "", is_number)
    note = ""
    if column.key == "heldout_accuracy":
        note = f"{format_share(values['heldout_low'])}-{format_share(values['heldout_high'])}"
    if column.key == "val_accuracy" and values["val_partial"]:
        note = f"on {values['val_rows']:,} rows"
    if column.key == "repeats_mean":
        note = f"{format_share(values['repeats_min'])}-{format_share(values['repeats_max'])}"
    sort = str(float(value)) if is_number else visible(value)
    is_exploratory = column.key.startswith("p_vs_") and not is_planned
    mark = PARTIAL if column.key == "val_accuracy" and values["val_partial"] else ""
    return Cell(mark + column.write(value), sort, is_number, note, is_exploratory)
