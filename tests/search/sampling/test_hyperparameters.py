"""Values asked of a study as entries are met, and read back from it."""

from functools import partial
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed, Float, Int
from keras_tuner.src.engine.conditions import Parent
from optuna.trial import TrialState

from search.bridge.oracle import OptunaOracle
from search.sampling.hyperparameters import (
    ScopedHyperParameters,
    SuggestedHyperParameters,
    plain_values,
    suggest,
)
from search.sampling.samplers import make_sampler
from search.sampling.space_samplers import GridSampler
from tests.search.asking import scorer, search


def asked(study: optuna.Study, tunes: bool = True) -> SuggestedHyperParameters:
    return SuggestedHyperParameters(study.ask(), lambda entry: tunes)


@pytest.mark.parametrize(
    "entry",
    [
        Int("x", 1, 99),
        Int("x", 1, 99, step=3, sampling="log"),
        Int("x", 1, 99, sampling="reverse_log"),
        Float("x", 0, 1),
        Float("x", 0, 1, step=0.25),
        Float("x", 0.1, 1, sampling="reverse_log"),
        Choice("x", [8, 16, 32]),
        Choice("x", ["a", "b"]),
        Boolean("x"),
    ],
)
def test_what_is_suggested_is_recorded_and_read_back(study: optuna.Study, entry: Any) -> None:
    trial = study.ask()
    value = suggest(trial, entry)
    assert list(trial.params) == ["x"]
    assert type(value) in (bool, int, float, str)
    assert suggest(trial, entry) == value
    frozen = study.get_trials()[0]
    assert plain_values([entry], frozen) == {"x": value}


def test_a_fixed_value_is_not_recorded(study: optuna.Study) -> None:
    trial = study.ask()
    assert suggest(trial, Fixed("x", 7)) == 7
    assert trial.params == {}


def test_only_active_entries_are_asked_for(study: optuna.Study) -> None:
    study.enqueue_trial({"kind": "deep"})
    hp = asked(study)
    assert hp.Choice("kind", ["wide", "deep"]) == "deep"
    with hp.conditional_scope("kind", ["wide"]):
        assert hp.Int("width", 1, 4) is None
    with hp.conditional_scope("kind", ["deep"]):
        width = hp.Float("width", 10, 20)
        on = hp.Boolean("on")
        with hp.conditional_scope("on", [not on]):
            assert hp.Int("never", 1, 3) is None
    assert study.trials[0].params == {
        "kind": "deep",
        "width [kind=deep]": width,
        "on [kind=deep]": on,
    }
    assert hp.values == {"kind": "deep", "width": width, "on": on}


def test_a_value_is_not_overwritten_by_a_default(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 5})
    hp = asked(study)
    hp.Int("x", 1, 9)
    hp.merge([Int("x", 1, 9)], overwrite=True)
    assert hp.get("x") == 5
    assert hp.Int("x", 1, 9) == 5


def test_an_entry_that_is_not_tuned_takes_its_default(study: optuna.Study) -> None:
    hp = asked(study, tunes=False)
    assert hp.Int("x", 1, 9, default=4) == 4
    assert study.trials[0].params == {}


def test_a_copy_asks_for_nothing(study: optuna.Study) -> None:
    hp = asked(study)
    hp.Int("x", 1, 9)
    copy = hp.copy()
    assert copy.values == hp.values
    assert copy.Int("y", 1, 9, default=3) == 3
    assert set(study.trials[0].params) == {"x"}


def two_scopes() -> ScopedHyperParameters:
    hp = ScopedHyperParameters()
    hp.Choice("kind", ["wide", "deep"])
    with hp.conditional_scope("kind", ["wide"]):
        hp.Int("width", 4, 5)
        hp.Int("more", 1, 3, parent_name="width", parent_values=[4])
    with hp.conditional_scope("kind", ["deep"]):
        hp.Int("width", 9, 10)
    return hp


