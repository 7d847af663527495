"""Padding that depends on a record alone, and batches that lose and repeat no row."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from data.dataset import batches
from data.records import GRID, MAX_LENGTH, padded_lengths

some_lengths = st.lists(st.integers(0, MAX_LENGTH), max_size=80)


@pytest.mark.parametrize(
    ("length", "padded"), [(0, 32), (1, 32), (32, 32), (33, 64), (1023, 1024), (5000, 1024)]
)
def test_real_padding_rounds_up_to_a_limit(length: int, padded: int) -> None:
    assert padded_lengths(np.array([length]), "real").tolist() == [padded]


def test_full_padding_is_the_briefs() -> None:
    padded = padded_lengths(np.array([0, 5, 1024]), "full")
    assert padded.dtype == np.int64
    assert padded.tolist() == [1024] * 3


def test_unknown_padding() -> None:
    with pytest.raises(ValueError, match="'none'"):
        padded_lengths(np.array([1]), "none")  # type: ignore[arg-type]


@given(lengths=some_lengths)
def test_padding_does_not_change_with_the_neighbors(lengths: list[int]) -> None:
    every = padded_lengths(np.array(lengths, np.int64), "real")
    assert all(GRID <= padded <= MAX_LENGTH and padded % GRID == 0 for padded in every)
    for i, length in enumerate(lengths):
        assert padded_lengths(np.array([length]), "real").tolist() == [every[i]]


@given(lengths=some_lengths, batch_size=st.integers(1, 20), seed=st.none() | st.integers(0, 2**32))
def test_no_row_is_dropped_or_repeated(
    lengths: list[int], batch_size: int, seed: int | None
) -> None:
    padded = padded_lengths(np.array(lengths, np.int64), "real")
    rows = np.array([i for i in range(len(lengths)) if i % 3], np.int64)
    rng = None if seed is None else np.random.default_rng(seed)
    made = batches(rows, padded, batch_size, rng)
    assert sorted(i for batch in made for i in batch.rows) == rows.tolist()
    for batch in made:
        assert 1 <= len(batch.rows) <= batch_size
        assert batch.rows.dtype == np.int64
        assert (padded[batch.rows] == batch.length).all()
    for length in np.unique(padded[rows]):  # At most one batch of each length is not full.
        sizes = [len(batch.rows) for batch in made if batch.length == length]
        assert sum(size < batch_size for size in sizes) <= 1


def test_without_a_generator_rows_keep_their_order() -> None:
    padded = np.array([64, 32, 64, 32, 64, 32])
    made = batches(np.array([5, 0, 1, 2, 3, 4]), padded, 2, None)
    assert [(batch.rows.tolist(), batch.length) for batch in made] == [
        ([5, 1], 32),
        ([3], 32),
        ([0, 2], 64),
        ([4], 64),
    ]


def test_a_generator_shuffles_rows_and_batches_the_same_way_each_time() -> None:
    padded = np.repeat([32, 64, 96], 50)
    rows = np.arange(150)

    def run(seed: int) -> list[list[int]]:
        return [
            batch.rows.tolist() for batch in batches(rows, padded, 10, np.random.default_rng(seed))
        ]

    assert run(1) == run(1)
    assert run(1) != run(2)
    lengths = [padded[batch[0]] for batch in run(1)]
    assert lengths != sorted(lengths)
    assert any(batch != sorted(batch) for batch in run(1))


def test_no_rows() -> None:
    assert batches(np.array([], np.int64), np.array([32]), 8, np.random.default_rng(0)) == []


def test_empty_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        batches(np.array([0]), np.array([32]), 0, None)
