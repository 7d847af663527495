"""The space as a study has it: what its trials were asked under each name, which has to last."""

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.hyperparameters import Fixed, HyperParameter
from keras_tuner.errors import FatalValueError
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.trial import FrozenTrial

from search.optuna_private import study_attributes
from search.sampling.distributions import can_move, offer, param_key, to_coded, to_distribution

# Attributes of the study: one of KerasTuner's entries each, by key. A distribution does not tell
# whether its choices have an order. Earlier versions had one attribute for all of them.
_ENTRY = "space:"
_ENTRIES = "space"


class ChangedSpace(FatalValueError):
    """An entry is not what the study's trials were asked under its name.

    It is of KerasTuner's fatal kind: it ends a search, and no trial fails for it.
    """


class StudySpace:
    """Admits the entries of a program's space to a study, and records them there.

    Optuna holds one set of choices and one kind of range a name; the ends of a range may move.

    Args:
        study: The study.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._admitted: dict[str, HyperParameter] = {}

    def admit(self, entries: Iterable[HyperParameter]) -> None:
        """Record entries, or refuse them, before any trial is asked for them."""
        new = {param_key(entry): entry for entry in entries if not self._is_admitted(entry)}
        if not new:
            return
        recorded = recorded_entries(self._study)
        for name, target in self._held(new).items():
            before = _entry(recorded[name]) if name in recorded else None
            if not _can_be_held(target, before, new[name]):
                if target == to_coded(new[name]):
                    raise ChangedSpace(
                        f"study '{self._study.study_name}' is of an earlier version, which held "
                        f"codes in place of the values of {name}; begin another study "
                        "(project_name, or --study)"
                    )
                raise ChangedSpace(
                    f"study '{self._study.study_name}' has trials with {name} as "
                    f"{_describe(before or target)}, and cannot hold {_describe(new[name])} "
                    "beside it; use another study (project_name, or --study), or another name"
                )
        for name, entry in new.items():
            # Each alone: workers that meet different entries at once would lose one another's.
            if recorded.get(name) != _config(entry):
                self._study.set_user_attr(_ENTRY + name, _config(entry))
        self._admitted.update(new)

    def _is_admitted(self, entry: HyperParameter) -> bool:
        if isinstance(entry, Fixed):
            return True
        before = self._admitted.get(param_key(entry))
        if before is None:
            return False
        # A range that depends on another entry may move with each trial.
        return _config(before) == _config(entry) or can_move(before, entry)

    def _held(self, names: Collection[str]) -> dict[str, BaseDistribution]:
        """Return what the study's first trial with each name was asked."""
        missing, found = set(names), {}
        for trial in self._study.get_trials(deepcopy=False):
            for name in missing & trial.distributions.keys():
                found[name] = trial.distributions[name]
            missing -= found.keys()
            if not missing:
                break
        return {name: found[name] for name in names if name in found}

    def forgotten(
        self, space: keras_tuner.HyperParameters, trial: FrozenTrial
    ) -> list[HyperParameter]:
        """Return the entries of a trial that the program has not met, or no longer has."""
        missing = trial.params.keys() - {param_key(entry) for entry in space.space}
        recorded = recorded_entries(self._study) if missing else {}
        return [_entry(config) for name, config in recorded.items() if name in missing]

    def find(self, name: str) -> HyperParameter | None:
        """Return the entry with a key, whoever met it; None for what is no hyperparameter."""
        if name in self._admitted:
            return self._admitted[name]
        recorded = recorded_entries(self._study)
        return _entry(recorded[name]) if name in recorded else None


def recorded_entries(study: optuna.Study) -> dict[str, Any]:
    """Read the entries that any process has met, by key, as KerasTuner's configurations."""
    known = study_attributes(study)
    own = {key.removeprefix(_ENTRY): known[key] for key in known if key.startswith(_ENTRY)}
    return {**known.get(_ENTRIES, {}), **own}


def _can_be_held(
    held: BaseDistribution, before: HyperParameter | None, now: HyperParameter
) -> bool:
    target = to_distribution(now)
    assert target is not None
    try:
        check_distribution_compatibility(held, target)
    except ValueError:
        return False
    if before is None:
        # Of an older version's study it is not known what its indices stood for.
        return can_move(now, now) or held == target
    return can_move(before, now) or offer(before) == offer(now)


def _config(entry: HyperParameter) -> dict[str, Any]:
    return {"class_name": type(entry).__name__, "config": entry.get_config()}


def _entry(config: Mapping[str, Any]) -> HyperParameter:
    # KerasTuner changes what it reads.
    one = {"space": [copy.deepcopy(config)], "values": {}}
    return keras_tuner.HyperParameters.from_config(one).space[0]


def _describe(what: HyperParameter | BaseDistribution) -> str:
    if isinstance(what, BaseDistribution):
        return str(what)
    return f"{type(what).__name__} {offer(what)}"
