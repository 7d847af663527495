"""The brief's counts, the notebooks' shuffling, and splits that cannot be used."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.model_selection import train_test_split

from data.common import UserError
from data.dataset.split import Split, check_split, make_split, split_in_order, split_shuffled


@pytest.mark.parametrize("name", ["chronological", "shuffled"])
def test_counts_of_the_brief(name: str) -> None:
    split = make_split(name, 26_773)
    assert split.name == name
    assert [len(split.fit), len(split.validation), len(split.heldout)] == [15_059, 5_020, 6_694]
    assert len(split.train) == 20_079


@given(n=st.integers(0, 300), name=st.sampled_from(["chronological", "shuffled"]))
def test_every_row_is_in_one_slice(n: int, name: str) -> None:
    split = make_split(name, n)
    rows = np.concatenate(list(split.slices.values()))
    assert rows.dtype == np.int64
    assert sorted(rows.tolist()) == list(range(n))
    assert split.train.tolist() == [*split.fit.tolist(), *split.validation.tolist()]


@given(n=st.integers(0, 300))
def test_chronological_keeps_the_order_of_time(n: int) -> None:
    split = split_in_order(n)
    assert np.concatenate([split.train, split.heldout]).tolist() == list(range(n))
    assert len(split.train) == int(n * 0.75)
    assert len(split.fit) == int(len(split.train) * 0.75)


@given(n=st.integers(2, 300), seed=st.integers(0, 2**32 - 1))
def test_shuffled_is_scikit_learns_order(n: int, seed: int) -> None:
    train, heldout = train_test_split(np.arange(n), test_size=0.25, random_state=seed)
    split = split_shuffled(n, seed)
    assert split.train.tolist() == train.tolist()
    assert split.heldout.tolist() == heldout.tolist()


def test_shuffled_has_the_notebooks_seed_by_default() -> None:
    assert split_shuffled(100).heldout.tolist() == split_shuffled(100, seed=42).heldout.tolist()


def test_unknown_name() -> None:
    with pytest.raises(UserError, match="'random', but must be one of chronological, shuffled"):
        make_split("random", 10)


def test_good_split_passes() -> None:
    check_split(split_in_order(64), np.arange(64, dtype=np.uint8) % 2, batch_size=36)


@pytest.mark.parametrize("name", ["fit", "validation", "held-out"])
@pytest.mark.parametrize("label", [0, 1])
def test_slice_without_a_class(name: str, label: int) -> None:
    split = split_in_order(64)
    labels = np.arange(64, dtype=np.uint8) % 2
    labels[split.slices[name]] = 1 - label
    with pytest.raises(UserError, match=f"the {name} part has no row of class {label}"):
        check_split(split, labels, batch_size=8)


def test_fewer_rows_than_a_batch() -> None:
    labels = np.arange(64, dtype=np.uint8) % 2
    with pytest.raises(UserError, match="the fit part has 36 rows, fewer than a batch of 37"):
        check_split(split_in_order(64), labels, batch_size=37)


def test_empty_slice() -> None:
    none = np.array([], np.int64)
    split = Split("chronological", np.array([0, 1]), np.array([0, 1]), none)
    with pytest.raises(UserError, match="the held-out part has no row of class 0"):
        check_split(split, np.array([0, 1], np.uint8), batch_size=1)


@pytest.mark.parametrize("name", ["chronological", "shuffled"])
def test_a_refit_fits_all_training_rows_and_no_other(name: str) -> None:
    split = make_split(name, 100)
    again = split.refitting
    assert sorted(again.fit) == sorted([*split.fit, *split.validation])
    assert set(again.fit).isdisjoint(again.heldout)
    assert (again.name, again.heldout.tolist()) == (name, split.heldout.tolist())
    assert again.validation.tolist() == split.validation.tolist()
