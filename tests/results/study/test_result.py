"""A result as JSON and back: what is not finite, what is missing, what meets the brief."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from results.study import Point, Result

WHOLE = Result(
    name="trial 17",
    kind="trial",
    status="complete",
    number=17,
    hyperparameters={"units": 32, "rate": 0.01, "cell": "gru", "bidirectional": True},
    seed=5,
    epochs=2.5,
    curve=(Point(0.5, 0.7, 0.5, 0.6, 0.55), Point(1.0, 0.6, 0.6, 0.5, 0.75)),
    val_accuracy=0.75,
    val_loss=0.5,
    val_rows=2000,
    layers=6,
    parameters=1234,
    violations=("the optimizer is adam",),
    train_seconds=12.5,
    cpu_seconds=20.5,
    latency_us=800.5,
    latency_batch_us=40.25,
    worker="here-1",
    artifacts="trials/17",
)
BARE = Result("linear", "baseline", "failed")


def same(point: Point, other: Point) -> bool:
    """Compare points, nan being equal to nan."""
    return repr(point) == repr(other)


@pytest.mark.parametrize("result", [WHOLE, BARE], ids=["whole", "bare"])
def test_it_reads_back_as_it_was(result: Result) -> None:
    assert Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result


def test_a_result_of_an_earlier_version_is_read() -> None:
    old = WHOLE.to_json()
    del old["val_rows"]
    assert Result.from_json(old) == replace(WHOLE, val_rows=None)


numbers = st.floats(width=32) | st.just(math.nan)


@given(st.builds(Point, *[numbers] * 5, st.none() | st.floats(0, 1)))
def test_a_curve_reads_back_and_what_is_not_finite_as_nan(point: Point) -> None:
    text = json.dumps(replace(WHOLE, curve=(point,)).to_json(), allow_nan=False)
    (read,) = Result.from_json(json.loads(text)).curve
    kept = {
        name: value if value is None or math.isfinite(value) else math.nan
        for name, value in vars(point).items()
    }
    assert same(read, Point(**kept))


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_is_unknown(lost: float) -> None:
    read = Result.from_json(replace(WHOLE, val_loss=lost).to_json())
    assert read == replace(WHOLE, val_loss=None)


def test_json_holds_plain_values_under_the_attributes_names() -> None:
    plain: dict[str, Any] = WHOLE.to_json()
    # The one key of earlier versions that the attribute's spelling has left behind.
    names = [{"artifacts": "artefacts"}.get(name, name) for name in vars(WHOLE)]
    assert list(plain) == names
    assert plain["violations"] == ["the optimizer is adam"]
    assert plain["curve"][1]["val_accuracy"] == 0.75


@pytest.mark.parametrize(
    ("layers", "violations", "meets"), [(6, (), True), (3, ("x",), False), (None, (), False)]
)
def test_only_a_built_model_without_violations_meets_the_brief(
    layers: int | None, violations: tuple[str, ...], meets: bool
) -> None:
    assert replace(WHOLE, layers=layers, violations=violations).meets_brief is meets
