"""Each sampler and pruner that the command line knows runs a search through the bridge."""

import importlib.util
import math
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.trial import Trial
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from data.common.errors import UserError
from results.study import REASON, RETRY_OF, TUNER_VALUES
from search.bridge.oracle import OptunaOracle
from search.queue import claims
from search.sampling.reseeded import ReseededSampler
from search.sampling.samplers import (
    KERAS_TUNER,
    PRUNERS,
    SAMPLERS,
    check_pruner,
    check_sampler,
    make_pruner,
    make_sampler,
    sampler_names,
)
from tests.search.asking import Scorer, done, scorer
from tests.search.journals import journalled

pytestmark = [
    # multivariate, group, constant_liar, GPSampler: experimental, and chosen on purpose.
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    # KerasTuner's Bayesian engine fits a kernel to few points.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

HP = keras_tuner.HyperParameters
RANDOM = "optuna.samplers:RandomSampler"
NAMES = (*SAMPLERS, "grid", *KERAS_TUNER, RANDOM)


def needs(name: str, *marks: Any) -> Any:
    missing = name == "gp" and importlib.util.find_spec("torch") is None
    return pytest.param(name, marks=[pytest.mark.skipif(missing, reason="needs PyTorch"), *marks])


def these(*names: str) -> list[Any]:
    """Name samplers for a test; gp's repetitions take long, and one test of it stays in."""
    return [needs(name, *([pytest.mark.slow] if name == "gp" else [])) for name in names]


def space(hp: HP) -> float:
    """Score a conditional space of every kind of entry; the best is 0."""
    score = 0.0
    kind = hp.Choice("kind", ["conv", "rnn"])
    with hp.conditional_scope("kind", ["conv"]):
        filters = hp.Choice("filters", [8, 16, 32, 64])
        kernel = hp.Int("kernel", 3, 9, step=2)
        if kind == "conv":
            score += math.log2(filters / 8) + (kernel - 3) / 2
    with hp.conditional_scope("kind", ["rnn"]):
        units = hp.Int("units", 8, 128, step=2, sampling="log")
        both = hp.Boolean("both")
        if kind == "rnn":
            score += units / 16 + both
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    share = hp.Float("share", 0.0, 0.5, step=0.1)
    keep = hp.Float("keep", 0.1, 0.9, sampling="reverse_log")
    return score + abs(math.log10(rate) + 3) + share + (0.9 - keep)


def run(
    name: str, study: optuna.Study, folder: Path, *, trials: int, seed: int = 0
) -> optuna.Study:
    """Go on with a study, with a new sampler."""
    study.sampler = make_sampler(name, seed, 1, 3)
    # The starting point is the command line's as well, but for KerasTuner's engines.
    oracle = OptunaOracle(
        study, max_trials=trials, starting_points=() if name in KERAS_TUNER else [{}]
    )
    scorer(oracle, space, folder, f"{seed} {trials}").search(verbose=0)
    return study


def params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in done(study)]


@pytest.mark.parametrize("name", these(*NAMES))
def test_a_search_repeats_for_its_seed_and_differs_for_another(name: str, tmp_path: Path) -> None:
    one, two, other = (
        run(name, optuna.create_study(), tmp_path / folder, trials=13, seed=seed)
        for folder, seed in (("one", 0), ("two", 0), ("other", 1))
    )
    for study in (one, two, other):
        check(study, 13)
    assert params(one) == params(two)
    assert params(one) != params(other)


def check(study: optuna.Study, trials: int) -> None:
    """Assert that a search of the conditional space is whole, and its values legal and plain."""
    complete = [trial for trial in done(study) if trial.state == TrialState.COMPLETE]
    assert len(complete) == trials
    for trial in complete:
        assert ("filters [kind=conv]" in trial.params) == (trial.params["kind"] == "conv")
        assert ("units [kind=rnn]" in trial.params) == (trial.params["kind"] == "rnn")
        for key, value in trial.params.items():
            target = trial.distributions[key]
            assert target._contains(target.to_internal_repr(value))
            assert type(value) in (bool, int, float, str)


@pytest.mark.parametrize("name", these(*SAMPLERS, "grid", *KERAS_TUNER))
def test_a_search_in_parts_is_the_search_at_once(name: str, tmp_path: Path) -> None:
    whole = run(name, optuna.create_study(), tmp_path / "whole", trials=14)
    for trials in (6, 14):
        parts = journalled(tmp_path / "journal.log")
        run(name, parts, tmp_path / "parts", trials=trials)
    assert params(parts) == params(whole)


