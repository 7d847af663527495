"""The bridge: any KerasTuner tuner gets its trials from a study, and the study tells of each."""

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalError
from optuna.trial import TrialState

from results.study import REASON, WORKER, counted_trials
from search.bridge.oracle import OptunaOracle
from search.bridge.tuner import OptunaTuner
from search.queue import claims
from search.queue.stale_trials import worker_name
from tests.search.asking import (
    POINTS,
    WORKERS,
    Scorer,
    conditional,
    done,
    place,
    running,
    scorer,
    search,
    space_of,
    states,
    together,
)
from tests.search.journals import journalled

HP = keras_tuner.HyperParameters

# KerasTuner takes the best of a history that is nan throughout.
pytestmark = pytest.mark.filterwarnings("ignore:All-NaN axis encountered:RuntimeWarning")


def square(hp: HP) -> float:
    """Score a range that no budget here exhausts."""
    return float(hp.Float("x", -1, 1)) ** 2


# ---- the objective -----------------------------------------------------------------------------


def test_a_single_float_is_minimised_without_an_objective(
    study: optuna.Study, tmp_path: Path
) -> None:
    trials = search(OptunaOracle(study, max_trials=4), square, tmp_path)
    assert [trial.value for trial in trials] == [trial.params["x"] ** 2 for trial in trials]


@pytest.mark.parametrize(("name", "direction"), [("val_accuracy", "max"), ("val_loss", "min")])
def test_a_direction_is_taken_from_the_metric(tmp_path: Path, name: str, direction: str) -> None:
    study = optuna.create_study(direction=f"{direction}imize")
    oracle = OptunaOracle(study, name, max_trials=5)
    tuner = scorer(oracle, lambda hp: {name: square(hp), "other": 1.0}, tmp_path)
    tuner.search(verbose=0)
    best = max if direction == "max" else min
    assert study.best_value == best(trial.value for trial in done(study))
    assert oracle.get_best_trials()[0].score == study.best_value


@pytest.mark.parametrize(
    ("objective", "directions"),
    [
        ("val_accuracy", ["minimize"]),
        ("val_loss", ["maximize"]),
        (None, ["maximize"]),
        (["val_accuracy", "val_loss"], ["minimize", "maximize"]),
        (["val_accuracy", "val_loss"], ["maximize", "minimize", "minimize"]),
        (["val_accuracy", "val_loss"], ["maximize"]),
        ("val_loss", ["minimize", "minimize"]),
    ],
)
def test_a_study_of_other_directions_is_refused(objective: Any, directions: list[str]) -> None:
    study = optuna.create_study(directions=directions)
    with pytest.raises(ValueError, match="directions") as error:
        OptunaOracle(study, objective, max_trials=3)
    assert "\n" not in str(error.value)
    assert not study.trials


def two(hp: HP) -> dict[str, float]:
    """Score two objectives at odds, as KerasTuner wants several returned: with their sum."""
    x = hp.Float("x", 0, 1)
    return {"size": x, "accuracy": x**2, "multi_objective": x - x**2}


SIZE_AND_ACCURACY = [keras_tuner.Objective("size", "min"), keras_tuner.Objective("accuracy", "max")]


def test_several_objectives_make_a_front(tmp_path: Path) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    oracle = OptunaOracle(study, SIZE_AND_ACCURACY, max_trials=6)
    trials = search(oracle, two, tmp_path)
    assert [trial.values for trial in trials] == [
        [trial.params["x"], trial.params["x"] ** 2] for trial in trials
    ]
    assert len(study.best_trials) == 6
    assert oracle.get_best_trials()[0].score == min(x - y for x, y in (t.values for t in trials))


def test_several_objectives_on_one_direction_are_summed(tmp_path: Path) -> None:
    study = optuna.create_study()
    trials = search(OptunaOracle(study, SIZE_AND_ACCURACY, max_trials=3), two, tmp_path)
    assert [trial.value for trial in trials] == pytest.approx(
        [trial.params["x"] - trial.params["x"] ** 2 for trial in trials]
    )


def test_the_values_of_a_front_are_those_of_one_epoch(tmp_path: Path) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    oracle = OptunaOracle(study, SIZE_AND_ACCURACY, max_trials=1)
    place(oracle, tmp_path)
    trial = oracle.create_trial("tuner0")
    for step, size, accuracy in ((0, 0.1, 0.2), (1, 0.5, 0.95), (2, 0.9, 0.99)):
        oracle.update_trial(trial.trial_id, {"size": size, "accuracy": accuracy}, step=step)
    trial.status = "COMPLETED"
    oracle.end_trial(trial)
    assert done(study)[0].values == [0.5, 0.95]


