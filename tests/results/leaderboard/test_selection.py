"""The luck of the choice, against worlds in which it is known."""

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from results.leaderboard.selection import MOST_CANDIDATES, Selection, measure
from results.study import ACCURACY, LOSS, Objective

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def world(
    seed: int, rows: int, truths: list[float]
) -> tuple[npt.NDArray[np.int64], dict[str, Array]]:
    """Make labels, and candidates whose accuracies on endless rows are known."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    candidates = {}
    for number, truth in enumerate(truths):
        right = rng.random(rows) < truth
        candidates[f"trial {number}"] = np.where(right == (labels == 1), 0.9, 0.1)
    return labels, candidates


def accuracies(labels: Labels, candidates: dict[str, Array]) -> dict[str, float]:
    return {name: float(np.mean((p > 0.5) == labels)) for name, p in candidates.items()}


def chosen(labels: Labels, candidates: dict[str, Array], resamples: int = 200) -> Selection:
    found = accuracies(labels, candidates)
    champion = max(found, key=lambda name: found[name])
    selection = measure(labels, candidates, champion, 0.5, resamples=resamples)
    assert selection is not None
    return selection


def test_among_equals_the_optimism_is_what_the_best_of_them_gained() -> None:
    found = [chosen(*world(seed, 400, [0.9] * 20)) for seed in range(20)]
    gained = np.mean([selection.val_accuracy - 0.9 for selection in found])
    assert gained > 0.02  # The best of twenty looks that much better than each of them is.
    assert np.mean([selection.optimism for selection in found]) == pytest.approx(gained, abs=0.005)
    assert np.mean([selection.expected_accuracy for selection in found]) == pytest.approx(
        0.9, abs=0.005
    )


def test_a_clear_winner_owes_nothing_to_the_choice() -> None:
    selection = chosen(*world(1, 1000, [0.95, 0.7, 0.6]))
    assert (selection.champion, selection.chosen_again) == ("trial 0", 1.0)
    assert abs(selection.optimism) < 0.002
    assert selection.expected_low < selection.val_accuracy < selection.expected_high


def test_what_it_says_of_itself() -> None:
    labels, candidates = world(2, 300, [0.8, 0.85])
    selection = chosen(labels, candidates, resamples=150)
    assert (selection.candidates, selection.resamples, selection.rows) == (2, 150, 300)
    assert selection.val_accuracy == max(accuracies(labels, candidates).values())
    assert selection.heldout_accuracy == 0.5
    assert selection.optimism == selection.val_accuracy - selection.expected_accuracy
    assert selection == chosen(labels, candidates, resamples=150)


def test_ties_go_to_the_lower_loss_then_to_the_earlier() -> None:
    labels = np.arange(200) % 2
    wrong = np.where(labels == 1, 0.6, 0.4)
    wrong[:5] = 1 - wrong[:5]
    surer = np.where(wrong > 0.5, 0.9, 0.1)
    surer[:5] = wrong[:5]
    candidates = {"trial 0": wrong, "trial 1": surer, "trial 2": surer}
    selection = measure(labels, candidates, "trial 1", None)
    assert selection is not None and selection.chosen_again == 1.0
    assert selection.heldout_accuracy is None


@pytest.mark.parametrize(("by", "champion"), [(ACCURACY, "trial 1"), (LOSS, "trial 0")])
@pytest.mark.parametrize("finalists", [0, 2])
def test_the_choice_that_is_repeated_is_by_the_objective(
    by: Objective, champion: str, finalists: int
) -> None:
    labels = np.arange(1000) % 2
    sure = np.where(labels == 1, 0.99, 0.01)
    sure[::20] = 0.5  # Called normal, and so wrong half of the time, but at little loss.
    careful = np.where(labels == 1, 0.7, 0.3)
    candidates = {"trial 0": sure, "trial 1": careful, "trial 2": 1 - sure}
    candidates["trial 0"][1::20] = 0.45
    selection = measure(
        labels, candidates, champion, None, again=candidates, finalists=finalists, by=by
    )
    assert selection is not None and selection.chosen_again == 1.0
    assert selection.val_accuracy == accuracies(labels, candidates)[champion]
    assert selection.expected_accuracy == pytest.approx(selection.val_accuracy, abs=0.002)


@pytest.mark.parametrize("by", [ACCURACY, LOSS])
def test_only_the_best_are_chosen_among_and_it_is_quick(by: Objective) -> None:
    count = MOST_CANDIDATES + 50
    labels, candidates = world(3, 5000, [0.6] * 50 + [0.99] * (count - 50))
    started = time.perf_counter()
    champion = f"trial {count - 1}"
    selection = measure(labels, candidates, champion, 0.5, by=by)
    assert selection is not None
    assert time.perf_counter() - started < 30
    assert selection.candidates == count
    assert selection.expected_accuracy == pytest.approx(0.99, abs=0.003)


def test_nothing_is_said_without_the_champions_probabilities() -> None:
    labels, candidates = world(4, 50, [0.8])
    assert measure(labels, candidates, "trial 9", 0.5) is None
    assert measure(labels[:0], {"trial 0": labels[:0]}, "trial 0", 0.5) is None


def by_finalists(
    labels: Labels, first: dict[str, Array], again: dict[str, Array], finalists: int
) -> Selection:
    """Choose as a search with finalists does, and measure that."""
    found, second = accuracies(labels, first), accuracies(labels, again)
    best = sorted(found, key=lambda name: -found[name])[:finalists]
    champion = max(best, key=lambda name: found[name] + second[name])
    asked = {name: again[name] for name in best}
    selection = measure(
        labels, first, champion, None, again=asked, finalists=finalists, resamples=200
    )
    assert selection is not None
    return selection


def test_the_choice_by_two_seeds_is_repeated_in_both_its_steps() -> None:
    labels, first = world(5, 2000, [0.95, 0.94, 0.6])
    again = world(5, 2000, [0.7, 0.94, 0.99])[1]
    selection = by_finalists(labels, first, again, 2)
    # Trial 2 would win by the mean, and is never a finalist; trial 0 would by its first training.
    assert (selection.champion, selection.chosen_again) == ("trial 1", 1.0)
    assert (selection.finalists, selection.candidates) == (2, 3)
    assert abs(selection.optimism) < 0.003


def test_one_finalist_is_the_choice_without() -> None:
    labels, first = world(6, 300, [0.8] * 10)
    plain = chosen(labels, first)
    one = measure(
        labels, first, plain.champion, 0.5, again=world(7, 300, [0.8] * 10)[1], finalists=1,
        resamples=200,
    )  # fmt: skip
    assert one is not None
    assert one == replace(plain, finalists=1)


def test_two_seeds_make_the_choice_owe_less_to_luck() -> None:
    plain, both = [], []
    for seed in range(20):
        labels, first = world(seed, 400, [0.9] * 20)
        rng = np.random.default_rng(seed + 1000)
        right = {name: rng.random(400) < 0.9 for name in first}
        again = {name: np.where(right[name] == (labels == 1), 0.9, 0.1) for name in first}
        plain.append(chosen(labels, first))
        both.append(by_finalists(labels, first, again, 10))
    gained = np.mean([selection.val_accuracy - 0.9 for selection in both])
    optimism = np.mean([selection.optimism for selection in both])
    assert optimism < np.mean([selection.optimism for selection in plain])
    assert optimism == pytest.approx(gained, abs=0.006)
