"""Logs trials to MLflow, as a user's own module would."""

from typing import Any

import mlflow

from results.study import Point, Result
from search.training.callbacks import TrialCallback, TrialInfo


class ToMlflow(TrialCallback):
    """One MLflow run for each trial."""

    def __init__(self, info: TrialInfo) -> None:
        super().__init__()
        mlflow.set_experiment(info.study)
        mlflow.start_run(run_name=f"trial {info.number}")
        mlflow.log_params(dict(info.hyperparameters))
        self.reports = 0

    def on_report(self, point: Point) -> None:
        self.reports += 1
        mlflow.log_metric("report/val_accuracy", point.val_accuracy, step=self.reports)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        mlflow.log_metrics(logs or {}, step=epoch)

    def on_result(self, result: Result) -> None:
        mlflow.set_tag("status", result.status)
        mlflow.end_run("FAILED" if result.status == "failed" else "FINISHED")


make = ToMlflow