OTHERS = [
    ("val_loss", "loss"),
    (SIZE_AND_ACCURACY[0], "loss"),
    (["val_loss", "loss"], ["val_loss", "mean_squared_error"]),
    (SIZE_AND_ACCURACY, "loss"),
    (SIZE_AND_ACCURACY, [SIZE_AND_ACCURACY[0], keras_tuner.Objective("auc", "max")]),
]


@pytest.mark.parametrize(("first", "second"), OTHERS)
def test_a_study_of_other_objectives_is_refused(
    study: optuna.Study, first: Any, second: Any
) -> None:
    for objective in (second, first):  # Without a value it is a correction.
        OptunaOracle(study, objective, max_trials=1)
    study.tell(study.ask(), 1.0)
    OptunaOracle(study, first, max_trials=1)
    with pytest.raises(ValueError, match="another project_name") as error:
        OptunaOracle(study, second, max_trials=3)
    assert "\n" not in str(error.value)
    assert len(study.trials) == 1


def test_a_front_of_other_objectives_is_refused() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    OptunaOracle(study, SIZE_AND_ACCURACY, max_trials=1)
    study.tell(study.ask(), [1.0, 1.0])
    with pytest.raises(ValueError, match="by size, accuracy, not by val_loss, accuracy"):
        OptunaOracle(study, ["val_loss", SIZE_AND_ACCURACY[1]], max_trials=1)


def test_the_names_that_a_user_gave_his_study_are_his(study: optuna.Study) -> None:
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(["how far off"])
    OptunaOracle(study, "val_loss", max_trials=1)
    assert study.metric_names == ["how far off"]


def test_a_missing_objective_is_an_error_and_frees_the_lock(
    study: optuna.Study, tmp_path: Path
) -> None:
    oracle = OptunaOracle(study, "val_loss", max_trials=1)
    place(oracle, tmp_path)
    trial = oracle.create_trial("tuner0")
    with pytest.raises(ValueError, match="Objective value missing"):
        oracle.update_trial(trial.trial_id, {"loss": 1.0})
    assert in_a_thread(lambda: oracle.update_trial(trial.trial_id, {"val_loss": 1.0})) is not None


# ---- the space ---------------------------------------------------------------------------------


def test_only_active_hyperparameters_reach_the_study(study: optuna.Study, tmp_path: Path) -> None:
    trials = search(OptunaOracle(study, max_trials=12), conditional, tmp_path)
    seen = {trial.params["kind"]: set(trial.params) for trial in trials}
    assert seen["none"] == {"kind"}
    assert seen["wide"] == {"kind", "width [kind=wide]"}
    assert {"kind", "depth [kind=deep]", "width [kind=deep]"} <= seen["deep"]
    for trial in trials:
        if trial.params["kind"] == "deep":
            nested = "skip [kind=deep, depth=2|3]" in trial.params
            assert nested == (trial.params["depth [kind=deep]"] > 1)


def test_the_value_used_is_the_value_recorded(study: optuna.Study, tmp_path: Path) -> None:
    """Entries met first while a trial runs are asked for, recorded, and join the space."""
    used: list[dict[str, Any]] = []

    def build(hp: HP) -> float:
        late = hp.Int("late", 1, 1000) if begun else 0
        extra = hp.Choice("extra", [4, 8, 16], parent_name="kind", parent_values=["deep"])
        score = conditional(hp) + late
        used.append({name: value for name, value in hp.values.items()})
        return score + (extra or 0)

    def first(hp: HP) -> float:
        hp.Choice("kind", ["wide", "deep", "none"])
        return build(hp)

    begun = False
    oracle = OptunaOracle(study, max_trials=8)
    tuner = scorer(oracle, first, tmp_path)
    assert "late" not in oracle.get_space().values
    begun = True
    used.clear()
    tuner.search(verbose=0)
    trials = done(study)
    assert [trial.params["late"] for trial in trials] == [values["late"] for values in used]
    assert len({values["late"] for values in used}) == 8
    for trial, values in zip(trials, used, strict=True):
        recorded = {key.split(" [")[0] for key in trial.params}
        assert recorded == set(values)
    assert "late" in {entry.name for entry in oracle.get_space().space}


def test_a_bare_run_trial_without_a_hypermodel(study: optuna.Study, tmp_path: Path) -> None:
    class Bare(keras_tuner.Tuner):
        def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> float:
            x = trial.hyperparameters.Float("x", -1.0, 1.0)
            return float(x * x)

    tuner = Bare(OptunaOracle(study, max_trials=5), directory=str(tmp_path))
    tuner.search(verbose=0)
    assert states(study) == ["COMPLETE"] * 5
    assert [trial.value for trial in done(study)] == [
        trial.params["x"] ** 2 for trial in done(study)
    ]


