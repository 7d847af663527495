"""The brief's counts, the notebooks' shuffling, and splits that cannot be used."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st
from sklearn.model_selection import train_test_split

from data.common import UserError
from data.dataset import SPLITS, check_group_column, repeated, without_repeated
from data.dataset.split import (
    Split,
    check_split,
    make_split,
    split_by_group,
    split_in_order,
    split_shuffled,
    split_stratified,
)
from data.reading import AccessLog, Texts


def mixed(n: int) -> npt.NDArray[np.uint8]:
    return (np.arange(n) % 2).astype(np.uint8)


def log_of(labels: npt.NDArray[np.uint8]) -> AccessLog:
    return AccessLog(["x"] * len(labels), labels, "text", "here", 0, "f" * 64)


@pytest.mark.parametrize("name", ["chronological", "shuffled"])
def test_counts_of_the_brief(name: str) -> None:
    split = make_split(name, mixed(26_773))
    assert split.name == name
    assert [len(split.fit), len(split.validation), len(split.heldout)] == [15_059, 5_020, 6_694]
    assert len(split.train) == 20_079


@given(n=st.integers(0, 300), name=st.sampled_from(["chronological", "shuffled"]))
def test_every_row_is_in_one_slice(n: int, name: str) -> None:
    split = make_split(name, mixed(n))
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
    with pytest.raises(UserError, match="'random', but must be one of chronological, shuffled, "):
        make_split("random", mixed(10))


def test_stratified_is_scikit_learns_order_twice() -> None:
    labels = (np.random.default_rng(0).random(501) < 0.1).astype(np.uint8)
    rows = np.arange(501)
    train, heldout = train_test_split(rows, test_size=0.25, random_state=42, stratify=labels)
    fit, validation = train_test_split(
        train, test_size=0.25, random_state=42, stratify=labels[train]
    )
    split = split_stratified(labels)
    found = [part.tolist() for part in (split.fit, split.validation, split.heldout)]
    assert found == [fit.tolist(), validation.tolist(), heldout.tolist()]


@given(labels=st.lists(st.booleans(), min_size=20, max_size=200))
def test_stratified_slices_have_the_shares_of_the_log(labels: list[bool]) -> None:
    array = np.array([*labels, *[0] * 4, *[1] * 4], np.uint8)
    split = split_stratified(array)
    assert sorted(np.concatenate(list(split.slices.values()))) == list(range(len(array)))
    for rows in split.slices.values():
        assert abs(array[rows].sum() - array.mean() * len(rows)) < 2


@pytest.mark.parametrize(("rare", "said"), [(0, "0 rows"), (1, "1 row"), (3, "3 rows")])
def test_too_few_rows_to_stratify(rare: int, said: str) -> None:
    with pytest.raises(UserError, match=f"the log has {said} of class 1, but --split stratified"):
        split_stratified(np.array([0] * 50 + [1] * rare, np.uint8))


@given(
    groups=st.lists(st.integers(0, 30), min_size=60, max_size=300), seed=st.integers(0, 2**32 - 1)
)
def test_no_group_is_in_two_slices(groups: list[int], seed: int) -> None:
    numbers = np.unique([*groups, 0, 1, 2], return_inverse=True)[1]
    split = split_by_group(mixed(len(numbers)), numbers, seed)
    assert sorted(np.concatenate(list(split.slices.values()))) == list(range(len(numbers)))
    found = [set(numbers[rows]) for rows in split.slices.values()]
    assert sum(map(len, found)) == len(set.union(*found))


def test_three_groups_are_three_slices() -> None:
    split = split_by_group(mixed(30), np.arange(30) // 10)
    assert [len(rows) for rows in split.slices.values()] == [10, 10, 10]


def test_groups_are_split_by_rows_and_classes() -> None:
    rng = np.random.default_rng(0)
    # A few large groups and many small ones; the attacks come from a tenth of them.
    numbers = np.unique((rng.pareto(1, 5_000) * 20).astype(int) % 900, return_inverse=True)[1]
    labels = (numbers % 10 == 3).astype(np.uint8)
    split = split_by_group(labels, numbers)
    for rows, share in zip(split.slices.values(), (0.5625, 0.1875, 0.25), strict=True):
        assert len(rows) / len(labels) == pytest.approx(share, abs=0.01)
        assert labels[rows].mean() == pytest.approx(labels.mean(), abs=0.01)
    again = split_by_group(labels, numbers)
    assert [rows.tolist() for rows in split.slices.values()] == [
        rows.tolist() for rows in again.slices.values()
    ]


def test_too_few_groups() -> None:
    with pytest.raises(UserError, match="--group-column has 2 values in this log, but needs 3"):
        split_by_group(mixed(50), np.arange(50) % 2)


def test_groups_that_were_not_read() -> None:
    with pytest.raises(UserError, match="give --group-column NAME"):
        make_split("group", mixed(50))


@pytest.mark.parametrize(
    ("split", "column", "said"),
    [
        ("group", None, "--split is 'group', .*; give --group-column NAME"),
        ("shuffled", "ip", "--group-column is 'ip', but --split is 'shuffled'; give --split group"),
    ],
)
def test_the_two_options_of_a_group_belong_together(
    split: str, column: str | None, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        check_group_column(split, column)


def test_good_split_passes() -> None:
    check_split(split_in_order(64), log_of(mixed(64)), batch_size=36)


@pytest.mark.parametrize("name", ["fit", "validation", "held-out"])
@pytest.mark.parametrize("label", [0, 1])
def test_slice_without_a_class(name: str, label: int) -> None:
    split = split_in_order(64)
    labels = mixed(64)
    labels[split.slices[name]] = 1 - label
    with pytest.raises(UserError, match=f"the {name} part has no row of class {label}"):
        check_split(split, log_of(labels), batch_size=8)


WORDS = ("ham", "spam")


@pytest.mark.parametrize(
    ("split", "labels", "first_rows", "said"),
    [
        (
            *("chronological", [0] * 150 + [1] * 150, None),
            "the validation part has no row of class 0 (ham) among its 57: the rows are sorted by "
            "label: 2 runs, about 151 if mixed; give --split shuffled",
        ),
        (
            *("chronological", [0] * 99 + [1], 100),
            "the fit part has no row of class 1 (spam) among its 56; give more --rows than 100 or "
            "--split stratified",
        ),
        (
            *("chronological", [0] * 100, 100),
            "the first 100 rows, which --rows 100 takes, have no row of class 1 (spam); give more "
            "--rows, or --split shuffled to draw them from the whole log",
        ),
        (
            *("chronological", [1] * 100, None),
            "the log has no row of class 0 (ham) among its 100; a search needs both",
        ),
        (
            *("shuffled", [0] * 99 + [1], None),
            "the validation part has no row of class 1 (spam) among its 19; give a longer log or "
            "--split stratified",
        ),
        (
            *("group", [1] * 5 + [0] * 95, None),
            "the validation part has no row of class 1 (spam) among its 20; name another "
            "--group-column, or give --split stratified",
        ),
    ],
)
def test_the_cause_is_named(
    split: str, labels: list[int], first_rows: int | None, said: str
) -> None:
    array = np.array(labels, np.uint8)
    groups = np.arange(100) // 5 if split == "group" else None
    made = make_split(split, array, groups)
    log = replace(log_of(array), label_words=WORDS, first_rows=first_rows)
    with pytest.raises(UserError) as error:
        check_split(made, log, batch_size=8)
    assert str(error.value) == said


def test_fewer_rows_than_a_batch() -> None:
    log = log_of(mixed(64))
    with pytest.raises(UserError, match="the fit part has 36 rows, fewer than a batch of 37; give"):
        check_split(split_in_order(64), log, batch_size=37)
    with pytest.raises(UserError, match="give more --rows than 64"):
        check_split(split_in_order(64), replace(log, first_rows=64), batch_size=37)


def test_empty_slice() -> None:
    none = np.array([], np.int64)
    split = Split("chronological", np.array([0, 1]), np.array([0, 1]), none)
    with pytest.raises(UserError, match="the held-out part has no row of class 0"):
        check_split(split, log_of(mixed(2)), batch_size=1)


@pytest.mark.parametrize("name", SPLITS)
def test_a_refit_fits_all_training_rows_and_no_other(name: str) -> None:
    split = make_split(name, mixed(100), np.arange(100) // 2)
    again = split.refitting
    assert sorted(again.fit) == sorted([*split.fit, *split.validation])
    assert set(again.fit).isdisjoint(again.heldout)
    assert (again.name, again.heldout.tolist()) == (name, split.heldout.tolist())
    assert again.validation.tolist() == split.validation.tolist()


# fit: a b c ö | validation: a d | held out: d a e é
TEXTS = ["a", "b", "c", "ö", "a", "d", "d", "a", "e", "é"]
SPLIT = Split("by hand", np.arange(4), np.array([4, 5]), np.arange(6, 10))


@pytest.mark.parametrize("texts", [TEXTS, Texts.of(TEXTS)])
def test_repeated_texts(texts: list[str] | Texts) -> None:
    found = repeated(texts, SPLIT.heldout, SPLIT.train)
    assert found.tolist() == [True, True, False, False]


def test_no_text_is_left_in_two_slices() -> None:
    kept = without_repeated(SPLIT, TEXTS)
    assert [part.tolist() for part in kept.slices.values()] == [[0, 1, 2, 3], [5], [8, 9]]
    assert kept.name == "by hand"
