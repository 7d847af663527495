"""The leaderboard's row and its columns: terminal, Markdown, CSV, JSON and page are made of them.

A new column is an attribute of `Row`, set in `ranking`, and an entry of `COLUMNS`.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from data.common import printable
from results.study import Kind, LatencyRuntime, Status

CHAMPION = "*"
FRONT = "^"
PARTIAL = "~"
IN_KERAS = "+"


@dataclass(frozen=True)
class Row:
    """One training; the attributes, in this order, are the keys of leaderboard.json and the CSV.

    A figure that is unknown or not finite is None. `COLUMNS` explains the figures that tables show.
    An ensemble is the mean of several trials' probabilities, and its seconds, weights, bytes and
    latencies are the sums of theirs. A refit is a baseline or the champion trained again on all
    training rows, so it has no validation figures. Neither is ever the champion.
    """

    rank: int
    name: str
    kind: Kind
    status: Status
    selected: bool  # the champion, chosen before the held-out rows were scored
    meets_brief: bool
    layers: int | None
    parameters: int | None
    epochs: float
    val_accuracy: float | None
    val_loss: float | None
    heldout_accuracy: float | None
    heldout_low: float | None  # of the 95 % interval
    heldout_high: float | None
    heldout_loss: float | None
    roc_auc: float | None
    f1: float | None
    false_positive_rate: float | None
    delta_vs_model2: float | None
    p_vs_model2: float | None
    train_seconds: float
    latency_us: float | None
    # What follows was added later: a leaderboard.json of an earlier version lacks it.
    delta_vs_linear: float | None = None
    p_vs_linear: float | None = None
    reason: str = ""  # why it is not complete, or what is wrong with its scores
    ece: float | None = None
    recall_at_fpr_0_1: float | None = None
    recall_at_fpr_1: float | None = None
    latency_p99_us: float | None = None
    latency_batch_us: float | None = None
    latency_batch_p99_us: float | None = None
    size_bytes: int | None = None
    # No other complete training is at least as accurate on the held-out rows and at least as fast
    # alone, and better in one of the two; never of an ensemble or a refit.
    pareto: bool = False
    repeats: int = 1
    repeats_mean: float | None = None
    repeats_std: float | None = None
    repeats_min: float | None = None
    repeats_max: float | None = None
    val_rows: int | None = None  # that `val_accuracy` and `val_loss` rest on
    val_partial: bool = False  # it was stopped within an epoch, and these are a part of them
    val_auc: float | None = None
    val_f1: float | None = None
    val_recall_at_fpr_0_1: float | None = None
    val_recall_at_fpr_1: float | None = None
    champion_refit: bool = False
    # On the held-out rows whose text is not in the training part, if the others are above 5 %.
    unrepeated_accuracy: float | None = None
    latency_runtime: LatencyRuntime = ""  # earlier versions, which do not say, took Keras

    @property
    def is_planned(self) -> bool:
        """Whether its comparisons with its references were planned before anything was scored."""
        return self.selected or self.champion_refit


@dataclass(frozen=True)
class Column:
    """One column of the tables."""

    key: str  # the attribute of `Row` that it shows
    heading: str  # in Markdown and on the page
    meaning: str  # `{normal}` and `{malicious}` stand for the log's own label words
    write: Callable[[Any], str]  # writes a value that is not None
    narrow: str | None = None  # its heading in the terminal's table, if it is shown there
    # Adds to the text what other attributes of the row say.
    mark: Callable[[Row, str], str] = lambda row, text: text

    def explained(self, label_words: tuple[str, str]) -> str:
        """Describe it, for a legend or a tooltip, in the log's own words for its labels."""
        normal, malicious = map(printable, label_words)
        return self.meaning.format(normal=normal, malicious=malicious)

    @property
    def is_text(self) -> bool:
        """Whether its cells are words, which stand at the left, and not figures."""
        return self.key in ("name", "status")

    def text(self, row: Row) -> str:
        """Write a row's cell; "-" if the value is unknown."""
        value = getattr(row, self.key)
        return "-" if value is None else self.mark(row, self.write(value))