def test_fixed_values_are_used_and_never_asked_for(study: optuna.Study, tmp_path: Path) -> None:
    space = HP()
    space.Fixed("x", 0.5)
    oracle = OptunaOracle(study, max_trials=3, hyperparameters=space)
    trials = search(oracle, lambda hp: square(hp) + 0 * hp.Int("n", 1, 9), tmp_path)
    assert [trial.value for trial in trials] == [0.25] * 3
    assert all(set(trial.params) == {"n"} for trial in trials)


def test_new_entries_that_are_not_to_be_tuned_keep_their_default(
    study: optuna.Study, tmp_path: Path
) -> None:
    space = HP()
    space.Float("x", -1, 1)
    oracle = OptunaOracle(study, max_trials=3, hyperparameters=space, tune_new_entries=False)
    trials = search(oracle, lambda hp: square(hp) + hp.Int("n", 1, 9, default=5), tmp_path)
    assert all(set(trial.params) == {"x"} for trial in trials)
    assert [trial.value for trial in trials] == [trial.params["x"] ** 2 + 5 for trial in trials]


def test_new_entries_that_are_not_allowed_end_the_search(
    study: optuna.Study, tmp_path: Path
) -> None:
    space = HP()
    space.Float("x", -1, 1)
    oracle = OptunaOracle(study, max_trials=3, hyperparameters=space, allow_new_entries=False)
    late: list[str] = []
    tuner = scorer(oracle, lambda hp: square(hp) + sum(hp.Int(n, 1, 9) for n in late), tmp_path)
    late.append("n")
    with pytest.raises(RuntimeError, match="allow_new_entries"):
        tuner.search(verbose=0)
    assert study.trials[0].state == TrialState.FAIL
    assert "allow_new_entries" in study.trials[0].user_attrs[REASON]
    assert in_a_thread(lambda: oracle.create_trial("another").status) == "RUNNING"


@pytest.mark.parametrize("option", ["tune_new_entries", "allow_new_entries"])
def test_without_new_entries_a_space_must_be_given(study: optuna.Study, option: str) -> None:
    with pytest.raises(ValueError, match=option):
        OptunaOracle(study, max_trials=1, **{option: False})


def test_the_first_trial_takes_the_defaults(study: optuna.Study, tmp_path: Path) -> None:
    def build(hp: HP) -> float:
        kind = hp.Choice("kind", ["a", "b"], default="b")
        hp.Int("n", 1, 99, default=42)
        hp.Choice("size", [1, 2, 4], default=4)
        with hp.conditional_scope("kind", ["b"]):
            hp.Float("rate", 0.1, 1, sampling="reverse_log", default=0.7)
        return float(kind == "a")

    trials = search(OptunaOracle(study, max_trials=3, starting_points=[{}]), build, tmp_path)
    oracle = OptunaOracle(study, max_trials=3)
    scorer(oracle, build, tmp_path / "again")
    values = oracle.get_best_trials(3)
    first = next(trial for trial in values if trial.trial_id == "0000").hyperparameters
    assert first.values == {"kind": "b", "n": 42, "size": 4, "rate": pytest.approx(0.7)}
    assert trials[1].params["n"] != 42


def test_a_point_that_a_user_enqueued_is_tried(study: optuna.Study, tmp_path: Path) -> None:
    study.enqueue_trial({"x": 0.5})
    study.enqueue_trial({"x": 0.5})
    trials = search(OptunaOracle(study, max_trials=4, starting_points=[{}]), square, tmp_path)
    assert [trial.params["x"] for trial in trials[:3]] == [0.5, 0.5, -1.0]
    assert len(trials) == 4


def test_the_space_is_the_programs_and_never_that_of_the_files(
    study: optuna.Study, tmp_path: Path
) -> None:
    """Whether the study goes on or another takes up its folder; old trials keep their values."""
    low, high = (1, 5), (10, 20)
    ends = low

    def build(hp: HP) -> float:
        size = hp.Choice("size", [32, 64])
        return (
            hp.Int("width", *ends) + hp.Float("rate", 0, 1, step=0.5 if ends == low else 0.4) / size
        )

    old = search(OptunaOracle(study, max_trials=4), build, tmp_path)
    ends = high
    new = search(OptunaOracle(study, max_trials=8), build, tmp_path)[4:]
    other = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    assert len(new) == 4
    for trial in (*new, *search(OptunaOracle(other, max_trials=3), build, tmp_path)):
        assert 10 <= trial.params["width"] <= 20
    for folder in (tmp_path, tmp_path / "empty"):
        oracle = OptunaOracle(study, max_trials=8)
        scorer(oracle, build, folder)
        best = {trial.trial_id: trial for trial in oracle.get_best_trials(8)}
        for trial in (*old, *new):
            values = best[f"{trial.number:04d}"].hyperparameters.values
            assert values == pytest.approx(trial.params)


