"""Optuna still has what is used of it beyond its public API."""

from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage, _heartbeat
from optuna.trial import TrialState

from results.study import close_storage
from search.optuna_private import FIXED, Draft, create_running, fix_values, open_trial

NAMES = {
    "study": [
        "_storage",
        "_study_id",
        "_thread_local.cached_all_trials",
        "_thread_local.in_optimize_loop",
        "_stop_flag",
        "_get_trials",
    ],
    "trial": ["_trial_id", "_fixed_params", "storage", "_cached_frozen_trial"],
    "frozen trial": ["_trial_id"],
    "storage": [
        "get_all_trials",
        "get_study_user_attrs",
        "get_trial",
        "create_new_trial",
        "get_trial_id_from_study_id_trial_number",
        "get_trial_number_from_id",
        "set_trial_param",
        "set_trial_state_values",
        "set_trial_system_attr",
        "set_trial_user_attr",
        "_get_stale_trial_ids",
    ],
    "heartbeat": ["BaseHeartbeat", "get_heartbeat_thread", "is_heartbeat_enabled"],
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RDBStorage]:
    made = RDBStorage(f"sqlite:///{tmp_path_factory.mktemp('storage')}/studies.db")
    yield made
    close_storage(made)  # Python 3.13 warns of a connection that is left open.


@pytest.fixture
def study(storage: RDBStorage) -> optuna.Study:
    return optuna.create_study(storage=storage)


@pytest.mark.parametrize(("of", "name"), [(of, name) for of in NAMES for name in NAMES[of]])
def test_optuna_has_it(study: optuna.Study, of: str, name: str) -> None:
    trial = study.ask()
    found: Any = {
        "study": study,
        "trial": trial,
        "frozen trial": study.trials[0],
        "storage": RDBStorage,
        "heartbeat": _heartbeat,
    }[of]
    for part in name.split("."):
        assert hasattr(found, part)
        found = getattr(found, part)


def test_an_enqueued_trial_keeps_its_values_where_we_look(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 0.25})
    assert study.trials[0].system_attrs[FIXED] == {"x": 0.25}
    running = create_running(study, {"slot": 3})
    assert (running.state, running.user_attrs) == (TrialState.RUNNING, {"slot": 3})
    fix_values(study, running, {"x": 0.75})
    assert open_trial(study, running).suggest_float("x", 0, 1) == 0.75


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_draft_is_written_when_it_is_wanted(study: optuna.Study, in_memory: bool) -> None:
    study = optuna.create_study() if in_memory else study
    trial = study.ask()
    draft = Draft(trial)
    value = trial.suggest_float("x", 0, 1)
    assert trial.params == {"x": value}
    assert study.trials[0].params == {}
    draft.write()
    trial.suggest_int("y", 3, 3)
    assert study.trials[0].params == {"x": value, "y": 3}
