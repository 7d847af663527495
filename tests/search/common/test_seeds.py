"""Derived seeds: repeatable in every process, independent, and in the range that Keras takes."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given, strategies as st

from search.common.seeds import derive_seed, proposal_seed, refit_seed, repeat_seed

naturals = st.integers(0, 999_999_999)


@given(naturals, st.lists(naturals, max_size=3))
def test_a_seed_is_in_range_and_repeats(seed: int, path: list[int]) -> None:
    derived = derive_seed(seed, *path)
    assert type(derived) is int
    assert 0 <= derived < 2**31
    assert derive_seed(seed, *path) == derived


def test_seeds_of_neighbours_differ() -> None:
    seeds = {derive_seed(seed, number) for seed in range(100) for number in range(100)}
    # Ten thousand of 2**31: a pair by chance is possible, a pattern is not.
    assert len(seeds) > 9_990


def test_seeds_of_different_purposes_differ() -> None:
    """A trial's training, its proposal, its refit, and repetitions, all of one number."""
    trainings = [derive_seed(7, place) for place in range(100)]
    proposals = [proposal_seed(7, place) for place in range(100)]
    repeats = [repeat_seed(7, index) for index in range(1, 100)]
    assert len({*trainings, *proposals, *repeats, refit_seed(7)}) == 300


def test_another_process_derives_the_same() -> None:
    code = "from search.common import derive_seed as s; print(s(0), s(7, 3), s(7, 3, 1))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [int(word) for word in printed.split()] == [
        derive_seed(0),
        derive_seed(7, 3),
        derive_seed(7, 3, 1),
    ]
