"""Repeated trainings in the study: what is kept, in which order, and what is missing."""

from pathlib import Path

import numpy as np
import pytest

from results.scoring import save_scores
from results.study import (
    ACCURACY,
    Result,
    Store,
    find_repeats,
    record_repeat,
    repeat_folder,
    repeat_probabilities,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "run", [ACCURACY], name="run", data={}, protocol={})


def leave(store: Store, name: str, index: int, score: float) -> Result:
    folder = repeat_folder(store, name, index)
    save_scores(folder, np.zeros(2, np.float32), np.full(3, score, np.float32))
    place = str(folder.relative_to(store.folder))
    result = Result(name, "trial", "complete", seed=index, val_accuracy=score, artifacts=place)
    record_repeat(store, result, index)
    return result


def test_another_process_reads_them_by_name_and_seed(store: Store) -> None:
    tenth, second = leave(store, "trial 17", 10, 0.25), leave(store, "trial 17", 2, 0.5)
    other = leave(store, "odd: name", 1, 0.75)
    again = Store.open(store.folder)
    assert find_repeats(again) == {"trial 17": {2: second, 10: tenth}, "odd: name": {1: other}}
    assert list(find_repeats(again)["trial 17"]) == [2, 10]
    found = repeat_probabilities(again)
    assert [scores.tolist() for scores in found["trial 17"]] == [[0.5] * 3, [0.25] * 3]


def test_they_are_no_results_of_their_own(store: Store) -> None:
    leave(store, "model1", 1, 0.5)
    assert store.results() == []
    assert store.choose_champion() is None


def test_one_without_probabilities_counts_for_nothing(store: Store) -> None:
    record_repeat(store, Result("trial 1", "trial", "failed", reason="no memory"), 1)
    gone = leave(store, "trial 1", 2, 0.5)
    (store.folder / gone.artifacts / "scores.npz").unlink()
    assert repeat_probabilities(store) == {"trial 1": []}


def test_a_repeated_one_replaces_what_was_there(store: Store) -> None:
    leave(store, "trial 1", 1, 0.5)
    latest = leave(store, "trial 1", 1, 0.75)
    assert find_repeats(store) == {"trial 1": {1: latest}}
