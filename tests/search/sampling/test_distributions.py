"""Every hyperparameter of KerasTuner's: its distribution, its values both ways, its key."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed, Float, HyperParameter, Int
from keras_tuner.src.engine.conditions import Parent
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)

from search.sampling.distributions import (
    from_code,
    holds,
    param_key,
    to_code,
    to_coded,
    to_distribution,
    to_internal,
    to_value,
)
from search.sampling.search_space import all_values

SAMPLINGS = ("linear", "log", "reverse_log")


@st.composite
def ints(draw: st.DrawFn) -> Int:
    sampling = draw(st.sampled_from(SAMPLINGS))
    low = draw(st.integers(-1000 if sampling == "linear" else 1, 1000))
    high = low + draw(st.integers(0, 3000))
    step = draw(st.none() | st.integers(1 if sampling == "linear" else 2, 40))
    return Int("x", low, high, step=step, sampling=sampling)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    sampling = draw(st.sampled_from(SAMPLINGS))
    if sampling == "linear":
        low = draw(st.floats(-1e6, 1e6).map(_normal))
        high = low + draw(st.floats(0, 1e6).map(_normal))
        width = high - low
        smallest = max(width / 500, abs(low) * 1e-9, 1e-9)
        step = draw(st.none() | st.floats(smallest, max(2 * width, 2 * smallest)))
    else:
        low = draw(st.floats(1e-9, 1e3))
        high = low * draw(st.floats(1, 1e6))
        step = draw(st.none() | st.floats(1.01, 20))
    return Float("x", low, high, step=step, sampling=sampling)


def _normal(number: float) -> float:
    """Without denormals and negative zero, which no search asks for."""
    return 0.0 if abs(number) < 1e-9 else number


choices = st.one_of(
    st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True),
    st.lists(st.floats(-50, 50), min_size=1, max_size=8, unique=True),
    st.lists(st.text(max_size=5), min_size=1, max_size=8, unique=True),
)


@st.composite
def choice(draw: st.DrawFn) -> Choice:
    values = draw(choices)
    ordered = False if isinstance(values[0], str) else draw(st.sampled_from([None, True, False]))
    return Choice("x", values, ordered=ordered)


entries = st.one_of(ints(), floats(), choice(), st.just(Boolean("x")))


def members(target: BaseDistribution) -> st.SearchStrategy[Any]:
    """Draw a distribution's own values, as a sampler of Optuna's would."""
    match target:
        case CategoricalDistribution():
            return st.sampled_from(target.choices)
        case IntDistribution():
            steps = (target.high - target.low) // target.step
            return st.integers(0, steps).map(lambda step: target.low + step * target.step)
        case FloatDistribution(step=None):
            return st.floats(target.low, target.high)
        case FloatDistribution():
            steps = round((target.high - target.low) / target.step)
            return st.integers(0, steps).map(
                lambda step: min(target.low + step * target.step, target.high)
            )
    raise AssertionError(target)


def is_legal(entry: HyperParameter, value: Any) -> bool:
    """Whether KerasTuner could have given the value itself."""
    if isinstance(entry, Boolean):
        return type(value) is bool
    if isinstance(entry, Choice):
        return value in entry.values and type(value) is type(entry.values[0])
    slack = 1e-9 * max(abs(entry.min_value), abs(entry.max_value))
    inside = entry.min_value - slack <= value <= entry.max_value + slack
    plain = type(value) is (int if isinstance(entry, Int) else float)
    return inside and plain and on_grid(entry, value)


def on_grid(entry: Int | Float, value: float) -> bool:
    if entry.step is None:
        return True
    low = entry.min_value
    match entry.sampling:
        case "linear":
            steps = (value - low) / entry.step
        case "log":
            steps = math.log(value / low, entry.step)
        case _:
            steps = math.log((entry.max_value + low - value) / low, entry.step)
    return abs(steps - round(steps)) < 1e-4


@settings(max_examples=400)
@given(entries, st.data())
@example(Float("x", 0, 0.3, step=0.1), None)
@example(Float("x", 0.1, 0.7, step=0.15), None)
@example(Int("x", 1, 1), None)
def test_each_internal_value_is_a_legal_value_and_maps_back(
    entry: HyperParameter, data: st.DataObject | None
) -> None:
    target = to_distribution(entry)
    assert target is not None
    internals = [data.draw(members(target))] if data else _ends(target)
    for internal in internals:
        value = to_value(entry, internal)
        assert is_legal(entry, value), value
        back = to_internal(entry, value)
        assert target._contains(target.to_internal_repr(back))
        assert _same(back, internal, entry)
        assert _same(to_value(entry, back), value, entry)


def _ends(target: BaseDistribution) -> list[Any]:
    assert isinstance(target, IntDistribution | FloatDistribution)
    return [target.low, target.high]


def _same(one: Any, other: Any, entry: HyperParameter) -> bool:
    if isinstance(one, float):
        # A mirrored value is as exact as its range's larger end.
        mirrored = getattr(entry, "sampling", "") == "reverse_log"
        wide = entry.max_value if mirrored else 0.0
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * wide + 1e-12)
    return bool(one == other) and type(one) is type(other)


@settings(max_examples=400)
@given(entries, st.data())
def test_each_code_is_a_value_of_the_study_and_maps_back(
    entry: HyperParameter, data: st.DataObject
) -> None:
    coded, target = to_coded(entry), to_distribution(entry)
    assert coded is not None
    assert target is not None
    code = data.draw(members(coded))
    internal = from_code(entry, code)
    assert target._contains(target.to_internal_repr(internal))
    assert is_legal(entry, to_value(entry, internal))
    assert _same(to_code(entry, internal), code, entry)


@settings(max_examples=400)
@given(entries, st.integers(0, 10**6))
def test_kerastuners_own_samples_lie_in_the_distribution(entry: HyperParameter, seed: int) -> None:
    target = to_distribution(entry)
    assert target is not None
    sampled = entry.random_sample(seed)
    internal = to_internal(entry, sampled)
    assert target._contains(target.to_internal_repr(internal))
    value = to_value(entry, internal)
    if isinstance(value, float):
        grid = entry.step if getattr(entry, "step", None) and entry.sampling == "linear" else 0
        assert abs(value - sampled) <= 1e-6 * max(abs(value), grid, getattr(entry, "max_value", 0))
    else:
        assert value == sampled


@given(entries)
def test_the_default_lies_in_the_distribution(entry: HyperParameter) -> None:
    target = to_distribution(entry)
    assert target is not None
    assert target._contains(target.to_internal_repr(to_internal(entry, entry.default)))


@given(entries)
def test_the_study_can_write_the_distribution_down(entry: HyperParameter) -> None:
    target = to_distribution(entry)
    assert target is not None
    assert json_to_distribution(distribution_to_json(target)) == target


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Int("x", 2, 10), IntDistribution(2, 10)),
        (Int("x", 2, 10, step=3), IntDistribution(2, 8, step=3)),
        (Int("x", 2, 10, sampling="log"), IntDistribution(2, 10, log=True)),
        (
            Int("x", 2, 64, step=2, sampling="log"),
            CategoricalDistribution((2, 4, 8, 16, 32, 64)),
        ),
        (Int("x", 2, 10, sampling="reverse_log"), IntDistribution(2, 10)),
        (Float("x", 0, 1), FloatDistribution(0, 1)),
        (Float("x", 0, 0.3, step=0.1), FloatDistribution(0, 0.3, step=0.1)),
        (Float("x", 0, 1, step=0.3), FloatDistribution(0, 0.9, step=0.3)),
        (Float("x", 1e-4, 0.1, sampling="log"), FloatDistribution(1e-4, 0.1, log=True)),
        (
            Float("x", 1e-4, 0.1, step=10, sampling="log"),
            CategoricalDistribution((1e-4, 1e-3, 1e-2, 0.1)),
        ),
        (Float("x", 0.1, 1, sampling="reverse_log"), FloatDistribution(0.1, 1)),
        (Choice("x", [8, 16, 32]), CategoricalDistribution((8, 16, 32))),
        (Choice("x", [8, 16], ordered=False), CategoricalDistribution((8, 16))),
        (Choice("x", ["a", "b"]), CategoricalDistribution(("a", "b"))),
        (Boolean("x"), CategoricalDistribution((False, True))),
        (Fixed("x", 3), None),
    ],
)
def test_distributions(entry: HyperParameter, expected: BaseDistribution | None) -> None:
    assert to_distribution(entry) == expected


@pytest.mark.parametrize(
    ("entry", "coded"),
    [
        (Int("x", 2, 64, step=2, sampling="log"), IntDistribution(0, 5)),
        (Int("x", 2, 10, sampling="reverse_log"), IntDistribution(2, 10, log=True)),
        (Int("x", 2, 10, sampling="log"), IntDistribution(2, 10, log=True)),
        (Float("x", 0, 1, step=0.3), FloatDistribution(0, 0.9, step=0.3)),
        (Float("x", 1e-4, 0.1, step=10, sampling="log"), IntDistribution(0, 3)),
        (Float("x", 0.1, 1, sampling="reverse_log"), FloatDistribution(0.1, 1, log=True)),
        (Choice("x", [8, 16, 32]), IntDistribution(0, 2)),
        (Choice("x", [8, 16], ordered=False), CategoricalDistribution((8, 16))),
        (Fixed("x", 3), None),
    ],
)
def test_what_a_sampler_is_shown(entry: HyperParameter, coded: BaseDistribution | None) -> None:
    assert to_coded(entry) == coded


@pytest.mark.parametrize(
    "entry",
    [
        *(Int("x", 5, 5, sampling=sampling) for sampling in SAMPLINGS),
        *(Float("x", 0.5, 0.5, sampling=sampling) for sampling in SAMPLINGS),
        Int("x", 5, 7, step=3),
        Float("x", 0.5, 0.6, step=0.5),
        Float("x", 0.5, 0.6, step=2, sampling="log"),
        Choice("x", [1]),
        Choice("x", ["a"]),
    ],
)
def test_a_range_of_one_value_is_single(entry: HyperParameter) -> None:
    target = to_distribution(entry)
    assert target is not None
    assert target.single()
    assert to_value(entry, to_internal(entry, entry.default)) == entry.default


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        (Float("x", 0, 0.5, step=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (Float("x", -100, 2, step=34.1), [-100.0, -65.9, -31.8]),
        (Float("x", 0.0007, 0.7, step=10, sampling="log"), [0.0007, 0.007, 0.07, 0.7]),
        (Float("x", 0.1, 0.9, step=3, sampling="reverse_log"), [0.9, 0.7, 0.1]),
    ],
)
def test_a_stepped_value_is_the_one_that_a_user_writes(entry: Float, written: list[float]) -> None:
    """A condition on 0.3 never holds for the 0.30000000000000004 that three steps of 0.1 add to."""
    target = to_distribution(entry)
    assert target is not None
    assert [to_value(entry, internal) for internal in all_values(target)] == written


@pytest.mark.parametrize(
    ("entry", "held", "not_held"),
    [
        (Int("x", 1, 4), [1, 4], [0, 5, 2.5, True, "1", None, math.nan]),
        (Int("x", 0, 10, step=5), [0, 5], [7]),
        (Int("x", 2, 64, step=2, sampling="log"), [2, 16], [15, 128]),
        (Float("x", 0, 1, step=0.1), [0.3, 0.1 + 0.2, 0, 1], [0.25, -0.1, math.inf]),
        (Float("x", 0.1, 1, sampling="reverse_log"), [0.1, 0.77, 1.0], [0.09, 1.01]),
        (Choice("x", [0, 1]), [0, 1], [2, True, "a"]),
        (Choice("x", ["a", "b"]), ["a"], ["c", 1, None]),
        (Boolean("x"), [True, False], [1, "a", None]),
        (Fixed("x", 3), [3], [4, "3"]),
    ],
)
def test_what_an_entry_can_be(entry: HyperParameter, held: list[Any], not_held: list[Any]) -> None:
    assert [holds(entry, value) for value in held] == [True] * len(held)
    assert [holds(entry, value) for value in not_held] == [False] * len(not_held)


@given(entries, st.integers(0, 10**6))
def test_kerastuners_own_samples_are_held(entry: HyperParameter, seed: int) -> None:
    assert holds(entry, entry.random_sample(seed))


def test_a_reversed_logarithm_prefers_the_upper_end() -> None:
    entry = Float("x", 1, 100, sampling="reverse_log")
    assert [from_code(entry, code) for code in (1.0, 10.0, 100.0)] == [100.0, 91.0, 1.0]


@pytest.mark.parametrize(
    ("entry", "value", "nearest"),
    [
        (Int("x", 0, 10, step=5), 7, 5),
        (Int("x", 0, 10), 99, 10),
        (Int("x", 2, 64, step=2, sampling="log"), 15, 16),
        (Float("x", 0, 1, step=0.25), 0.3, 0.25),
        (Float("x", 0.1, 1, sampling="log"), 1e-3, 0.1),
        (Float("x", 0.1, 1, sampling="reverse_log"), 7, 1.0),
    ],
)
def test_a_number_off_the_range_counts_as_the_nearest(
    entry: HyperParameter, value: float, nearest: float
) -> None:
    assert to_value(entry, to_internal(entry, value)) == pytest.approx(nearest)


@pytest.mark.parametrize(
    "entry", [Choice("x", ["a", "b"]), Choice("x", [1, 2]), Choice("x", [1, 2], ordered=False)]
)
def test_a_value_that_no_choice_holds_is_refused(entry: Choice) -> None:
    with pytest.raises(ValueError, match="7"):
        to_internal(entry, 7)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="HyperParameter"):
        to_distribution(HyperParameter("x"))


def test_values_are_ready_for_json() -> None:
    for entry in (Int("x", 1, 9, sampling="reverse_log"), Float("x", 1, 9, step=2)):
        target = to_distribution(entry)
        assert isinstance(target, IntDistribution | FloatDistribution)
        assert json.loads(json.dumps(to_value(entry, target.low))) == to_value(entry, target.low)


words = st.text(alphabet="ab|,=[] \\1", min_size=1, max_size=6)
conditions = st.lists(st.builds(Parent, words, st.lists(words, min_size=1, max_size=3)), max_size=3)


@given(words, conditions, words, conditions)
@example("x", [Parent("a", ["b|c"])], "x", [Parent("a", ["b", "c"])])
@example("x", [Parent("a", ["b"])], "x [a=b]", [])
def test_keys_are_equal_only_for_the_same_entry(
    name: str, under: list[Parent], other: str, elsewhere: list[Parent]
) -> None:
    one, two = Boolean(name, conditions=under), Boolean(other, conditions=elsewhere)
    assert (param_key(one) == param_key(two)) == (name == other and under == elsewhere)


def test_keys_read_well() -> None:
    under = [Parent("model", ["cnn", "rnn"]), Parent("layers", [2])]
    assert param_key(Int("units", 1, 2, conditions=under)) == "units [model=cnn|rnn, layers=2]"
    assert param_key(Int("units", 1, 2)) == "units"
    assert param_key(Boolean("x", conditions=Parent("on", [True]))) == "x [on=True]"
