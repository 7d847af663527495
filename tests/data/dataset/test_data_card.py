"""A card's figures, on logs small enough to count by hand and on the shared one."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from data.dataset.data_card import DataCard, PathCount, TextLengths
from data.dataset.split import Split, make_split, split_in_order
from data.reading import AccessLog, read_log


def log_of(rows: list[tuple[str, int]], skipped: int = 0) -> AccessLog:
    texts = [text for text, _ in rows]
    labels = np.array([label for _, label in rows], np.uint8)
    return AccessLog(texts, labels, "text", "here", skipped, "f" * 64)


def split_of(fit: list[int], validation: list[int], heldout: list[int]) -> Split:
    return Split("by hand", *(np.array(rows, np.int64) for rows in (fit, validation, heldout)))


def test_rows_and_classes_of_each_slice() -> None:
    log = log_of([("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", 1)], skipped=3)
    made = DataCard.of(log, split_of([0, 1, 2], [3], [4]))
    assert (made.rows, made.skipped, made.source, made.split) == (5, 3, "here", "by hand")
    assert [(part.name, part.rows, part.normal, part.malicious) for part in made.slices] == [
        ("fit", 3, 2, 1),
        ("validation", 1, 0, 1),
        ("held-out", 1, 0, 1),
    ]
    assert made.slices[0].normal_share == pytest.approx(2 / 3)
    assert made.slices[0].malicious_share == pytest.approx(1 / 3)


def test_lengths() -> None:
    texts = ["x" * n for n in (1, 2, 3, 1025, 1025)]
    made = DataCard.of(log_of([(text, 0) for text in texts]), split_in_order(5))
    assert made.lengths == TextLengths(1, 3.0, 1025.0, 1025, 0.4)


def test_characters_are_lower_cased_and_unknown_ones_found() -> None:
    log = log_of([("aB", 0), ("b", 0), ("AB", 1), ("xyx", 1), ("ay", 1)])
    made = DataCard.of(log, split_of([0], [1], [2, 3, 4])).characters
    assert (made.all_rows, made.train) == (4, 2)
    assert (made.unknown, made.unknown_rows) == (("x", "y"), 2)


def test_leakage_from_fit_and_validation_rows() -> None:
    log = log_of([("a", 0), ("b", 1), ("b", 0), ("a", 0), ("a", 1), ("b", 1), ("c", 1), ("c", 1)])
    made = DataCard.of(log, split_of([0, 1], [2], [3, 4, 5, 6, 7])).leakage
    assert (made.texts, made.rows, made.share) == (2, 3, 0.6)
    assert made.other_label == 2  # Row 4 ("a" was normal) and row 5 ("b" was both).


def test_most_frequent_paths() -> None:
    rows = [(json.dumps({"path": path}), 0) for path in ["/b", "/a", "/a"]]
    made = DataCard.of(log_of([*rows, ("{}", 0), ("no record", 1)]), split_in_order(5))
    assert made.paths == (PathCount("/a", 2, 0.4), PathCount("/b", 1, 0.2))


def test_plain_texts_have_no_paths() -> None:
    assert DataCard.of(log_of([("a", 0)]), split_in_order(1)).paths == ()


@given(
    rows=st.lists(st.tuples(st.text(max_size=5), st.integers(0, 1)), min_size=1, max_size=30),
    name=st.sampled_from(["chronological", "shuffled"]),
)
def test_figures_fit_together(rows: list[tuple[str, int]], name: str) -> None:
    made = DataCard.of(log_of(rows), make_split(name, log_of(rows).labels))
    assert sum(part.rows for part in made.slices) == made.rows == len(rows)
    assert sum(part.malicious for part in made.slices) == sum(label for _, label in rows)
    assert made.leakage.other_label <= made.leakage.rows <= made.slices[2].rows
    assert made.leakage.texts <= made.leakage.rows
    assert made.characters.train + len(made.characters.unknown) == made.characters.all_rows
    assert (made.characters.unknown_rows > 0) == bool(made.characters.unknown)


def test_shared_log(shared_log: Path) -> None:
    made = DataCard.of(read_log(str(shared_log)), split_in_order(26_773))
    assert [round(part.normal_share, 4) for part in made.slices] == [0.5855, 0.34, 0.439]
    assert (made.lengths.median, made.lengths.percentile_95, made.lengths.maximum) == (
        141,
        293,
        1173,
    )
    assert made.characters.all_rows == 69
    assert made.leakage.rows > made.leakage.texts > 0
    assert [count.path for count in made.paths] == ["/login", "/search", "/checkout", "/profile"]