def bowl(hp: HP) -> float:
    """Score two numbers; the best is 0, a random pair's about 0.3."""
    return float((hp.Float("x", 0, 1) - 0.3) ** 2 + (hp.Float("y", 0, 1) - 0.8) ** 2)


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("tpe", 40),
        ("cmaes", 40),
        pytest.param("kt-bayesian", 14, marks=pytest.mark.slow),
        pytest.param("gp", 20, marks=these("gp")[0].marks),
    ],
)
def test_a_sampler_that_learns_ends_up_better_than_chance(
    name: str, trials: int, tmp_path: Path
) -> None:
    study = optuna.create_study(sampler=make_sampler(name, 0, 1, 3))
    scorer(OptunaOracle(study, max_trials=trials), bowl, tmp_path).search(verbose=0)
    values = [trial.value or 0.0 for trial in done(study)]
    assert len(values) == trials
    quarter = trials // 4
    assert mean(values[-quarter:]) < 0.6 * mean(values[:quarter])


@pytest.mark.slow
def test_the_bayesian_engine_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Nine random trials, then proposals of its model: the same after a restart."""
    whole = optuna.create_study(sampler=make_sampler("kt-bayesian", 0, 1, 3))
    scorer(OptunaOracle(whole, max_trials=11), bowl, tmp_path / "whole").search(verbose=0)
    for trials in (8, 11):
        parts = journalled(tmp_path / "journal.log", make_sampler("kt-bayesian", 0, 1, 3))
        oracle = OptunaOracle(parts, max_trials=trials)
        scorer(oracle, bowl, tmp_path / "parts", str(trials)).search(verbose=0)
    assert params(parts) == params(whole)


def test_tpe_lies_about_running_trials_only_with_several_workers() -> None:
    for workers in (1, 2):
        sampler = make_sampler("tpe", 0, workers, 3)
        assert isinstance(sampler, ReseededSampler)
        assert sampler._make(0)._constant_liar == (workers > 1)


@pytest.mark.parametrize("name", these("tpe", "gp", "nsga2", "random"))
def test_several_objectives(name: str, tmp_path: Path) -> None:
    def two(hp: HP) -> dict[str, float]:
        x, y = hp.Float("x", 0, 1), hp.Float("y", 0, 1)
        return {"a": x + y, "b": 1 - x, "multi_objective": 1 + y}

    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=make_sampler(name, 0, 1, 3)
    )
    objective = [keras_tuner.Objective("a", "min"), keras_tuner.Objective("b", "min")]
    scorer(OptunaOracle(study, objective, max_trials=14), two, tmp_path).search(verbose=0)
    assert [trial.values for trial in done(study)] == [
        pytest.approx([t.params["x"] + t.params["y"], 1 - t.params["x"]]) for t in done(study)
    ]
    assert 1 <= len(study.best_trials) <= 14


# ---- pruners -----------------------------------------------------------------------------------

EPOCHS, REPORTS = 3, 4


class Learning(Scorer):
    """Learns three epochs of four reports: a hopeless trial stays at chance."""

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> float:
        asked = self.oracle.optuna_trial(trial.trial_id)
        level = trial.hyperparameters.Float("level", 0.5, 1.0)
        value = 0.5
        for step in range(1, EPOCHS * REPORTS + 1):
            value += (level - value) / 2
            asked.report(value, step)
            if asked.should_prune():
                self.oracle.prune(trial.trial_id)
                break
        return float(value)


def learn(pruner: str, sampler: str, folder: Path) -> optuna.Study:
    study = optuna.create_study(
        study_name="pruned",
        direction="maximize",
        sampler=make_sampler(sampler, 0, 1, EPOCHS),
        pruner=make_pruner(pruner, EPOCHS * REPORTS),
    )
    # As a search meets them: twelve that learn, and hopeless ones between.
    for number in range(20):
        level = 0.5 if number % 3 == 2 else 0.9 + 0.005 * number
        study.enqueue_trial({"level": level})
    level = HP()
    level.Float("level", 0.5, 1.0)
    oracle = OptunaOracle(
        study,
        keras_tuner.Objective("default_objective", "max"),
        max_trials=20,
        hyperparameters=level,
    )
    oracle.verbose = 0
    Learning(oracle, directory=str(folder)).search(verbose=0)
    return study


@pytest.mark.parametrize("pruner", ["asha", "hyperband", "median"])
def test_a_pruner_ends_a_hopeless_trial_and_never_the_best(pruner: str, tmp_path: Path) -> None:
    study = learn(pruner, "random", tmp_path)
    trials = study.trials
    assert len(trials) == 20
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    best = max(trials, key=lambda trial: trial.params["level"])
    assert best.state == TrialState.COMPLETE
    hopeless = [trial for trial in trials if trial.params["level"] == 0.5]
    pruned = [trial for trial in hopeless if trial.state == TrialState.PRUNED]
    assert len(pruned) >= len(hopeless) // 2
    for trial in trials:
        if trial.state == TrialState.PRUNED:
            assert trial.value == trial.intermediate_values[trial.last_step or 0]
            assert (trial.last_step or 0) < EPOCHS * REPORTS
            assert REASON not in trial.user_attrs


@pytest.mark.parametrize(("reports", "first"), [(4, 1), (12, 2), (40, 6)])
def test_the_median_pruner_waits_for_a_sixth_of_a_training(reports: int, first: int) -> None:
    study = optuna.create_study(direction="maximize", pruner=make_pruner("median", reports))
    for _ in range(5):
        trial = study.ask()
        for step in range(1, reports + 1):
            trial.report(0.9, step)
        study.tell(trial, 0.9)
    hopeless = study.ask()
    for step in range(1, first + 1):
        hopeless.report(0.1, step)
        assert hopeless.should_prune() == (step == first)


def test_without_a_pruner_each_trial_runs_to_its_end(tmp_path: Path) -> None:
    study = learn("none", "random", tmp_path)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}


@pytest.mark.parametrize("name", [needs(name) for name in NAMES])
def test_each_sampler_bears_hyperbands_brackets(name: str, tmp_path: Path) -> None:
    """Its pruner shows the sampler a study without the other brackets' trials."""
    study = optuna.create_study(
        study_name="brackets",
        sampler=make_sampler(name, 0, 1, 3),
        pruner=make_pruner("hyperband", 9),
    )
    scorer(OptunaOracle(study, max_trials=13), space, tmp_path).search(verbose=0)
    assert [trial.state for trial in done(study)] == [TrialState.COMPLETE] * 13
    assert len({str(sorted(trial.params.items())) for trial in done(study)}) >= 10