def test_a_space_that_is_given_is_taken_whatever_the_files_say(
    study: optuna.Study, tmp_path: Path
) -> None:
    search(OptunaOracle(study, max_trials=2), square, tmp_path)
    given = HP()
    given.Float("x", 5, 6)
    oracle = OptunaOracle(study, max_trials=4, hyperparameters=given)
    assert all(5 <= trial.params["x"] <= 6 for trial in search(oracle, square, tmp_path)[2:])


@pytest.mark.parametrize("known", ["given", "looked through", "met in a trial"])
def test_choices_that_a_study_cannot_hold_are_refused_and_nothing_is_lost(
    study: optuna.Study, tmp_path: Path, known: str
) -> None:
    def build(hp: HP) -> float:
        return hp.Float("x", 0, 1) + len(hp.Choice("act", choices))

    choices = ["tanh", "relu"]
    search(OptunaOracle(study, max_trials=2), build, tmp_path)
    choices = ["elu", "gelu"]
    given = HP()
    given.Choice("act", choices)
    with pytest.raises(ValueError, match=r"act as Choice \['tanh', 'relu'\]") as error:
        oracle = OptunaOracle(
            study, max_trials=4, hyperparameters=given if known == "given" else None
        )
        folder = tmp_path / "new" if known == "looked through" else tmp_path
        scorer(oracle, build, folder).search(verbose=0)
    assert "['elu', 'gelu']" in str(error.value)
    choices = ["tanh", "relu"]
    trials = search(OptunaOracle(study, max_trials=4), build, tmp_path)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4


def test_what_another_process_met_is_read_from_the_study(
    study: optuna.Study, tmp_path: Path
) -> None:
    """A tuner that takes up its files builds nothing before its first trial."""
    search(OptunaOracle(study, max_trials=2), square, tmp_path / "one")
    search(OptunaOracle(study, max_trials=4), conditional, tmp_path / "two")
    oracle = OptunaOracle(study, max_trials=4)
    scorer(oracle, square, tmp_path / "one")
    for trial in oracle.get_best_trials(4):
        values = trial.hyperparameters.values
        again = square if "x" in values else conditional
        assert again(trial.hyperparameters) == trial.score


# ---- the end -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "value"), [("max_trials", 0), ("max_trials", -3), ("timeout", -1.0)]
)
@pytest.mark.parametrize("make", [OptunaOracle, OptunaTuner])
def test_a_limit_that_cannot_be_meant_is_refused(
    make: Any, limit: str, value: float, study: optuna.Study, tmp_path: Path
) -> None:
    kept = tmp_path / "project" / "kept"
    kept.parent.mkdir()
    kept.touch()
    own: dict[str, Any] = {"study": study}
    if make is OptunaTuner:
        own = {"directory": tmp_path, "project_name": "project", "overwrite": True}
    with pytest.raises(ValueError, match=f"{limit} is {value}, but must be"):
        make(objective="val_loss", **{limit: value}, **own)
    assert list(kept.parent.iterdir()) == [kept]


def test_without_a_budget_the_time_ends_it(study: optuna.Study, tmp_path: Path) -> None:
    def slow(hp: HP) -> float:
        time.sleep(0.05)
        return square(hp)

    began = time.monotonic()
    trials = search(OptunaOracle(study, timeout=0.8), slow, tmp_path)
    assert 2 <= len(trials) <= 16
    assert time.monotonic() - began < 10
    assert not running(study)


def test_a_time_that_has_passed_lets_no_trial_begin(study: optuna.Study, tmp_path: Path) -> None:
    oracle = OptunaOracle(study, max_trials=5, timeout=0.0)
    assert search(oracle, square, tmp_path) == []
    assert oracle.remaining_trials() == 5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_exhausted_space_ends_the_search_with_each_point_tried_once(
    tmp_path: Path, seed: int
) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trials = search(OptunaOracle(study, max_trials=100), conditional, tmp_path)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == POINTS
    assert len({tuple(sorted(trial.params.items())) for trial in complete}) == POINTS


def test_a_point_that_failed_is_not_proposed_again(study: optuna.Study, tmp_path: Path) -> None:
    calls: list[int] = []

    def build(hp: HP) -> float:
        n = hp.Int("n", 1, 6)
        if begun:
            calls.append(n)
        if n % 2 == 0:
            raise FailedTrialError("even")
        return float(n)

    begun = False
    oracle = OptunaOracle(study, max_trials=100, max_consecutive_failed_trials=100)
    tuner = scorer(oracle, build, tmp_path)
    begun = True
    tuner.search(verbose=0)
    assert sorted(calls) == [1, 2, 3, 4, 5, 6]


