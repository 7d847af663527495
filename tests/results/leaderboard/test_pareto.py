"""The front against its definition, pair by pair."""

from hypothesis import given, strategies as st

from results.leaderboard.pareto import front

few = st.integers(0, 4).map(float)


def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] <= other[1] and one != other


@given(st.lists(st.tuples(few, few), max_size=12))
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    named = {str(index): point for index, point in enumerate(points)}
    expected = {
        name
        for name, point in named.items()
        if not any(dominates(other, point) for other in points)
    }
    assert front(named) == expected


def test_the_fastest_and_the_best_are_on_it() -> None:
    points = {"rule": (0.97, 20.0), "network": (0.99, 900.0), "slow": (0.99, 901.0)}
    assert front(points) == {"rule", "network"}