@pytest.mark.parametrize("name", [needs(name) for name in NAMES])
def test_a_lost_trial_is_repeated_by_each_sampler(name: str, tmp_path: Path) -> None:
    study = optuna.create_study(sampler=make_sampler(name, 0, 1, 3))
    tuner = scorer(OptunaOracle(study, max_trials=6), space, tmp_path)
    lost = tuner.oracle.create_trial("gone")
    frozen = study.trials[int(lost.trial_id)]
    claims.retry_trial(study, frozen, "its worker died", same_values=True)
    del tuner.oracle.ongoing_trials["gone"]
    tuner.search(verbose=0)
    trials = done(study)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    (again,) = [trial for trial in trials if trial.user_attrs.get(RETRY_OF) == frozen.number]
    assert again.params == frozen.params
    assert again.user_attrs.get(TUNER_VALUES) == frozen.user_attrs.get(TUNER_VALUES)


# ---- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [needs(name) for name in NAMES])
def test_known_names_pass(name: str) -> None:
    check_sampler(name)
    for pruner in PRUNERS:
        check_pruner(pruner)


@pytest.mark.parametrize(
    ("check", "option", "known"),
    [
        (check_sampler, "sampler", (*SAMPLERS, "grid", *KERAS_TUNER, "MODULE:CLASS")),
        (lambda name: make_sampler(name, 0, 1, 3), "sampler", SAMPLERS),
        (check_pruner, "pruner", PRUNERS),
    ],
)
def test_an_unknown_name_is_told_the_known(
    check: Callable[[str], object], option: str, known: Iterable[str]
) -> None:
    with pytest.raises(UserError) as error:
        check("tpee")
    message = str(error.value)
    assert "\n" not in message
    assert f"--{option} 'tpee'" in message
    assert all(name in message for name in known)