class Stubborn(optuna.samplers.RandomSampler):
    """Proposes one point for ever."""

    def sample_independent(self, *args: Any) -> Any:
        target = args[-1]
        return target.choices[0] if hasattr(target, "choices") else target.low


@pytest.mark.parametrize(("build", "count"), [(conditional, 12), (square, 6)])
def test_a_stubborn_sampler_gets_other_points(
    build: Callable[[HP], float], count: int, tmp_path: Path
) -> None:
    study = optuna.create_study(sampler=Stubborn())
    trials = search(OptunaOracle(study, max_trials=count), build, tmp_path)
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == count
    # None is begun only to be ended again.
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * count


def test_what_replaces_a_point_depends_on_the_seed(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        oracle = OptunaOracle(optuna.create_study(sampler=Stubborn()), max_trials=3, seed=seed)
        trials = search(oracle, square, tmp_path / name)
        drawn.append([trial.params["x"] for trial in trials[1:]])
    assert drawn[0] == drawn[1]
    assert not set(drawn[1]) & set(drawn[2])


def test_a_space_without_hyperparameters_is_tried_once(study: optuna.Study, tmp_path: Path) -> None:
    search(OptunaOracle(study, max_trials=5), lambda hp: 1.0, tmp_path)
    assert states(study).count("COMPLETE") == 1
    assert not running(study)


def test_the_remaining_trials_are_those_of_the_study(study: optuna.Study, tmp_path: Path) -> None:
    tuner = scorer(OptunaOracle(study, max_trials=7), square, tmp_path)
    assert tuner.remaining_trials == 7
    search(OptunaOracle(study, max_trials=3), square, tmp_path / "elsewhere")
    assert tuner.remaining_trials == 4
    assert OptunaOracle(study, max_trials=2).remaining_trials() == 0
    assert OptunaOracle(study, timeout=1.0).remaining_trials() is None


def test_the_budget_of_the_last_command_holds(study: optuna.Study, tmp_path: Path) -> None:
    for budget, in_all in ((5, 5), (3, 5), (12, 12)):
        # A program that wants more has been started, and has ended before its first trial.
        OptunaOracle(study, max_trials=1000)
        oracle = OptunaOracle(study, max_trials=budget)
        search(oracle, square, tmp_path / str(budget))
        assert states(study) == ["COMPLETE"] * in_all
        assert oracle.remaining_trials() == 0
    assert OptunaOracle(study, max_trials=1000).remaining_trials() == 1000 - 12


def test_a_proposal_is_not_written_before_it_is_known_to_be_new(tmp_path: Path) -> None:
    """Whatever is written in a trial stays, and is read by samplers and in the dashboard."""
    study = journalled(tmp_path / "journal.log", Stubborn())
    trials = search(OptunaOracle(study, max_trials=100), conditional, tmp_path)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * POINTS
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == POINTS


# ---- failures ----------------------------------------------------------------------------------


def in_a_thread(call: Callable[[], Any]) -> Any:
    """Call in another thread, which waits for ever where a lock was left held."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(20)
    assert results, "it hangs, or raised"
    return results[0]


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ValueError("two\nlines"), "ValueError: two lines"),
        (FailedTrialError("too large"), "FailedTrialError: too large"),
        (KeyError("lines\n\n• kwargs=<class 'inspect._empty'>"), "KeyError: "),
    ],
)
def test_a_trial_that_raises_is_failed_with_its_reason(
    study: optuna.Study, tmp_path: Path, raised: Exception, reason: str
) -> None:
    def build(hp: HP) -> float:
        if hp.Boolean("bad", default=False):
            raise raised
        return square(hp)

    oracle = OptunaOracle(study, max_trials=6, max_consecutive_failed_trials=9)
    trials = search(oracle, build, tmp_path)
    assert len(trials) == 6
    for trial in trials:
        bad = trial.params["bad"]
        assert trial.state == (TrialState.FAIL if bad else TrialState.COMPLETE)
        assert trial.user_attrs.get(REASON, "").startswith(reason) == bad
        assert "\n" not in trial.user_attrs.get(REASON, "")
    assert {trial.params["bad"] for trial in trials} == {True, False}


def test_a_score_that_is_not_a_number_fails_its_trial(study: optuna.Study, tmp_path: Path) -> None:
    oracle = OptunaOracle(study, max_trials=4, max_consecutive_failed_trials=9)
    (first, *others) = search(
        oracle, lambda hp: float("nan") if hp.Float("x", 0, 1) < 0.6 else 1.0, tmp_path
    )
    by_value = {trial.params["x"] < 0.6: trial for trial in (first, *others)}
    assert by_value[True].state == TrialState.FAIL
    assert by_value[True].user_attrs[REASON] == "its score is not a number"
    assert by_value[False].value == 1.0


def test_an_infinite_score_is_a_score(study: optuna.Study, tmp_path: Path) -> None:
    (trial,) = search(
        OptunaOracle(study, max_trials=1), lambda hp: float("inf") + hp.Int("n", 1, 2), tmp_path
    )
    assert trial.value == float("inf")


def test_a_trial_is_retried_with_its_values_then_failed(
    study: optuna.Study, tmp_path: Path
) -> None:
    tried: list[float] = []

    def build(hp: HP) -> float:
        x = hp.Float("x", 0, 1)
        if not begun:
            return 0.0
        tried.append(x)
        if len(tried) <= 2 or 4 <= len(tried) <= 6:
            raise ValueError(f"try {len(tried)}")
        return x

    begun = False
    oracle = OptunaOracle(study, max_trials=3, max_retries_per_trial=2)
    tuner = scorer(oracle, build, tmp_path)
    begun = True
    tuner.search(verbose=0)
    assert tried[0] == tried[1] == tried[2]
    assert tried[3] == tried[4] == tried[5]
    assert len({tried[0], tried[3], tried[6]}) == 3
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs[REASON] == "ValueError: try 6"


def test_a_failed_trial_error_is_not_retried(study: optuna.Study, tmp_path: Path) -> None:
    calls: list[int] = []

    def build(hp: HP) -> float:
        calls.append(hp.Int("n", 1, 99))
        if begun:
            raise FailedTrialError("never")
        return 0.0

    begun = False
    oracle = OptunaOracle(study, max_trials=2, max_retries_per_trial=5)
    tuner = scorer(oracle, build, tmp_path)
    begun = True
    calls.clear()
    tuner.search(verbose=0)
    assert len(calls) == 2


def failing_after(start: int) -> Callable[[HP], float]:
    calls: list[int] = []

    def build(hp: HP) -> float:
        calls.append(hp.Int("n", 1, 10**6))
        if len(calls) > start:
            raise ValueError(f"broken {len(calls)}")
        return 1.0

    return build


def test_too_many_failures_in_a_row_end_the_search_and_free_the_lock(
    study: optuna.Study, tmp_path: Path
) -> None:
    oracle = OptunaOracle(study, max_trials=20, max_consecutive_failed_trials=3)
    # One build finds the space, then two trials complete.
    tuner = scorer(oracle, failing_after(3), tmp_path)
    with pytest.raises(RuntimeError, match="consecutive failures") as error:
        tuner.search(verbose=0)
    assert "broken 6" in str(error.value)
    assert states(study)[:5] == ["COMPLETE", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    assert [trial.user_attrs[REASON] for trial in study.trials[2:5]] == [
        f"ValueError: broken {number}" for number in (4, 5, 6)
    ]
    assert not running(study)
    assert in_a_thread(lambda: oracle.create_trial("tuner0").trial_id) == "0005"


def test_failures_that_are_not_in_a_row_do_not(study: optuna.Study, tmp_path: Path) -> None:
    calls: list[int] = []

    def build(hp: HP) -> float:
        calls.append(hp.Int("n", 1, 10**6))
        if len(calls) % 3:
            raise FailedTrialError("no")
        return 1.0

    with pytest.raises(FailedTrialError):
        build(HP())
    calls.append(0)
    oracle = OptunaOracle(study, max_trials=9, max_consecutive_failed_trials=3)
    search(oracle, build, tmp_path)
    assert states(study).count("FAIL") == 6


def test_a_fatal_error_ends_the_search_and_the_trial_can_be_taken_up(
    study: optuna.Study, tmp_path: Path
) -> None:
    fatal = [False]

    def build(hp: HP) -> float:
        if fatal[0]:
            raise FatalError("stop all")
        return square(hp)

    tuner = scorer(OptunaOracle(study, max_trials=3), build, tmp_path)
    fatal[0] = True
    with pytest.raises(FatalError, match="stop all"):
        tuner.search(verbose=0)
    assert [trial.number for trial in running(study)] == [0]
    fatal[0] = False
    tuner.search(verbose=0)
    assert states(study) == ["COMPLETE"] * 3


def test_a_sampler_that_breaks_loses_no_slot(study: optuna.Study, tmp_path: Path) -> None:
    class Broken(optuna.samplers.RandomSampler):
        def sample_independent(self, *args: Any) -> Any:
            raise ConnectionError("no answer")

    tuner = scorer(OptunaOracle(study, max_trials=2), square, tmp_path)
    study.sampler = Broken()
    with pytest.raises(ConnectionError, match="no answer"):
        tuner.search(verbose=0)
    assert not running(study)
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    tuner.search(verbose=0)
    assert states(study) == ["COMPLETE", "COMPLETE"]


# ---- pruning -----------------------------------------------------------------------------------


class FarBehind(optuna.TrialPruned):
    """A user's own."""


class Pruning(Scorer):
    """Reports in three steps, and ends a pruned trial in one of the ways a user may choose."""

    how = ""

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> float:
        asked = self.oracle.optuna_trial(trial.trial_id)
        x = float(trial.hyperparameters.Float("x", 0, 1))
        for step in (1, 2, 3):
            asked.report(x * step, step)
            if asked.should_prune():
                return self.end(trial.trial_id)
        return x

    def end(self, trial_id: str) -> float:
        if self.how == "raise TrialPruned":
            raise optuna.TrialPruned
        if self.how == "raise two lines":
            raise optuna.TrialPruned("it is\nfar behind")
        if self.how == "raise a subclass":
            raise FarBehind("it is\nfar behind")
        self.oracle.prune(trial_id)
        if self.how == "raise":
            raise FailedTrialError("pruned")
        return 0.0


@pytest.mark.parametrize(
    "how", ["raise TrialPruned", "raise two lines", "raise a subclass", "raise", "return"]
)
def test_a_pruned_trial_keeps_its_values_and_is_never_failed_or_best(
    tmp_path: Path, how: str
) -> None:
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.ThresholdPruner(upper=1.2),
    )
    oracle = OptunaOracle(
        study, max_trials=15, max_consecutive_failed_trials=2, max_retries_per_trial=3
    )
    oracle.verbose = 0
    tuner = Pruning(oracle, directory=str(tmp_path))
    tuner.how = how
    tuner.search(verbose=0)
    trials = done(study)
    assert len(trials) == 15
    for trial in trials:
        x = trial.params["x"]
        reported = [x * step for step in (1, 2, 3)]
        if x <= 0.4:
            assert (trial.state, trial.value) == (TrialState.COMPLETE, x)
        else:
            until = reported[: 1 + next(i for i in range(3) if reported[i] > 1.2)]
            assert list(trial.intermediate_values.values()) == until
            assert (trial.state, trial.value) == (TrialState.PRUNED, until[-1])
    complete = sorted(trial.value for trial in trials if trial.state == TrialState.COMPLETE)
    assert 2 <= len(complete) <= 13
    assert [trial.score for trial in oracle.get_best_trials(99)] == complete
    assert states(study).count("COMPLETE") == len(complete)
    statuses = [trial.status for trial in oracle.trials.values()]
    assert set(statuses) == {"COMPLETED", "STOPPED"}
    assert statuses.count("COMPLETED") == len(complete)


