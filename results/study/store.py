"""The study as the single record of a run.

Its keys are known here, and in `trials`, `retrainings`, `ensemble` and `starts`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.trial import TrialState

from data.common import UserError
from data.dataset import Dataset
from results.scoring import SCORES, Scores, load_scores
from results.study.artifacts import Artifacts
from results.study.journal import DamagedJournal
from results.study.objectives import ACCURACY, OBJECTIVES, Objective
from results.study.result import CHECKPOINT, DATA_FOLDER, JOURNAL, Result
from results.study.storage import open_storage, remember, remembered
from results.study.trials import (
    OBJECTIVE_NAMES,
    RESULT,
    agreed_objectives,
    best_first,
    counted_trials,
    first_objective,
    show_objectives,
    trial_result,
)

HEARTBEAT_SECONDS = 15

_BASELINE = "baseline:"
_CHAMPION = "champion"
_CHOSEN_BY = "chosen by"
_DATA = "data"
_PROTOCOL = "protocol"
_ARTIFACTS = "artefacts"

# The fingerprints hold the texts, the labels and the groups: rows from another place, or that were
# written or cleaned in another way, are still the same data. What stands here may differ.
_NOT_COMPARED = (
    *("source", "label_words", "row_layout", "label_key", "dropped_keys", "group_column"),
    *("skipped", "heldout_repeated"),
)


class Store:
    """One run: its study and the folder with its artifacts."""

    def __init__(self, folder: Path, study: optuna.Study, url: str | None = None) -> None:
        """Wrap a study, which lives at a URL or in the folder's journal; `create` and `open` do."""
        self.folder = folder
        self.study = study
        self.url = url
        self.artifacts = Artifacts(folder, study.user_attrs.get(_ARTIFACTS))
        self._outranked: set[str] = set()

    @classmethod
    def create(
        cls,
        folder: Path,
        objectives: Sequence[Objective],
        *,
        name: str,
        url: str | None = None,
        heartbeat: int = HEARTBEAT_SECONDS,
        artifacts: str | None = None,
        data: Mapping[str, Any],
        protocol: Mapping[str, Any],
    ) -> "Store":
        """Open a run's study, and make it if it is new.

        Args:
            folder: The run's folder.
            objectives: What is optimized; the first one decides which trial is the best.
            name: The study's name.
            url: Where the study lives; None for the folder's journal, or for the database that the
                run was begun in.
            heartbeat: Seconds between two signs of life of a trial in a database.
            artifacts: Where machines that share no folder keep the trials' files: an fsspec URL.
            data: The data's facts.
            protocol: What a score means here: whatever must be equal when a study is resumed.

        Raises:
            UserError: If the study holds trials of other data, another protocol or another space,
                or was made for other objectives.
        """
        url = url or remembered(folder)
        with _readable(folder):
            storage = open_storage(folder, url, heartbeat)
            study = optuna.create_study(
                study_name=name,
                storage=storage,
                directions=[objective.direction for objective in objectives],
                load_if_exists=True,
            )
        if url is not None:
            remember(folder, url)
        if artifacts is not None:
            study.set_user_attr(_ARTIFACTS, f"{artifacts.rstrip('/')}/{name}")
        store = cls(folder, study, url)
        known = study.user_attrs
        for key, now in ((_DATA, dict(data)), (_PROTOCOL, dict(protocol))):
            now = json.loads(json.dumps(now))
            if store.is_begun and key in known:
                _refuse_difference(name, known[key], now)
            elif known.get(key) != now:
                study.set_user_attr(key, now)
        _agree(study, objectives)
        return store

    @classmethod
    def open(
        cls,
        folder: Path,
        url: str | None = None,
        heartbeat: int = HEARTBEAT_SECONDS,
        patience: float = 0.0,
    ) -> "Store":
        """Open a finished or running run for reading.

        Args:
            folder: The run's folder.
            url: Where the study lives; None for the folder's journal, or for the database that the
                run was made with.
            heartbeat: Seconds between two signs of life of a trial in a database.
            patience: Seconds that a database which is away is waited for.

        Raises:
            UserError: If there is no study.
        """
        url = url or remembered(folder)
        if url is None and not (folder / JOURNAL).is_file():
            raise UserError(f"{folder}: no run is here (it has no {JOURNAL})")
        try:
            with _readable(folder):
                storage = open_storage(folder, url, heartbeat, patience=patience)
                study = optuna.load_study(study_name=folder.name, storage=storage)
        except KeyError:
            raise UserError(
                f"{folder}: there is no study '{folder.name}' for it; if the folder was renamed or "
                "copied, give it its study's name"
            ) from None
        return cls(folder, study, url)

    @property
    def is_begun(self) -> bool:
        """Whether the study holds a result, or a trial that somebody has taken."""
        waiting = TrialState.WAITING
        taken = any(trial.state != waiting for trial in self.study.get_trials(deepcopy=False))
        return taken or bool(self.baselines())

    @property
    def data(self) -> dict[str, Any]:
        """The data's facts."""
        return dict(self.study.user_attrs[_DATA])

    @property
    def protocol(self) -> dict[str, Any]:
        """What a score means in this run."""
        return dict(self.study.user_attrs[_PROTOCOL])

    @cached_property
    def dataset(self) -> Dataset:
        """The prepared data of the run."""
        return Dataset.load(self.folder / DATA_FOLDER)

    def record(self, trial: optuna.Trial, result: Result) -> None:
        """Keep a running trial's result beside its values, before the study is told of its end."""
        trial.set_user_attr(RESULT, result.to_json())

    def record_baseline(self, result: Result) -> None:
        """Keep a baseline's result in the study."""
        self.study.set_user_attr(_BASELINE + result.name, result.to_json())

    def baselines(self) -> list[Result]:
        """Return the recorded baselines in the order in which they were recorded."""
        return [
            Result.from_json(value)
            for key, value in self.study.user_attrs.items()
            if key.startswith(_BASELINE)
        ]

    def trials(self) -> list[Result]:
        """Return the finished trials by number, without retried ones and duplicates."""
        return [
            trial_result(trial) for trial in counted_trials(self.study) if trial.state.is_finished()
        ]

    def results(self) -> list[Result]:
        """Return the baselines, then the trials."""
        return [*self.baselines(), *self.trials()]

    @property
    def champion(self) -> str | None:
        """Name of the trial that was chosen before the held-out part was scored, if any was."""
        name = self.study.user_attrs.get(_CHAMPION)
        return None if name is None else str(name)

    @property
    def chosen_by(self) -> Objective:
        """By what the champion was chosen; earlier versions took the accuracy, and did not say."""
        return OBJECTIVES[self.study.user_attrs.get(_CHOSEN_BY, ACCURACY.name)]

    def choose_champion(self, champion: Result | None = None) -> Result | None:
        """Choose the champion, and fix the choice in the study.

        It is the given trial, if one was chosen by more validation data; else the best by the first
        objective and its tie-breakers, and, if all are equal, the earliest; None if no trial is
        complete. No held-out label has a part in it.
        """
        champion = champion or next(iter(best_first(self.study)), None)
        self.study.set_user_attr(_CHOSEN_BY, first_objective(self.study).name)
        self.study.set_user_attr(_CHAMPION, champion.name if champion else None)
        return champion

    def heldout_labels(self) -> npt.NDArray[np.uint8]:
        """Return the labels of the held-out rows, uint8 [n]."""
        return self.dataset.labels[self.dataset.split.heldout]

    def heldout_probabilities(self) -> dict[str, Scores]:
        """Return the held-out probabilities by name, float32 [n], of every result that has them."""
        return {
            result.name: scores["heldout"]
            for result in self.results()
            if (scores := self.scores(result)) is not None
        }

    def scores(self, result: Result) -> dict[str, Scores] | None:
        """Read a result's probabilities: "validation" and "heldout", float32; None without any."""
        path = self.find(result, SCORES)
        return None if path is None else load_scores(path)

    def find(self, result: Result, name: str) -> Path | None:
        """Find a file of a result, e.g. "model.keras", on whichever machine it was made."""
        return self.artifacts.find(f"{result.artifacts}/{name}") if result.artifacts else None

    def publish(self, number: int) -> None:
        """Let the other machines have the files of the trial of that number."""
        folder = self.trial_folder(number)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            self.artifacts.publish(path.relative_to(self.folder).as_posix())

    def trial_folder(self, number: int) -> Path:
        """Return where the artifacts of the trial of that number go."""
        return self.folder / "trials" / str(number)

    def keep_best_checkpoints(self, count: int) -> None:
        """Delete the checkpoints of all complete trials but the best by the first objective.

        `count` is how many are kept, not fewer than in the calls before.
        """
        for result in best_first(self.study)[count:]:
            # What is complete has its files, and once outranked stays so: asked for once is enough.
            if result.artifacts and result.name not in self._outranked:
                self.artifacts.delete(f"{result.artifacts}/{CHECKPOINT}")
                self._outranked.add(result.name)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except DamagedJournal as error:
        raise UserError(f"{folder / JOURNAL}: it is damaged; use another --study") from error


def _agree(study: optuna.Study, objectives: Sequence[Objective]) -> None:
    """Refuse other objectives than the study was made for; name those of a new one."""
    names = [objective.name for objective in objectives]
    made = [direction.name.lower() for direction in study.directions]
    if made == [objective.direction for objective in objectives]:
        known = agreed_objectives(study, names)
    else:
        known = study.user_attrs.get(OBJECTIVE_NAMES, made)
    if known != names:
        raise UserError(
            f"study '{study.study_name}' was made for the objective {', '.join(known)}, not "
            f"{', '.join(names)}; use the same, or another --study"
        )
    show_objectives(study, names)


def _refuse_difference(name: str, known: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in sorted({*known, *now} - {*_NOT_COMPARED}):
        if known.get(key) != now.get(key):
            raise UserError(
                f"study '{name}' was made with {key} = {known.get(key)!r}, not {now.get(key)!r}; "
                "use the same, or another --study"
            )