def test_one_name_in_two_scopes_keeps_its_value() -> None:
    hp = two_scopes()
    hp.values = {"kind": "wide", "width": 4, "more": 2, "tuner/epochs": 3}
    hp.ensure_active_values()
    assert hp.values == {"kind": "wide", "width": 4, "more": 2, "tuner/epochs": 3}
    hp.values["kind"] = "deep"
    hp.values.pop("width")
    hp.ensure_active_values()
    assert hp.values["width"] in (9, 10)
    assert "more" not in hp.values


def test_a_value_is_not_kept_for_another_entry_of_the_name() -> None:
    hp = two_scopes()
    hp.values = {"kind": "deep", "width": 4}
    hp.ensure_active_values()
    assert hp.values["width"] in (9, 10)


def test_what_a_value_just_filled_in_activates_is_filled_in_too() -> None:
    hp = two_scopes()
    hp.values = {}
    hp.ensure_active_values()
    expected = {"kind", "width"} | ({"more"} if hp.values["width"] == 4 else set())
    assert set(hp.values) == expected


def test_what_a_trial_did_not_know_is_read_as_the_default(study: optuna.Study) -> None:
    trial = study.ask()
    suggest(trial, Boolean("on"))
    trial.set_user_attr("kt_values", {"tuner/epochs": 2})
    space = [
        Boolean("on"),
        Int("late", 1, 9, default=4),
        Fixed("fixed", 1, conditions=[Parent("on", [trial.params["on"]])]),
        Fixed("other", 2, conditions=[Parent("on", [not trial.params["on"]])]),
    ]
    assert plain_values(space, study.get_trials()[0]) == {
        "tuner/epochs": 2,
        "on": trial.params["on"],
        "late": 4,
        "fixed": 1,
    }


@pytest.mark.parametrize("stock", [True, False], ids=["KerasTuner's oracle", "ours"])
@pytest.mark.parametrize("sizes", [["small", "large"], [1, 2, 3, 4]], ids=["words", "numbers"])
def test_one_name_under_two_values_of_a_parent(
    study: optuna.Study, tmp_path: Path, stock: bool, sizes: list[Any]
) -> None:
    """Each entry gets values of its own; KerasTuner's oracle loses them after the first look."""
    met = set()

    def build(hp: keras_tuner.HyperParameters) -> float:
        kind = hp.Choice("kind", ["a", "b"])
        one = hp.Choice("size", sizes, parent_name="kind", parent_values=["a"])
        other = hp.Int("size", 50, 90, parent_name="kind", parent_values=["b"])
        assert (one is None, other is None) == (kind == "b", kind == "a")
        assert one in sizes if kind == "a" else other in range(50, 91)
        met.add(kind)
        return float(other or 0)

    kind = keras_tuner.oracles.RandomSearchOracle if stock else partial(OptunaOracle, study)
    tuner = scorer(kind(max_trials=8), build, tmp_path)
    assert met == {"a", "b"}
    if not stock:
        tuner.search(verbose=0)
        assert len(tuner.oracle.get_best_trials(9)) == 8


def moving(hp: keras_tuner.HyperParameters) -> float:
    """Score a space whose ranges depend on another entry; the first ones reach to 4."""
    n = hp.Int("n", 1, 8, default=4)
    k = hp.Int("k", 1, n)
    rate = hp.Float("rate", 0.0, n / 8, step=0.125)
    assert 1 <= k <= n
    assert 0 <= rate <= n / 8
    assert hp.Fixed("double", 2 * n) == 2 * n
    return 100 * n + 10 * k + rate


SAMPLERS = {
    "random": lambda: optuna.samplers.RandomSampler(seed=0),
    "tpe": lambda: make_sampler("tpe", 0, 2, 1),
    "grid": lambda: GridSampler(0),
}


