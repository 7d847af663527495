"""The leaderboard's types: its rows, and the rows together with what they rest on."""

from dataclasses import dataclass
from typing import Any

from results.leaderboard.selection import Selection
from results.study import ACCURACY, OBJECTIVES, Kind, Objective, Status, is_sound, refit_name

MODEL2 = "model2"
LINEAR = "linear"


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard; a figure that is unknown or not finite is None.

    Attributes:
        rank: 1 for the best.
        name: "model2", "trial 17", or "trial 17, refit".
        kind: Baseline, trial, or ensemble: the mean of several trials' probabilities, whose
            seconds, weights, bytes and latencies are its members' sums; or refit: a baseline or
            the champion trained again on all training rows. The last two are never the champion.
        status: How its training ended.
        selected: Whether it is the champion, chosen before the held-out rows were scored.
        meets_brief: Whether its model keeps Model 3's rules.
        layers: Layers of its model.
        parameters: Weights of its model.
        epochs: Epochs trained.
        val_accuracy: Accuracy on the validation rows; of a refit, which has trained on them, None.
        val_loss: Loss on the validation rows, likewise.
        heldout_accuracy: Accuracy on the held-out rows.
        heldout_low: Lower end of its 95 % Wilson interval.
        heldout_high: Upper end of its 95 % Wilson interval.
        heldout_loss: Loss on the held-out rows.
        roc_auc: Area under the ROC curve on the held-out rows.
        f1: F1 of label 1 on the held-out rows.
        false_positive_rate: Share of the normal held-out rows called malicious.
        delta_vs_model2: Its held-out accuracy less Model 2's; a refit's less that of Model 2's
            refit.
        p_vs_model2: McNemar's exact p on the same rows, of the same two. The champion's is
            Holm-corrected over its two references, Model 2 and the linear baseline, and so is its
            refit's over theirs; any other is exploratory.
        train_seconds: Seconds of training.
        latency_us: Median CPU microseconds a request, scored alone.
        delta_vs_linear: Its held-out accuracy less the linear baseline's.
        p_vs_linear: As `p_vs_model2`, against the linear baseline.
        reason: One line on why it is not complete, or on what is wrong with its scores.
        ece: Expected calibration error on the held-out rows, 15 bins.
        recall_at_fpr_0_1: Recall on the held-out rows at a false positive rate of at most .1 %.
        recall_at_fpr_1: The same at 1 %.
        latency_p99_us: 99th percentile of the CPU microseconds a request, scored alone.
        latency_batch_us: Median CPU microseconds a request in batches of 512.
        latency_batch_p99_us: 99th percentile of them.
        size_bytes: Bytes of its weights; of a text baseline, what it is pickled to.
        pareto: Whether no other complete training is both at least as accurate on the held-out
            rows and at least as fast alone, and better in one of the two; never of an ensemble or
            of a refit, which has seen more rows than they.
        repeats: With how many seeds it was trained and scored, the first one included.
        repeats_mean: Mean held-out accuracy over the seeds; None where there is one seed only.
        repeats_std: Its sample standard deviation (n - 1).
        repeats_min: The lowest.
        repeats_max: The highest.
        val_rows: How many validation rows `val_accuracy` and `val_loss` rest on; None if unknown.
        val_partial: Whether that is only a part of them: it was stopped within an epoch.
        val_auc: Area under the ROC curve on the validation rows; None if not complete.
        val_f1: F1 of label 1 on them, likewise.
        val_recall_at_fpr_0_1: Recall on them at a false positive rate of at most .1 %, likewise.
        val_recall_at_fpr_1: The same at 1 %.
        champion_refit: Whether it is the champion's refit.
    """

    rank: int
    name: str
    kind: Kind
    status: Status
    selected: bool
    meets_brief: bool
    layers: int | None
    parameters: int | None
    epochs: float
    val_accuracy: float | None
    val_loss: float | None
    heldout_accuracy: float | None
    heldout_low: float | None
    heldout_high: float | None
    heldout_loss: float | None
    roc_auc: float | None
    f1: float | None
    false_positive_rate: float | None
    delta_vs_model2: float | None
    p_vs_model2: float | None
    train_seconds: float
    latency_us: float | None
    delta_vs_linear: float | None = None
    p_vs_linear: float | None = None
    reason: str = ""
    ece: float | None = None
    recall_at_fpr_0_1: float | None = None
    recall_at_fpr_1: float | None = None
    latency_p99_us: float | None = None
    latency_batch_us: float | None = None
    latency_batch_p99_us: float | None = None
    size_bytes: int | None = None
    pareto: bool = False
    repeats: int = 1
    repeats_mean: float | None = None
    repeats_std: float | None = None
    repeats_min: float | None = None
    repeats_max: float | None = None
    val_rows: int | None = None
    val_partial: bool = False
    val_auc: float | None = None
    val_f1: float | None = None
    val_recall_at_fpr_0_1: float | None = None
    val_recall_at_fpr_1: float | None = None
    champion_refit: bool = False

    @property
    def is_planned(self) -> bool:
        """Whether its comparisons with its references were planned before anything was scored."""
        return self.selected or self.champion_refit


@dataclass(frozen=True)
class Leaderboard:
    """All trainings of a run, ranked.

    Attributes:
        data: What they learned from: fingerprint, rows, split, class shares.
        protocol: How they learned: vocabulary, epochs, batch size, seeds.
        rows: Best first.
        selection: What the champion's validation score owes to the choice; None where unknown.
        chosen_by: Name of the objective by which the champion was chosen.
    """

    data: dict[str, Any]
    protocol: dict[str, Any]
    rows: tuple[Row, ...]
    selection: Selection | None = None
    chosen_by: str = ACCURACY.name

    @property
    def choice(self) -> Objective:
        """The objective by which the champion was chosen."""
        return OBJECTIVES[self.chosen_by]

    @property
    def champion(self) -> Row | None:
        """The selected row."""
        return next((row for row in self.rows if row.selected), None)

    @property
    def refit(self) -> Row | None:
        """The champion's refit."""
        return next((row for row in self.rows if row.champion_refit), None)

    @property
    def exported(self) -> Row | None:
        """What the run exports: the champion's refit if it tells records apart, or the champion."""
        refit = self.refit
        if refit is not None and is_sound(refit.status, refit.reason):
            return refit
        return self.champion

    def reference(self, row: Row, name: str) -> Row | None:
        """Return the row that a row's differences and p-values refer to.

        Args:
            row: The row.
            name: Which reference, Model 2 or the linear baseline.

        Returns:
            That reference; of a refit the reference's refit. None where it is not there.
        """
        return self.find(refit_name(name) if row.kind == "refit" else name)

    def find(self, name: str) -> Row | None:
        """Return the row of that name.

        Args:
            name: E.g. "model2".
        """
        return next((row for row in self.rows if row.name == name), None)
