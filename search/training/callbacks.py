"""Callbacks of the user's own, Keras's and Optuna's: `--callback MODULE:NAME`."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import keras
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.errors import FailedTrialError

from data.common import UserError, import_name
from results.study import Point, Result
from search.common import USER_ERRORS, describe_error
from search.optuna_private import StudyCallback

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialInfo:
    """What a factory is told of the trial whose model has just been built.

    Attributes:
        study: The study's name.
        number: The trial's number in it.
        hyperparameters: The values that built the model, by name.
        seed: The trial's seed.
        worker: The worker's name: host and process.
        folder: The run's folder.
        objectives: Names of the objectives.
        space: All of the space's entries that are known by now, active or not.
    """

    study: str
    number: int
    hyperparameters: Mapping[str, Any]
    seed: int
    worker: str
    folder: Path
    objectives: Sequence[str]
    space: Sequence[HyperParameter]


class TrialCallback(keras.callbacks.Callback):
    """A Keras callback that is told what only the search knows; any other one will do as well."""

    def on_report(self, point: Point) -> None:
        """Take note of a report; there are several in an epoch.

        Args:
            point: What is known by then, on training and validation rows.
        """

    def on_result(self, result: Result) -> None:
        """Take note of the trial's result: complete, pruned, diverged or, with a reason, failed.

        Not called if the trial is interrupted, to be run again.

        Args:
            result: The result.
        """


# Makes a callback of Keras, or a list of them.
Factory = Callable[[TrialInfo], Any]


def load_callbacks(specs: Sequence[str]) -> dict[str, Factory | StudyCallback]:
    """Import what `--callback` names, each a "PACKAGE.MODULE:NAME".

    Gives the factories of Keras callbacks, and the callbacks of Optuna's kind, by these names.
    """
    return {spec: _load(spec) for spec in specs}


def is_of_study(callback: Callable[..., Any]) -> bool:
    """Return True if a callback is one of Optuna's: a function of the study and an ended trial."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.default is one.empty and one.kind in places for one in parameters) == 2


def _load(spec: str) -> Factory | StudyCallback:
    found = import_name(f"--callback {spec}", spec)
    if not callable(found):
        module, _, name = spec.partition(":")
        raise UserError(f"--callback {spec}: module {module} has no function or class {name}")
    loaded: Factory | StudyCallback = found
    return loaded


class TrialCallbacks:
    """The callbacks of one trial; a context manager that tells them if the training fails.

    Raises:
        FailedTrialError: If a factory fails, or makes anything but a callback.
    """

    def __init__(self, factories: Mapping[str, Factory], info: TrialInfo) -> None:
        self._info = info
        self.made = [
            callback
            for spec, factory in factories.items()
            for callback in _make(spec, factory, info)
        ]

    def __enter__(self) -> "TrialCallbacks":
        """Begin the training."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report an exception that ended the training; it is raised all the same."""
        if not isinstance(error, USER_ERRORS):
            return
        info = self._info
        failed = Result(
            name=f"trial {info.number}",
            kind="trial",
            status="failed",
            reason=describe_error(error),
            number=info.number,
            hyperparameters=dict(info.hyperparameters),
            seed=info.seed,
            worker=info.worker,
        )
        for callback in self._informed:
            try:
                callback.on_result(failed)
            except USER_ERRORS:
                # Why the trial failed first is what counts.
                log.warning("a callback failed too", exc_info=True)

    @property
    def _informed(self) -> list[TrialCallback]:
        return [callback for callback in self.made if isinstance(callback, TrialCallback)]

    def on_report(self, point: Point) -> None:
        """Tell the callbacks of a report."""
        for callback in self._informed:
            callback.on_report(point)

    def on_result(self, result: Result) -> None:
        """Tell the callbacks of the trial's result."""
        for callback in self._informed:
            callback.on_result(result)


def _make(spec: str, factory: Factory, info: TrialInfo) -> Sequence[keras.callbacks.Callback]:
    try:
        made = factory(info)
    except USER_ERRORS as error:
        raise FailedTrialError(f"--callback {spec}: {describe_error(error)}") from error
    several = made if isinstance(made, list | tuple) else [made]
    for one in several:
        if not isinstance(one, keras.callbacks.Callback):
            raise FailedTrialError(
                f"--callback {spec}: it gave an object of type {type(one).__name__}, but a "
                "keras.callbacks.Callback is needed"
            )
    return several