def test_what_tells_of_pruning_and_is_none_is_a_failure(
    study: optuna.Study, tmp_path: Path
) -> None:
    def build(hp: HP) -> float:
        hp.Float("x", 0, 1)
        if begun:
            raise ValueError("optuna.exceptions.TrialPruned")
        return 0.0

    begun = False
    oracle = OptunaOracle(study, max_trials=1)
    tuner = scorer(oracle, build, tmp_path)
    begun = True
    tuner.search(verbose=0)
    assert states(study) == ["FAIL"]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "sampler",
    [lambda: optuna.samplers.GridSampler({"n": [1, 2]}), optuna.samplers.BruteForceSampler],
    ids=["grid", "brute force"],
)
def test_a_sampler_that_calls_stop_ends_the_search(
    tmp_path: Path, sampler: Callable[[], optuna.samplers.BaseSampler]
) -> None:
    """`Study.stop` refuses: what tells its refusal from an error is Optuna's own function."""
    study = optuna.create_study(sampler=sampler())
    oracle = OptunaOracle(study)
    trials = search(oracle, lambda hp: float(hp.Int("n", 1, 2)), tmp_path)
    assert sorted(trial.value for trial in trials) == [1.0, 2.0]
    assert oracle.is_exhausted


def test_any_other_error_of_a_sampler_is_raised(tmp_path: Path) -> None:
    class Broken(optuna.samplers.RandomSampler):
        def after_trial(self, *args: Any) -> None:
            raise RuntimeError("`Study.stop` is not meant")

    study = optuna.create_study(sampler=Broken())
    with pytest.raises(RuntimeError, match="is not meant"):
        search(OptunaOracle(study, max_trials=2), square, tmp_path)


