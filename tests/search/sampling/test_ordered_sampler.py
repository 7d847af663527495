"""The study shows values, and its sampler their order: it proposes as if it held codes."""

from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.hyperparameters import HyperParameter
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from search.queue import TrialQueue
from search.queue.trial_queue import with_order
from search.sampling.distributions import from_code, param_key, to_coded
from search.sampling.hyperparameters import suggest
from search.sampling.samplers import SAMPLERS, make_sampler
from search.sampling.study_space import StudySpace

TRIALS = 25
BATCHES = [16, 32, 64, 128]


def space() -> keras_tuner.HyperParameters:
    """Declare one entry of each kind that has codes, and some that have none."""
    hp = keras_tuner.HyperParameters()
    hp.Choice("batch", BATCHES)
    hp.Int("units", 8, 64, step=2, sampling="log")
    hp.Float("decay", 1e-5, 1e-2, step=10, sampling="log")
    hp.Choice("cell", ["lstm", "gru"])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    return hp


def score(values: dict[str, Any]) -> float:
    best = {"batch": 32, "units": 32, "decay": 1e-4, "cell": "gru"}
    met = [name for name in best if values[name] == best[name]]
    return len(met) - float(values["rate"])


def own_tpe() -> BaseSampler:
    return optuna.samplers.TPESampler(seed=1, n_startup_trials=5)


def named(name: str) -> Callable[[], BaseSampler]:
    return lambda: make_sampler(name, 0, 1, 3)


def searched(make: Callable[[], BaseSampler], **options: Any) -> optuna.Study:
    study = optuna.create_study(direction="maximize", study_name="s", sampler=make(), **options)
    known = StudySpace(study)
    known.admit(space().space)
    # Not through a queue: it replaces a point that was tried before.
    ordered = with_order(study, known)
    for _ in range(TRIALS):
        trial = ordered.ask()
        value = score({entry.name: suggest(trial, entry) for entry in space().space})
        trial.report(value, 1)
        ordered.tell(trial, value)
    return study


def coded(make: Callable[[], BaseSampler], **options: Any) -> list[dict[str, Any]]:
    """Search the same way in a study that holds the codes themselves; give the values."""
    study = optuna.create_study(direction="maximize", study_name="s", sampler=make(), **options)
    found = []
    for _ in range(TRIALS):
        trial = study.ask()
        values = {entry.name: from_code(entry, code_of(trial, entry)) for entry in space().space}
        trial.report(score(values), 1)
        study.tell(trial, score(values))
        found.append(values)
    return found


def code_of(trial: optuna.Trial, entry: HyperParameter) -> Any:
    target = to_coded(entry)
    assert target is not None
    return trial._suggest(param_key(entry), target)


@pytest.mark.parametrize("pruner", [optuna.pruners.NopPruner(), optuna.pruners.HyperbandPruner()])
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(named(name), id=name, marks=pytest.mark.slow if name == "gp" else ())
        for name in SAMPLERS
    ]
    + [pytest.param(own_tpe, id="own")],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_proposes_what_it_would_propose_of_codes(
    make: Callable[[], BaseSampler], pruner: optuna.pruners.BasePruner
) -> None:
    try:
        study = searched(make, pruner=pruner)
    except Exception as error:
        if "PyTorch" in str(error):
            pytest.skip(str(error))
        raise
    assert [trial.params for trial in study.trials] == coded(make, pruner=pruner)


def test_optunas_tools_show_values() -> None:
    study = searched(named("random"))
    assert study.best_params["batch"] in BATCHES
    frame = study.trials_dataframe()
    assert set(frame["params_batch"]) == set(BATCHES)
    assert set(frame["params_units"]) == {8, 16, 32, 64}
    assert set(frame["params_decay"]) == {1e-5, 1e-4, 1e-3, 1e-2}
    assert study.trials[0].distributions["batch"] == CategoricalDistribution(BATCHES)
    drawn = optuna.visualization.plot_slice(study, params=["batch"]).data[0]
    assert set(drawn.x) == set(map(str, BATCHES))


def test_a_value_that_a_user_enqueues_is_tried() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"batch": 64, "units": 16, "cell": "gru"})
    asked = TrialQueue(study, space()).ask()
    assert asked is not None
    assert asked.hyperparameters["batch"] == asked.trial.params["batch"] == 64
    assert asked.hyperparameters["units"] == 16


def test_an_enqueued_value_that_is_no_choice_becomes_one() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"units": 17})
    with pytest.warns(UserWarning, match="'units': the planned 17 is not in 8..64"):
        asked = TrialQueue(study, space()).ask()
    assert asked is not None
    assert asked.hyperparameters["units"] == 16


def grid() -> BaseSampler:
    return optuna.samplers.GridSampler({"batch": [16, 128], "cell": ["gru"]})


def partly_fixed() -> BaseSampler:
    rest = optuna.samplers.RandomSampler()
    return optuna.samplers.PartialFixedSampler({"batch": 128, "cell": "gru"}, rest)


@pytest.mark.parametrize("make", [grid, partly_fixed])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_was_told_values_is_shown_values(make: Callable[[], BaseSampler]) -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("batch", BATCHES)
    hp.Choice("cell", ["lstm", "gru"])
    asked = TrialQueue(optuna.create_study(sampler=make()), hp).ask()
    assert asked is not None
    assert asked.hyperparameters["batch"] in (16, 128)
    assert asked.hyperparameters["cell"] == "gru"


def test_a_sampler_is_shown_the_order_of_what_another_process_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = optuna.create_study()
    first = TrialQueue(study, space())
    asked = first.ask()
    assert asked is not None
    first.tell(asked, [1.0])
    seen = []

    class Looking(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: Any) -> None:
            seen.extend(study.get_trials(states=(TrialState.COMPLETE,)))

    study.sampler = Looking()
    assert TrialQueue(study).ask() is not None
    assert seen[0].distributions["batch"] == IntDistribution(0, 3)
    assert BATCHES[seen[0].params["batch"]] == asked.hyperparameters["batch"]
