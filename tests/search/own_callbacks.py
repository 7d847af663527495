"""Callbacks of a user's own, good ones and bad ones, as `--callback` names them."""

import json
from typing import Any

import keras
import optuna

from results.study import Point, Result
from search.training.callbacks import TrialCallback, TrialInfo


class Diary(TrialCallback):
    """Writes what it was told into the run's folder, one line each."""

    def __init__(self, info: TrialInfo) -> None:
        super().__init__()
        self.info = info
        self.write("begin", dict(info.hyperparameters))

    def write(self, what: str, told: Any) -> None:
        with (self.info.folder / f"diary-{self.info.number}.jsonl").open("a") as file:
            print(json.dumps([what, told]), file=file)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.write("epoch", logs)

    def on_report(self, point: Point) -> None:
        self.write("report", point.val_accuracy)

    def on_result(self, result: Result) -> None:
        self.write("result", [result.status, result.reason, result.val_accuracy])


class Plain(keras.callbacks.Callback):
    """A callback as Keras' users have them."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        print("it has begun")


def plain(info: TrialInfo) -> Plain:
    return Plain()


def several(info: TrialInfo) -> list[keras.callbacks.Callback]:
    return [Diary(info), Plain()]


def refusing(info: TrialInfo) -> Plain:
    raise ConnectionError(f"no server for trial {info.number}")


def no_callback(info: TrialInfo) -> str:
    return "done"


def several_kinds(info: TrialInfo) -> list[Any]:
    return [Plain(), 3]


class Failing(TrialCallback):
    """Fails when the first epoch ends, and once more when it hears of that."""

    def __init__(self, info: TrialInfo) -> None:
        super().__init__()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        raise OSError("the server is gone")

    def on_result(self, result: Result) -> None:
        raise OSError("and stays away")


class Ended:
    """Optuna's kind: keeps in the study what it was told, and ends the search at a number."""

    def __init__(self, last: int) -> None:
        self._last = last

    def __call__(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        told = study.user_attrs.get("told", [])
        study.set_user_attr("told", [*told, [trial.number, trial.state.name]])
        if trial.number == self._last:
            study.stop()


never_ends, ends_at_1 = Ended(-1), Ended(1)


def breaks(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    raise ConnectionError("no server")


NOTHING = 5