def escaped(value: object) -> str:
    """Write a value such that neither Markdown nor HTML sees any markup in it."""
    shown = html.escape(printable(str(value)), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~$!" else letter for letter in shown)


def format_share(value: float | None) -> str:
    """Write a figure between 0 and 1 without its leading zero: ".9967"; None as "-".

    Only 1 itself is "1.0000": what is nearly that is ".9999".
    """
    if value is None:
        return "-"
    shown = f"{value:.4f}"
    return ".9999" if shown == "1.0000" and value < 1 else shown.removeprefix("0")


def format_p(value: float) -> str:
    """Write a p-value for a sentence: "< .0001", or "= .0312"."""
    return "< .0001" if value < 0.0001 else f"= {format_share(value)}"


def _p(value: float) -> str:
    return format_p(value).removeprefix("= ").replace("< ", "<")


def _planned(row: Row, text: str) -> str:
    return text if row.is_planned else f"({text})"


def _points(value: float) -> str:
    return f"{value * 100:+.1f}"


def _loss(value: float) -> str:
    return f"{value:.2f}" if value >= 10 else format_share(value)


def _micros(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _share_of_part(row: Row, text: str) -> str:
    return f"{PARTIAL}{text}" if row.val_partial else text


def _interval(row: Row, text: str) -> str:
    return f"{text}-{format_share(row.heldout_high)}"


def _latency(row: Row, text: str) -> str:
    is_network = row.layers is not None
    in_keras = row.latency_runtime == "keras" or (row.latency_runtime == "" and is_network)
    return text + (IN_KERAS if in_keras else "") + (FRONT if row.pareto else "")


def _selected(row: Row, text: str) -> str:
    return f"{text} {CHAMPION}" if row.selected else text


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


_PART = (
    f"accuracy on the validation rows ({PARTIAL}: on a part of them, since the trial was stopped "
    "within an epoch)"
)
_TEST = (
    "McNemar's exact test on the same rows, the champion's Holm-corrected over Model 2 and "
    "linear, all others exploratory and in parentheses"
)
_ALONE = (
    "median CPU time to score one request, from padded ids to probability, in ONNX Runtime on one "
    f"thread ({IN_KERAS}: in Keras, for a network that has no translation to ONNX; a text "
    f"baseline: in Python, features included); {FRONT}: on the Pareto front of held-out accuracy "
    "and latency"
)
_RECALL = (
    "recall, the share of {malicious} rows found, if at most .1 % of the {normal} ones are called "
    "{malicious} too"
)
_SIZE = "a network's weights, in thousands of bytes; of a text baseline, what it is pickled to"
_NAME = Column("name", "name", "which training", printable, "name", _selected)

# fmt: off
_SHOWN = (  # in this order
    Column("rank", "#", "rank by accuracy on the held-out rows", str, "#"),
    _NAME,
    Column("status", "status", "how the training ended", printable, "status"),
    Column("val_accuracy", "val acc", _PART, format_share, "val", _share_of_part),
    Column("heldout_accuracy", "held-out", "accuracy on the held-out rows", format_share, "held"),
    Column("heldout_low", "95 %", "its Wilson interval", format_share, "95 %", _interval),
    Column("delta_vs_model2", "vs M2", "points of accuracy above Model 2", _points, "vs M2"),
    Column("p_vs_model2", "p", _TEST, _p, "p", _planned),
    Column("delta_vs_linear", "vs linear", "points above the linear baseline", _points),
    Column("p_vs_linear", "p linear", "as p, against the linear baseline", _p, None, _planned),
    Column("heldout_loss", "loss", "binary cross-entropy on the held-out rows", _loss),
    Column("roc_auc", "AUC", "area under the ROC curve", format_share),
    Column("f1", "F1", "harmonic mean of precision and recall of {malicious}", format_share),
    Column("false_positive_rate", "FPR", "share of {normal} rows called {malicious}, at .5",
           format_share),
    Column("recall_at_fpr_0_1", "R@.1%", _RECALL, format_share, "R@.1%"),
    Column("recall_at_fpr_1", "R@1%", "the same at 1 %", format_share, "R@1%"),
    Column("ece", "ECE", "expected calibration error, 15 bins", format_share, "ECE"),
    Column("train_seconds", "train s", "seconds of training", _seconds, "s"),
    Column("latency_us", "µs", _ALONE, _micros, "µs", _latency),
    Column("latency_p99_us", "µs p99", "its 99th percentile over the calls", _micros),
    Column("latency_batch_us", "µs of 512", "CPU time of one request among 512", _micros),
    Column("latency_batch_p99_us", "µs of 512 p99", "its 99th percentile", _micros),
    Column("meets_brief", "rules", "keeps Model 3's rules", lambda meets: "yes" if meets else "no"),
    Column("layers", "layers", "layers of the model, its input not counted", str),
    Column("parameters", "parameters", "parameters of the model", "{:,}".format),
    Column("size_bytes", "kB", _SIZE, lambda size: f"{size / 1000:,.0f}"),
    Column("epochs", "epochs", "epochs trained", "{:.3g}".format),
)
# A table of its own: the trainings that were repeated with other seeds.
_SEEDS = (
    _NAME,
    Column("repeats", "seeds", "with how many seeds it was trained and scored", str),
    Column("repeats_mean", "mean", "mean held-out accuracy over the seeds", format_share),
    Column("repeats_std", "std", "its sample standard deviation (n - 1)", format_share),
    Column("repeats_min", "lowest", "the lowest of the seeds", format_share),
    Column("repeats_max", "highest", "the highest of the seeds", format_share),
)
# fmt: on
COLUMNS = {column.key: column for column in _SHOWN}
SEED_COLUMNS = {column.key: column for column in _SEEDS}
