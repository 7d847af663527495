"""What one training left: the record that the study, the leaderboard and the export share."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["baseline", "trial", "ensemble", "refit"]
Status = Literal["complete", "pruned", "diverged", "failed"]
LatencyRuntime = Literal["", "onnx", "keras", "python"]

# Names in a run's folder, and in that of a result.
JOURNAL = "journal.log"
DATA_FOLDER = "data"
CHECKPOINT = "model.keras"
# The winner's export in a run's folder; also what `--trial` calls the winner.
BEST = "best"

# Where Optuna's own commands look for a storage's URL, too.
STORAGE_VARIABLE = "OPTUNA_STORAGE"
# The file in a run's folder that says which database holds its study.
STORAGE_NOTE = "storage.url"

# Reasons of a pruned trial that say nothing about it.
BEHIND = "behind its rivals"
BUDGET_ENDED = "the budget ended"
INTERRUPTED = "interrupted"

# Attributes that are stored under another name: the one that studies of earlier versions have.
_STORED = {"artifacts": "artefacts"}
_NAMES = {key: name for name, key in _STORED.items()}


def is_run(folder: Path) -> bool:
    """Return True if a run was begun in a folder: it has a journal, or a note of its database."""
    # Not by `Path.is_file`, which raises for a folder that may not be entered.
    return any(os.path.isfile(folder / name) for name in (JOURNAL, STORAGE_NOTE))  # noqa: PTH113


def is_sound(status: Status, reason: str) -> bool:
    """Return whether a training is complete, and nothing is wrong with its scores."""
    return status == "complete" and not reason


def refit_name(name: str) -> str:
    """Name the refit of a training, e.g. "trial 3, refit"."""
    return f"{name}, refit"


@dataclass(frozen=True)
class Point:
    """One report of a learning curve.

    Attributes:
        epoch: How many epochs had been trained, e.g. 0.25 after the first quarter.
        loss: Mean training loss since the epoch began.
        accuracy: Mean training accuracy since the epoch began.
        val_loss: Loss on the validation rows; within an epoch on every fifth of them.
        val_accuracy: Accuracy on the same rows.
        value: What the search optimizes, on the same rows, if that is neither of the two.
    """

    epoch: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    value: float | None = None


@dataclass(frozen=True)
class Result:
    """One finished training, of a baseline or of a trial.

    Nothing in here was computed from held-out labels: those are looked at only after the champion
    is fixed, from the probabilities in `artifacts`.

    Attributes:
        name: "model2", "trial 17", or "trial 17, refit".
        kind: Whether it is a fixed baseline, a trial of the search, the mean of several trials, or
            one of the first two trained again on all training rows.
        status: How it ended; `diverged` means a loss or a prediction that is not finite.
        reason: One line on why it is not complete; if it is, on what is wrong with its scores,
            or empty.
        number: The trial's number in the study, its refit's too; None for all others.
        hyperparameters: The values that built it; empty for a baseline.
        seed: Seed of its weights, shuffling and dropout.
        epochs: How many epochs were trained.
        curve: Its reports in order.
        val_accuracy: Accuracy on the validation rows, of the weights that the training ended with;
            of a pruned one at its last report. None if none was reached, and of a refit.
        val_loss: Loss on them, likewise; None if unknown or not finite.
        val_auc: Area under the ROC curve on all of them, of a training that came to its end; None
            for any other, and if a class is missing.
        val_f1: F1 of label 1, likewise.
        val_recall_at_fpr_0_1: Recall at a false positive rate of at most .1 %, likewise.
        val_recall_at_fpr_1: The same at 1 %.
        val_rows: How many validation rows both rest on: all, or a part if it was stopped within an
            epoch. None if there was no report, and in results of earlier versions.
        layers: How many layers the model has, its input not counted; None for an ensemble.
        parameters: How many parameters the model has.
        violations: The rules of Model 3 that it breaks; empty if it meets the assignment.
        train_seconds: Wall-clock seconds of training, validation included.
        cpu_seconds: Seconds of processor time that a network's training took, over all threads:
            what it costs whatever else the machine does; None if unknown.
        latency_us: Median CPU microseconds a request in batches of one; of a network, from the
            padded ids to the probability.
        latency_batch_us: Median CPU microseconds a request in batches of 512.
        latency_p99_us: 99th percentile of the CPU microseconds a request in batches of one.
        latency_batch_p99_us: The same in batches of 512.
        latency_runtime: What the four were measured in: ONNX Runtime on one thread; Keras on all of
            its threads, for a network that cannot be translated to ONNX; Python, for a baseline of
            texts. Empty if they are unknown or an earlier version measured them, which did so in
            Keras.
        size_bytes: Bytes of its network's weights, which is what a file of them takes; of a text
            baseline, what it is pickled to.
        worker: Which process trained it.
        artifacts: Folder with `scores.npz` (float32 arrays `validation` and `heldout`:
            probabilities of label 1) and, if its checkpoint was kept, `model.keras`.
    """

    name: str
    kind: Kind
    status: Status
    reason: str = ""
    number: int | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    epochs: float = 0.0
    curve: tuple[Point, ...] = ()
    val_accuracy: float | None = None
    val_loss: float | None = None
    val_auc: float | None = None
    val_f1: float | None = None
    val_recall_at_fpr_0_1: float | None = None
    val_recall_at_fpr_1: float | None = None
    val_rows: int | None = None
    layers: int | None = None
    parameters: int | None = None
    violations: tuple[str, ...] = ()
    train_seconds: float = 0.0
    cpu_seconds: float | None = None
    latency_us: float | None = None
    latency_batch_us: float | None = None
    latency_p99_us: float | None = None
    latency_batch_p99_us: float | None = None
    latency_runtime: LatencyRuntime = ""
    size_bytes: int | None = None
    worker: str = ""
    artifacts: str = ""

    @property
    def meets_brief(self) -> bool:
        """Whether a model was built and breaks none of Model 3's rules; of an ensemble, all."""
        return not self.violations and (self.layers is not None or self.kind == "ensemble")

    @property
    def is_dropped(self) -> bool:
        """Whether it was stopped for what says nothing about it: the run's or the budget's end."""
        return self.status == "pruned" and self.reason in (BUDGET_ENDED, INTERRUPTED)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values; a number that is not finite becomes null.

        NaN is not JSON: databases and browsers refuse it.
        """
        values = {_STORED.get(name, name): value for name, value in asdict(self).items()}
        plain: dict[str, Any] = json.loads(json.dumps(values), parse_constant=lambda _: None)
        return plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Result":
        """Read what `to_json` gave; a null in the curve is read as nan."""
        curve = tuple(
            Point(**{name: _number(name, number) for name, number in item.items()})
            for item in value["curve"]
        )
        named = {_NAMES.get(key, key): entry for key, entry in value.items()}
        return cls(**{**named, "curve": curve, "violations": tuple(value["violations"])})


def _number(name: str, value: float | None) -> Any:
    return math.nan if value is None and name != "value" else value
