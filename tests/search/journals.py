"""Studies in journal files, opened as each process does for itself."""

from pathlib import Path

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


def journal(path: Path) -> JournalStorage:
    """Open a journal."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


def journalled(path: Path, sampler: BaseSampler | None = None) -> optuna.Study:
    """Open a study that minimises, making it where it is new."""
    return optuna.create_study(
        study_name="study",
        storage=journal(path),
        sampler=sampler or RandomSampler(seed=0),
        load_if_exists=True,
    )