@pytest.mark.parametrize("sampler", list(SAMPLERS))
@pytest.mark.filterwarnings("ignore:hyperparameter '(k|rate)'")
def test_the_range_that_build_asks_with_holds(tmp_path: Path, sampler: str) -> None:
    study = optuna.create_study(sampler=SAMPLERS[sampler]())
    oracle = OptunaOracle(study, max_trials=15, starting_points=[{"n": 8}])
    trials = search(oracle, moving, tmp_path)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 15
    for trial in trials:
        n, k, rate = (trial.params[name] for name in ("n", "k", "rate"))
        assert trial.value == 100 * n + 10 * k + rate
        assert oracle.trials[f"{trial.number:04d}"].hyperparameters.values == {
            "n": n, "k": k, "rate": rate, "double": 2 * n
        }  # fmt: skip
        assert plain_values(oracle.get_space().space[:3], trial) == trial.params
    if sampler != "grid":  # It goes over the ranges that were met first.
        assert any(trial.params["k"] > 4 for trial in trials)
    # What was drawn in a range that did not hold is drawn again, and counts for nothing.
    assert len(study.trials) - len(trials) == sum(it.state.name == "FAIL" for it in study.trials)


def met_twice(study: optuna.Study, one: Any, other: Any, **params: Any) -> tuple[Any, Any]:
    study.enqueue_trial(params)
    hp = asked(study)
    return hp._retrieve(one), hp._retrieve(other)


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        (Choice("x", ["a", "b"]), Choice("x", ["b", "c"]), "a"),
        (Choice("x", [8, 16, 32]), Choice("x", [16, 32]), 8),
        (Int("x", 1, 9), Int("x", 1, 9, sampling="log"), 5),
        (Int("x", 1, 8, step=2, sampling="log"), Int("x", 1, 4, step=2, sampling="log"), 8),
        (Float("x", 1, 9, sampling="reverse_log"), Float("x", 1, 3, sampling="reverse_log"), 2.0),
    ],
)
def test_what_one_name_in_a_study_cannot_mean_holds_as_it_was_first_with_a_warning(
    study: optuna.Study, one: Any, other: Any, value: Any
) -> None:
    with pytest.warns(UserWarning, match="'x': .* before, .* now"):
        first, second = met_twice(study, one, other, x=value)
    assert first == second
    assert plain_values([one], study.trials[0]) == {"x": first}


def test_a_name_for_two_ranges_of_one_build_is_warned_of(study: optuna.Study) -> None:
    trial, known = study.ask({}), {"x"}
    hp = SuggestedHyperParameters(trial, lambda entry: True, known)
    first = hp._retrieve(Int("x", 5, 9))
    with pytest.warns(UserWarning, match=r"'x': 5\.\.9 before, 1\.\.4 now; both in one build"):
        assert hp._retrieve(Int("x", 1, 4)) == first


def test_names_that_are_active_at_once_share_a_value_with_a_warning(study: optuna.Study) -> None:
    on = [Parent("on", [True])]
    study.enqueue_trial({"on": True})
    hp = asked(study)
    hp.Boolean("on")
    first = hp.Int("x", 1, 4)
    with pytest.warns(UserWarning, match="'x' are active at once"):
        assert hp._retrieve(Int("x", 50, 90, conditions=on)) == first


def test_a_range_that_a_user_gave_holds_whatever_build_asks_with(
    study: optuna.Study, tmp_path: Path
) -> None:
    given = keras_tuner.HyperParameters()
    given.Int("n", 2, 3)
    given.Fixed("double", 5)

    def build(hp: keras_tuner.HyperParameters) -> float:
        assert hp.Int("n", 1, 100) in (2, 3)
        assert hp.Fixed("double", 9) == 5
        return 0.0

    oracle = OptunaOracle(study, max_trials=9, hyperparameters=given)
    assert len(search(oracle, build, tmp_path)) == 2


def test_kerastuner_itself_still_needs_the_mend() -> None:
    """Once this fails, `ScopedHyperParameters` can go."""
    hp = keras_tuner.HyperParameters.from_config(two_scopes().get_config())
    hp.values = {"kind": "wide", "width": 4}
    hp.ensure_active_values()
    assert "width" not in hp.values
