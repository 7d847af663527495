"""The training rows as an export remembers them: what occurs in them, and how they are spread."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.common.errors import UserError
from data.records import Encoded, Vocabulary, encode
from results.drift.training_profile import (
    PROFILE,
    Distribution,
    Novelty,
    TrainingProfile,
    apart,
    count,
    load_profile,
)
from results.scoring import strict_json

TEXTS = ("abcabd", "ab", "", "a", "bcd" * 500, "xyz", "aab", "zzzzzz")
SCORES = np.array([0.1, 0.9, 0.5], np.float32)


def encoded() -> tuple[Vocabulary, Encoded]:
    vocabulary = Vocabulary.fit(TEXTS[:6], unknown=True)
    return vocabulary, encode(TEXTS, vocabulary)


def made() -> TrainingProfile:
    vocabulary, records = encoded()
    profile = TrainingProfile.of(vocabulary, records, np.arange(5), np.arange(5, 8), SCORES)
    assert profile is not None
    return profile


def runs(text: str) -> list[str]:
    return [text[place : place + 3] for place in range(len(text) - 2)]


def test_only_what_no_training_row_has_is_new() -> None:
    vocabulary, records = encoded()
    profile = made()
    known = {run for text in TEXTS[:5] for run in runs(text[-1024:])}
    for row, text in enumerate(TEXTS):
        found = profile.novelty(apart(records.padded(np.array([row]), 1024)))
        text = text[-1024:]
        unseen = [run for run in runs(text) if run not in known]
        assert found == Novelty(len(text), 0, len(runs(text)), len(unseen))
    both = records.padded(np.array([0, 5, 4]), 32)  # The last one fills its row.
    assert profile.novelty(apart(both)) == Novelty(6 + 3 + 32, 0, 4 + 1 + 30, 1)
    assert profile.heldout == Novelty(12, 0, 6, 6)
    strange = encode(["ab??"], vocabulary).padded(np.array([0]), 32)
    assert profile.novelty(apart(strange)) == Novelty(4, 2, 2, 2)


def test_a_vocabulary_that_drops_characters_counts_none_of_them() -> None:
    vocabulary = Vocabulary.fit(["abc"], unknown=False)
    records = encode(["abc", "a?bc"], vocabulary)
    profile = TrainingProfile.of(vocabulary, records, np.arange(1), np.arange(2), SCORES[:2])
    assert profile is not None and profile.heldout == Novelty(6, 0, 2, 0)


def test_no_profile_without_scores() -> None:
    vocabulary, records = encoded()
    nan = np.full(3, np.nan, np.float32)
    assert TrainingProfile.of(vocabulary, records, np.arange(5), np.arange(5, 8), nan) is None


def test_the_training_rows_fall_into_tenths() -> None:
    lengths = np.random.default_rng(0).permutation(1000)
    found = Distribution.of_lengths(lengths)
    assert found.edges.tolist() == [99, 199, 299, 399, 499, 599, 699, 799, 899]
    assert found.counts.tolist() == [100] * 10
    few = Distribution.of_lengths(np.array([5, 5, 5, 7]))
    assert few.edges.tolist() == [5, 7] and few.counts.tolist() == [3, 1, 0]
    assert count(few.edges, [4, 5, 5.1, 7, 8]).tolist() == [2, 2, 1]


@pytest.mark.parametrize("score", [0.0, 1e-7, 0.5, 0.12345678, 0.99999994, 1.0])
def test_a_score_that_many_records_have_is_no_edge(score: float) -> None:
    # Another runtime gives 1e-5 more or less.
    found = Distribution.of_scores(np.full(500, score, np.float32))
    noisy = np.clip(score + np.random.default_rng(0).uniform(-1e-5, 1e-5, 500), 0, 1)
    assert found.stability_index(count(found.edges, noisy)) < 1e-9
    assert found.stability_index(count(found.edges, np.full(500, 1 - score))) > 5 or score == 0.5


def test_the_index_is_that_of_the_books() -> None:
    known = Distribution(np.array([1.0, 2.0]), np.array([5000, 3000, 2000]) * 1000)
    # .5 -> .4, .3 -> .3, .2 -> .3
    expected = -0.1 * np.log(0.4 / 0.5) + 0.1 * np.log(0.3 / 0.2)
    found = known.stability_index(np.array([4000, 3000, 3000]) * 1000)
    assert found == pytest.approx(expected, rel=1e-4)
    assert known.stability_index(known.counts) == 0
    assert np.isfinite(known.stability_index(np.array([0, 0, 10])))


@pytest.mark.parametrize(("trained", "here"), [(5000, 500), (2000, 2000), (300, 5000)])
def test_chance_exceeds_its_bound_one_time_in_twenty(trained: int, here: int) -> None:
    random = np.random.default_rng(0)
    above = 0
    for _ in range(2000):
        known = Distribution(np.arange(9.0), random.multinomial(trained, [0.1] * 10))
        drawn = random.multinomial(here, [0.1] * 10)
        above += known.stability_index(drawn) > known.chance(here)
    assert 0.03 < above / 2000 < 0.07


def test_it_comes_back_from_json_and_is_small() -> None:
    profile = made()
    written = strict_json(profile.as_json())
    again = TrainingProfile.of_json(json.loads(written), profile.vocabulary)
    assert again.as_json() == profile.as_json()
    assert np.array_equal(again.seen, profile.seen) and again.heldout == profile.heldout
    assert len(written) < 5000


def _bomb() -> str:
    return base64.b64encode(zlib.compress(b"\0" * 2**24)).decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "another"}, "this version does not know its format"),
        ({"seen_ngrams": "é"}, "seen_ngrams|ASCII"),
        ({"seen_ngrams": "AAAA"}, "names or types are wrong"),
        ({"seen_ngrams": base64.b64encode(zlib.compress(b"\0")).decode()}, "are cut off"),
        ({"lengths": None}, "names or types are wrong"),
        ({"lengths": {"edges": [2, 1], "counts": [1, 1, 1]}}, "not in order"),
        ({"lengths": {"edges": [1], "counts": [1]}}, "do not fit"),
        ({"lengths": {"edges": [1], "counts": [0, 0]}}, "are empty"),
        ({"heldout_scores": {"edges": ["x"], "counts": [1, 0]}}, "x"),
        ({"heldout_ngrams": [1]}, "expected 2"),
    ],
)
def test_a_damaged_profile_is_one_line(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    profile = made()
    (tmp_path / PROFILE).write_text(json.dumps({**profile.as_json(), **change}))
    with pytest.raises(UserError, match=said) as caught:
        load_profile(tmp_path, profile.vocabulary)
    assert PROFILE in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[", "[]", "null", "[" * 100_000, "{}"])
def test_what_is_no_profile_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / PROFILE).write_text(content)
    with pytest.raises(UserError, match=PROFILE):
        load_profile(tmp_path, made().vocabulary)


def test_a_profile_that_declares_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    profile = made()
    (tmp_path / PROFILE).write_text(json.dumps({**profile.as_json(), "seen_ngrams": _bomb()}))
    found = load_profile(tmp_path, profile.vocabulary)
    assert found is not None and found.seen.nbytes == 2**20


def test_an_export_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    assert load_profile(tmp_path, made().vocabulary) is None
