"""Samplers of whole points: the grid's, each once; KerasTuner's, which learn from the study."""

from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError
from optuna.trial import FrozenTrial, TrialState

from results.study import RETRY_OF, TUNER_VALUES
from search.bridge.oracle import OptunaOracle
from search.optuna_private import is_fixed
from search.queue import claims
from search.sampling.samplers import make_sampler
from search.sampling.space_samplers import GridSampler
from tests.search.asking import POINTS, Scorer, conditional, done, scorer, search, space_of, states
from tests.search.journals import journalled


@pytest.mark.parametrize("seed", [0, 1])
def test_each_point_once_then_it_stops(tmp_path: Path, seed: int) -> None:
    study = optuna.create_study(sampler=GridSampler(seed))
    trials = search(OptunaOracle(study, max_trials=100), conditional, tmp_path)
    complete = [trial for trial in trials if trial.value is not None]
    assert len(complete) == POINTS
    assert len({tuple(sorted(trial.params.items())) for trial in complete}) == POINTS
    assert sorted({trial.value for trial in complete})[0] == 0.5


def test_the_seed_says_the_order(tmp_path: Path) -> None:
    orders = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        study = optuna.create_study(sampler=GridSampler(seed))
        trials = search(OptunaOracle(study, max_trials=10), conditional, tmp_path / name)
        orders.append([trial.params for trial in trials])
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_it_goes_on_in_another_process(tmp_path: Path) -> None:
    """Two studies: one searched at once, one in two parts with new objects throughout."""
    whole = journalled(tmp_path / "whole.log", GridSampler(3))
    search(OptunaOracle(whole, max_trials=18), conditional, tmp_path / "whole")
    for part, trials in (("one", 7), ("two", 18)):
        study = journalled(tmp_path / "parts.log", GridSampler(3))
        search(OptunaOracle(study, max_trials=trials), conditional, tmp_path / part)
    assert [trial.params for trial in done(whole)] == [trial.params for trial in done(study)]


def test_two_oracles_share_the_grid(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=GridSampler(0))
    oracles = [OptunaOracle(study, max_trials=100) for _ in range(2)]
    for number, oracle in enumerate(oracles):
        oracle.verbose = 0
        oracle.hyperparameters = space_of(conditional, tmp_path)
        oracle._set_project_dir(str(tmp_path), f"project{number}")
    running = []
    for turn in range(100):
        trial = oracles[turn % 2].create_trial("tuner" + str(turn))
        if trial.status == "STOPPED":
            break
        running.append(tuple(sorted(trial.hyperparameters.values.items())))
    assert len(running) == POINTS == len(set(running))


def test_what_a_trial_met_while_it_ran_joins_the_grid(tmp_path: Path) -> None:
    class Hidden:
        """Hides one entry until the search has begun."""

        begun = False

        def __call__(self, hp: keras_tuner.HyperParameters) -> float:
            score = float(hp.Int("width", 1, 3))
            return score + (hp.Choice("late", [0, 10]) if self.begun else 0)

    hidden = Hidden()
    study = optuna.create_study(sampler=GridSampler(0))
    oracle = OptunaOracle(study, max_trials=100)
    tuner = scorer(oracle, hidden, tmp_path)
    hidden.begun = True
    tuner.search(verbose=0)
    values = sorted(trial.value for trial in done(study) if trial.value is not None)
    assert values == [1, 2, 3, 11, 12, 13]
    assert states(study).count("COMPLETE") == 6


@pytest.mark.parametrize("lost", [0, 7])
def test_what_was_lost_is_repeated_even_when_the_grid_is_used_up(tmp_path: Path, lost: int) -> None:
    study = optuna.create_study(sampler=GridSampler(0))
    space = space_of(conditional, tmp_path)
    oracle = OptunaOracle(study, max_trials=100, hyperparameters=space)
    oracle.verbose = 0
    oracle._set_project_dir(str(tmp_path), "lost")
    begun = [oracle.create_trial(f"tuner{number}") for number in range(POINTS)]
    assert oracle.create_trial("one-more").status == "STOPPED"
    claims.retry_trial(study, study.trials[lost], "its worker died", same_values=True)
    again = oracle.create_trial("one-more")
    assert again.hyperparameters.values == begun[lost].hyperparameters.values
    assert oracle.create_trial("still-more").status == "STOPPED"


# ---- KerasTuner's engines ------------------------------------------------------------------------