# ---- several oracles ---------------------------------------------------------------------------


def test_the_budget_is_exact_with_several_oracles(tmp_path: Path) -> None:
    """Four threads, each with a study of its own on one journal, fill and search at once."""
    budget, threads = 24, 4
    at_once = threading.Barrier(threads)

    def serve(number: int) -> None:
        study = journalled(tmp_path / "journal.log", optuna.samplers.RandomSampler(seed=number))
        at_once.wait(30)
        oracle = OptunaOracle(study, max_trials=budget)
        scorer(oracle, square, tmp_path / str(number)).search(verbose=0)

    journalled(tmp_path / "journal.log")
    together(serve, threads)
    study = journalled(tmp_path / "journal.log")
    assert states(study) == ["COMPLETE"] * budget
    assert len({trial.params["x"] for trial in done(study)}) == budget
    assert not study.get_trials(states=(TrialState.RUNNING, TrialState.WAITING))


def test_several_oracles_share_a_small_space(tmp_path: Path) -> None:
    """Each of twenty points is trained once, whichever thread meets it."""
    trained: list[str] = []

    def build(hp: HP) -> float:
        score = conditional(hp)
        if threading.current_thread().name.startswith(WORKERS):
            trained.append(str(sorted(hp.values.items())))
        return score

    def serve(number: int) -> None:
        tuners[number].oracle.study.sampler = optuna.samplers.RandomSampler(seed=number)
        tuners[number].search(verbose=0)

    tuners = [
        scorer(
            OptunaOracle(journalled(tmp_path / "journal.log"), max_trials=60),
            build,
            tmp_path / str(number),
        )
        for number in range(3)
    ]
    together(serve, 3)
    assert len(trained) == len(set(trained)) == POINTS