@pytest.mark.parametrize(
    "name",
    [
        "no_such_module:Sampler",
        "optuna.samplers:NoSuchSampler",
        "optuna.samplers:",
        ":RandomSampler",
        ".samplers:RandomSampler",
        "optuna.samplers:GridSampler",
        "optuna:create_study",
        "math:pi",
        "tests.search.sampling.test_samplers:Refusing",
        "tests.search.sampling.test_samplers:broken",
        "tests.search.sampling.test_samplers:NAMES",
    ],
)
def test_a_sampler_that_cannot_be_had_is_a_line(name: str) -> None:
    with pytest.raises(UserError) as error:
        check_sampler(name)
    assert f"--sampler '{name}'" in str(error.value)
    assert "\n" not in str(error.value)


class Refusing(optuna.samplers.RandomSampler):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("two\nlines")


def broken(seed: int) -> optuna.samplers.BaseSampler:
    raise KeyError(seed)


def test_a_sampler_of_ones_own_is_given_the_seed() -> None:
    sampler = make_sampler("tests.search.sampling.test_samplers:Seeded", 42, 1, 3)
    assert isinstance(sampler, Seeded)
    assert sampler.seed == 42
    assert isinstance(
        make_sampler("tests.search.sampling.test_samplers:Unseeded", 42, 1, 3), Unseeded
    )


class Seeded(optuna.samplers.RandomSampler):
    """Takes a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self.seed = seed


class Unseeded(optuna.samplers.RandomSampler):
    """Takes nothing."""

    def __init__(self) -> None:
        super().__init__(seed=1)


def test_gp_without_torch_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(UserError, match=r"pip install 'model3-search\[gp\]'"):
        check_sampler("gp")


def test_a_new_sampler_or_pruner_is_one_entry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(
        SAMPLERS, "qmc", lambda seed, workers: optuna.samplers.QMCSampler(seed=seed)
    )
    monkeypatch.setitem(PRUNERS, "patient", lambda reports: optuna.pruners.NopPruner())
    check_sampler("qmc")
    check_pruner("patient")
    check(run("qmc", optuna.create_study(), tmp_path, trials=5), 5)
    assert sampler_names()[4:7] == ("random", "qmc", "grid")


# ---- seeded trial by trial -----------------------------------------------------------------------


def tpe(seed: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=3, multivariate=True, group=True)


def test_a_wider_range_is_used_up_to_its_end() -> None:
    """TPE itself goes on within the first range that it saw of `n`."""
    drawn = []
    study = optuna.create_study(sampler=ReseededSampler(tpe, 3))
    for most, trials in ((9, 6), (90, 12)):

        def better_above(trial: optuna.Trial, most: int = most) -> float:
            drawn.append(trial.suggest_int("n", 0, most))
            return -drawn[-1] + trial.suggest_float("x", 0, 1)

        study.optimize(better_above, n_trials=trials)
    assert max(drawn[6:]) > 45


def test_two_workers_never_draw_the_same() -> None:
    """Trials that begin one after the other and are filled the other way round."""
    study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    first, second = study.ask(), study.ask()
    late = [trial.suggest_float("x", 0, 1) for trial in (second, first)]
    again = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    early = [again.ask().suggest_float("x", 0, 1) for _ in range(2)]
    assert late == early[::-1]
    assert len(set(late)) == 2


def test_threads_may_share_it() -> None:
    study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    threads = [
        threading.Thread(
            target=study.optimize,
            args=(lambda trial: trial.suggest_int("x", 0, 9),),
            kwargs={"n_trials": 5},
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    alone = optuna.create_study(sampler=ReseededSampler(RandomSampler, 0))
    alone.optimize(lambda trial: trial.suggest_int("x", 0, 9), n_trials=15)
    assert params(study) == params(alone)


def test_a_trial_that_was_put_back_draws_what_the_lost_one_would_have() -> None:
    drawn = []
    for is_lost in (False, True):
        study = optuna.create_study(sampler=ReseededSampler(RandomSampler, 3))
        if is_lost:
            assert claims.claim_trial(study, 2) is not None
            (lost,) = study.get_trials(states=(TrialState.RUNNING,))
            claims.retry_trial(study, lost, "its worker died", same_values=True)
        while (trial := claims.claim_trial(study, 2)) is not None:
            drawn.append(trial.suggest_float("x", 0, 1))
            study.tell(trial, drawn[-1])
    assert drawn[:2] == drawn[2:]
