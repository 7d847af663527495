"""Writes trials for TensorBoard: curves, and the table of its HParams plugin (`--tensorboard`)."""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from tensorboard.plugins.hparams import api_pb2, summary as session, summary_v2

from results.study import Point, Result
from search.sampling import all_values, to_distribution, to_value
from search.training.callbacks import TrialCallback, TrialInfo

FOLDER = "tensorboard"
# What the table shows of a trial's end, and what it calls it.
FINAL = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "train_seconds": "training, s",
    "parameters": "parameters",
    "latency_us": "latency, µs of CPU",
}
# A range of more numbers is shown as one.
_MOST_VALUES = 20


class TensorBoard(TrialCallback):
    """Writes one trial into the run's folder, under `tensorboard/trial-N`; a step is a report.

    Args:
        info: The trial.
    """

    def __init__(self, info: TrialInfo) -> None:
        super().__init__()
        folder = info.folder / FOLDER
        _describe_once(folder, info.space)
        self._step = 0
        self._writer = tf.summary.create_file_writer(str(folder / f"trial-{info.number}"))
        with self._writer.as_default(0):
            values = {name: _plain(value) for name, value in info.hyperparameters.items()}
            _write(summary_v2.hparams_pb(values, trial_id=f"trial-{info.number}"))

    def on_report(self, point: Point) -> None:
        """Write a report's losses and accuracies."""
        self._step += 1
        with self._writer.as_default(self._step):
            tf.summary.scalar("accuracy/train", point.accuracy)
            tf.summary.scalar("accuracy/validation", point.val_accuracy)
            tf.summary.scalar("loss/train", point.loss)
            tf.summary.scalar("loss/validation", point.val_loss)
        # Whoever watches sees it now.
        self._writer.flush()

    def on_result(self, result: Result) -> None:
        """Write what the table shows of a trial, and that it has ended."""
        with self._writer.as_default(self._step):
            for name in FINAL:
                value = getattr(result, name)
                if value is not None and math.isfinite(value):
                    tf.summary.scalar(f"final/{name}", value)
            failed = result.status == "failed"
            status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
            _write(session.session_end_pb(status))
        self._writer.close()


def _describe_once(folder: Path, space: Sequence[HyperParameter]) -> None:
    """Tell the plugin of the hyperparameters' domains, unless another trial has."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (folder / ".described").touch(exist_ok=False)
        # Of the same name in two scopes the first one is shown.
        domains = {entry.name: _domain(entry) for entry in reversed(space)}
        described = [summary_v2.HParam(name, domain) for name, domain in domains.items()]
        metrics = [summary_v2.Metric(f"final/{name}", display_name=FINAL[name]) for name in FINAL]
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(0):
            _write(summary_v2.hparams_config_pb(described[::-1], metrics))
        writer.close()


def _domain(entry: HyperParameter) -> Any:
    """Return a hyperparameter's domain as the plugin has them."""
    target = to_distribution(entry)
    if target is None:
        return summary_v2.Discrete([_plain(entry.default)])
    is_range = isinstance(target, FloatDistribution) and target.step is None
    if not is_range and (
        isinstance(target, CategoricalDistribution) or len(all_values(target)) <= _MOST_VALUES
    ):
        return summary_v2.Discrete([_plain(to_value(entry, it)) for it in all_values(target)])
    assert isinstance(target, IntDistribution | FloatDistribution)
    ends = sorted(to_value(entry, it) for it in (target.low, target.high))
    kind = summary_v2.IntInterval if isinstance(ends[0], int) else summary_v2.RealInterval
    return kind(*ends)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _write(proto: Any) -> None:
    tf.summary.experimental.write_raw_pb(proto.SerializeToString())