HP = keras_tuner.HyperParameters
EPOCHS = 9


class Epochs(Scorer):
    """Trains as long as the trial says, and keeps what it was told."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.told: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> float:
        self.told.append(dict(trial.hyperparameters.values))
        return score(trial.hyperparameters.get("x"), trial.hyperparameters.get("tuner/epochs"))


def score(x: float, epochs: int) -> float:
    return x + 1 / epochs


def line() -> HP:
    space = HP()
    space.Float("x", 0, 1)
    return space


def hyperband(
    study: optuna.Study, folder: Path, trials: int, seed: int = 0
) -> tuple[optuna.Study, list[dict[str, Any]]]:
    study.sampler = make_sampler("kt-hyperband", seed, 1, EPOCHS)
    oracle = OptunaOracle(study, max_trials=trials, hyperparameters=line())
    oracle.verbose = 0
    tuner = Epochs(oracle, directory=str(folder), project_name=f"upto{trials}")
    tuner.search(verbose=0)
    return study, tuner.told


def extra(trial: FrozenTrial) -> dict[str, Any]:
    values: dict[str, Any] = trial.user_attrs[TUNER_VALUES]
    return values


def check_bracket(trials: list[FrozenTrial]) -> None:
    """Assert that the first bracket is a successive halving: the best go on, with more epochs."""
    rounds: dict[int, list[FrozenTrial]] = {0: [], 1: [], 2: []}
    for trial in trials:
        if extra(trial)["tuner/bracket"] == 2:
            rounds[extra(trial)["tuner/round"]].append(trial)
    assert {
        number: {extra(t)["tuner/epochs"] for t in some} for number, some in rounds.items()
    } == {
        0: {1},
        1: {3},
        2: {9},
    }
    sizes = [len(rounds[number]) for number in (0, 1, 2)]
    assert sizes[0] > sizes[1] > sizes[2] >= 1
    for number in (1, 2):
        before = sorted(trial.params["x"] for trial in rounds[number - 1])
        assert sorted(trial.params["x"] for trial in rounds[number]) == before[: sizes[number]]


def test_hyperbands_epochs_reach_the_trial_and_the_best_go_on(tmp_path: Path) -> None:
    study, told = hyperband(optuna.create_study(), tmp_path, 17)
    trials = done(study)
    assert states(study) == ["COMPLETE"] * 17
    for trial, values in zip(trials, told, strict=True):
        assert values == {"x": trial.params["x"], **extra(trial)}
        assert trial.value == score(trial.params["x"], values["tuner/epochs"])
    check_bracket(trials)
    for trial in trials:
        if "tuner/trial_id" in extra(trial):
            number = int(extra(trial)["tuner/trial_id"])
            assert study.trials[number].params == trial.params


def test_hyperband_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, _ = hyperband(optuna.create_study(), tmp_path / "whole", 17)
    for trials in (4, 11, 12, 17):
        study = journalled(tmp_path / "journal.log")
        hyperband(study, tmp_path / "parts", trials)
    assert [(t.params, extra(t)) for t in done(study)] == [
        (t.params, extra(t)) for t in done(whole)
    ]


@pytest.mark.parametrize("again", [False, True])
def test_a_lost_trial_keeps_its_place_in_its_bracket(tmp_path: Path, again: bool) -> None:
    """Repeated once or twice, in the same process or in a new one."""
    study = journalled(tmp_path / "journal.log", make_sampler("kt-hyperband", 0, 1, EPOCHS))
    oracle = OptunaOracle(study, max_trials=17, hyperparameters=line())
    oracle.verbose = 0
    oracle._set_project_dir(str(tmp_path), "lost")
    lost = oracle.create_trial("gone")
    claims.retry_trial(study, study.trials[0], "lost", same_values=True)
    if again:
        study = journalled(tmp_path / "journal.log")
        (waiting,) = [t for t in study.trials if is_fixed(t)]
        claimed = claims.claim_trial(study, only_fixed=True)
        assert claimed is not None
        assert claimed.number == waiting.number
        claims.retry_trial(study, study.trials[waiting.number], "lost", same_values=True)
    hyperband(study, tmp_path / "rest", 17)
    trials = done(study)
    assert states(study) == ["COMPLETE"] * 17
    (repeated,) = [trial for trial in trials if RETRY_OF in trial.user_attrs]
    assert repeated.params["x"] == lost.hyperparameters.get("x")
    assert extra(repeated)["tuner/epochs"] == lost.hyperparameters.get("tuner/epochs") == 1
    check_bracket(trials)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_bayesian_engine_learns_which_way_is_up(direction: str, tmp_path: Path) -> None:
    """Shown six trials of a slope by somebody else, it looks at the better end."""
    study = optuna.create_study(
        direction=direction, sampler=make_sampler("kt-bayesian", 0, 1, EPOCHS)
    )
    target = optuna.distributions.FloatDistribution(0, 1)
    for x in (0.5, 0.3, 0.7, 0.4, 0.6, 0.45):
        study.add_trial(
            optuna.trial.create_trial(params={"x": x}, distributions={"x": target}, value=x)
        )
    objective = keras_tuner.Objective("default_objective", direction[:3])
    oracle = OptunaOracle(study, objective, max_trials=7)
    scorer(oracle, lambda hp: float(hp.Float("x", 0, 1)), tmp_path).search(verbose=0)
    assert len(study.trials) == 7
    proposed = study.trials[6].params["x"]
    assert proposed > 0.7 if direction == "maximize" else proposed < 0.3


def test_what_was_pruned_counts_with_its_value_and_what_failed_not_at_all(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=make_sampler("kt-random", 0, 1, EPOCHS))

    class Mixed(Scorer):
        def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> float:
            number = int(trial.trial_id)
            if number == 1:
                raise FailedTrialError("no")
            if number == 2:
                self.oracle.optuna_trial(trial.trial_id).report(0.25, 1)
                raise optuna.TrialPruned
            return 0.5

    oracle = OptunaOracle(study, max_trials=4, hyperparameters=line())
    oracle.verbose = 0
    Mixed(oracle, directory=str(tmp_path)).search(verbose=0)
    engine = study.sampler._oracle  # type: ignore[attr-defined]
    shown = {name: (trial.status, trial.score) for name, trial in engine.trials.items()}
    assert shown == {
        "0000": ("COMPLETED", 0.5),
        "0001": ("FAILED", None),
        "0002": ("COMPLETED", 0.25),
        # The last one has ended since the engine was last asked.
        "0003": ("RUNNING", None),
    }
    assert list(engine.ongoing_trials) == ["0003"]


@pytest.mark.parametrize("name", ["kt-random", "kt-bayesian", "kt-hyperband"])
def test_a_used_up_space_ends_the_search(name: str, tmp_path: Path) -> None:
    study = optuna.create_study(sampler=make_sampler(name, 0, 1, EPOCHS))
    oracle = OptunaOracle(study, max_trials=200)
    scorer(oracle, lambda hp: float(hp.Boolean("on")), tmp_path).search(verbose=0)
    complete = [trial for trial in done(study) if trial.state == TrialState.COMPLETE]
    assert {trial.params["on"] for trial in complete} == {True, False}
    assert not study.get_trials(states=(TrialState.RUNNING,))
    if name == "kt-random":
        assert len(complete) == 2


def test_one_name_in_two_scopes(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=make_sampler("kt-random", 3, 1, EPOCHS))
    trials = search(OptunaOracle(study, max_trials=POINTS), conditional, tmp_path)
    kinds = {trial.params["kind"] for trial in trials}
    assert kinds == {"wide", "deep", "none"}
    for trial in trials:
        width = trial.params.get(f"width [kind={trial.params['kind']}]")
        if trial.params["kind"] == "deep":
            assert width in (10.0, 15.0, 20.0)
        else:
            assert width in ((1, 2, 3, 4) if trial.params["kind"] == "wide" else (None,))


def test_what_a_trial_meets_while_it_runs_is_drawn_and_then_proposed(tmp_path: Path) -> None:
    late = []

    def build(hp: HP) -> float:
        return float(hp.Float("x", 0, 1)) + sum(hp.Int(name, 1, 10**6) for name in late)

    study = optuna.create_study(sampler=make_sampler("kt-random", 0, 1, EPOCHS))
    oracle = OptunaOracle(study, max_trials=4)
    tuner = scorer(oracle, build, tmp_path)
    late.append("n")
    tuner.search(verbose=0)
    assert len({trial.params["n"] for trial in done(study)}) == 4
    assert [trial.value for trial in done(study)] == [
        trial.params["x"] + trial.params["n"] for trial in done(study)
    ]
