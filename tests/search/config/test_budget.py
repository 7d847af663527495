"""The budget parser: what it takes, what it refuses, and that its text reads back."""

import contextlib
from argparse import ArgumentTypeError

import pytest
from hypothesis import given, strategies as st

from search.config import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("0", Budget(trials=0)),
        ("20", Budget(trials=20)),
        (" 7 ", Budget(trials=7)),
        ("90s", Budget(seconds=90)),
        ("10m", Budget(seconds=600)),
        ("2h", Budget(seconds=7200)),
        ("1h30m", Budget(seconds=5400)),
        ("1.5h", Budget(seconds=5400)),
        ("1.1h", Budget(seconds=3960)),
        ("1d2h3m4s", Budget(seconds=86_400 + 7200 + 180 + 4)),
        ("0s", Budget(seconds=0)),
    ],
)
def test_reads(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    "text", ["", "-1", "-5m", "5x", "1.5", "m", "ten", "10 m", "30m1h", "1e3", "٣", "inf", "nan"]
)
def test_refuses_in_one_line(text: str) -> None:
    _refused(text)


@pytest.mark.parametrize("text", ["9" * 40, "9" * 400 + "d", "10000000d"])
def test_refuses_what_nobody_would_wait_for(text: str) -> None:
    _refused(text)


def _refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        parse_budget(text)
    assert "\n" not in str(error.value)


@given(st.text(max_size=12))
def test_any_text_is_a_budget_or_a_type_error(text: str) -> None:
    with contextlib.suppress(ArgumentTypeError):
        assert isinstance(parse_budget(text), Budget)


@given(
    st.one_of(
        st.builds(Budget, trials=st.integers(0, 10**6)),
        st.builds(
            Budget, seconds=st.integers(0, 10**10).map(lambda thousandths: thousandths / 1000)
        ),
    )
)
def test_its_text_reads_back(budget: Budget) -> None:
    assert parse_budget(str(budget)) == budget


def test_only_an_empty_budget_is_empty() -> None:
    assert parse_budget("0").is_empty
    assert parse_budget("0m").is_empty
    assert not parse_budget("1").is_empty
    assert not parse_budget("1s").is_empty


@pytest.mark.parametrize(
    "values", [{}, {"trials": 1, "seconds": 1.0}, {"trials": -1}, {"seconds": -1.0}]
)
def test_a_bad_budget_cannot_be_made(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(**values)  # type: ignore[arg-type]