def test_what_waits_to_be_repeated_is_not_proposed(tmp_path: Path) -> None:
    """A lost trial's point is trained again by the trial that replaces it, and by no other."""
    study = optuna.create_study(sampler=Stubborn())
    oracle = OptunaOracle(study, max_trials=6, hyperparameters=space_of(conditional, tmp_path))
    place(oracle, tmp_path)
    lost = oracle.create_trial("gone")
    claims.retry_trial(study, study.trials[0], "lost", same_values=True)
    values = [oracle.create_trial(f"tuner-{n}").hyperparameters.values for n in range(6)]
    assert values.count(lost.hyperparameters.values) == 1
    assert values[0] == lost.hyperparameters.values
    assert len({str(sorted(value.items())) for value in values}) == 6


# ---- who ran what ------------------------------------------------------------------------------


def test_a_trial_is_signed_with_its_process(study: optuna.Study, tmp_path: Path) -> None:
    search(OptunaOracle(study, max_trials=1), square, tmp_path)
    assert study.trials[0].user_attrs[WORKER] == worker_name(os.getpid())
    oracle = OptunaOracle(study, max_trials=2, hyperparameters=space_of(square, tmp_path))
    place(oracle, tmp_path / "signed")
    oracle.create_trial("gpu-0")  # As KERASTUNER_TUNER_ID may call it.
    assert study.trials[1].user_attrs[WORKER] == worker_name(os.getpid())


def test_trials_of_other_processes_have_their_best_step(tmp_path: Path) -> None:
    study = optuna.create_study()
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    for step, value in enumerate([0.5, math.nan, 0.2, 0.2, 0.4], 1):
        trial.report(value, step)
    study.tell(trial, 0.2)
    space = keras_tuner.HyperParameters()
    space.Float("x", 0, 1)
    (best,) = OptunaOracle(study, "val_loss", hyperparameters=space).get_best_trials()
    assert (best.score, best.best_step) == (0.2, 2)


def test_the_best_trials_are_those_of_the_study(study: optuna.Study, tmp_path: Path) -> None:
    search(OptunaOracle(study, max_trials=6), conditional, tmp_path / "one")
    oracle = OptunaOracle(study, max_trials=10)
    tuner = scorer(oracle, conditional, tmp_path / "two")
    tuner.search(verbose=0)
    best = oracle.get_best_trials(99)
    assert [trial.score for trial in best] == sorted(trial.value for trial in done(study))
    assert len(best) == 10
    for trial in best:
        assert conditional(trial.hyperparameters) == trial.score
    assert tuner.get_best_hyperparameters()[0].values == best[0].hyperparameters.values
    tuner.results_summary()


def test_seed_0_repeats(tmp_path: Path) -> None:
    values = []
    for name in ("one", "two"):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        trials = search(OptunaOracle(study, max_trials=12), square, tmp_path / name)
        values.append([trial.params for trial in trials])
    assert values[0] == values[1]


def test_counted_is_all_there_is(study: optuna.Study, tmp_path: Path) -> None:
    search(OptunaOracle(study, max_trials=3), square, tmp_path)
    assert len(counted_trials(study)) == len(study.trials) == 3
