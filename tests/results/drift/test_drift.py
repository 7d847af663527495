"""Drift: near nothing for the log that a model was trained on, plain for another one."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from data import synthetic
from results.drift.drift import WINDOW, Drift
from results.drift.summary import describe_drift
from results.drift.training_profile import Novelty
from results.serving import Limits, Predictor, Stream
from tests.results.conftest import Trained, profile, write_log
from tests.results.serving.running import serving


@pytest.fixture
def watched(kept: Path) -> tuple[Predictor, Drift]:
    predictor = Predictor.load(kept / "best")
    drift = predictor.watch()
    assert drift is not None
    return predictor, drift


def own_log(trained: Trained) -> list[str]:
    return trained.path.read_text(encoding="utf-8").splitlines()


def other_log(rows: int) -> list[str]:
    return [record for record, _ in synthetic.generate(rows, seed=3)]


def indices(drift: Drift) -> tuple[float, float]:
    tally, known = drift.total, drift.profile
    return (
        known.lengths.stability_index(tally.lengths),
        known.scores.stability_index(tally.scores),
    )


def test_the_log_of_the_training_reads_near_nothing(
    watched: tuple[Predictor, Drift], trained: Trained
) -> None:
    predictor, drift = watched
    predictor.answers(own_log(trained))
    tally = drift.total
    assert tally.records == 280
    assert tally.novelty == drift.profile.heldout
    assert tally.novelty.unseen_characters == tally.novelty.unseen_ngrams == 0
    assert tally.novelty.characters == len(trained.encoded.ids)
    assert max(indices(drift)) < 1e-9
    said = describe_drift(drift)
    assert len(said) == 4
    assert all("0.00 % of" in line for line in said[:2])
    assert all("0.000, as they were" in line for line in said[2:])


def test_new_records_of_the_same_kind_read_little_more(
    watched: tuple[Predictor, Drift], tmp_path: Path
) -> None:
    predictor, drift = watched
    write_log(tmp_path / "later.csv", 700)
    later = (tmp_path / "later.csv").read_text(encoding="utf-8").splitlines()[280:]
    predictor.answers(later)
    novelty = drift.total.novelty
    assert novelty.unseen_ngrams < 0.02 * novelty.ngrams
    assert max(indices(drift)) < 0.1


def test_another_log_reads_high(watched: tuple[Predictor, Drift]) -> None:
    predictor, drift = watched
    predictor.answers(other_log(400))
    novelty = drift.total.novelty
    assert novelty.unseen_ngrams > 0.2 * novelty.ngrams
    assert novelty.unseen_characters > 0
    lengths, scores = indices(drift)
    assert lengths > 0.1 and scores > 0.25
    said = describe_drift(drift)
    assert "they have" in said[2] and "they have shifted" in said[3]


def test_a_stream_and_single_records_count_the_same(kept: Path) -> None:
    lines = [*other_log(300), "no record", ""]
    tallies = []
    for way in ("batch", "stream", "alone"):
        predictor = Predictor.load(kept / "best")
        drift = predictor.watch()
        assert drift is not None
        if way == "batch":
            predictor.answers(lines)
        elif way == "stream":
            list(Stream(predictor, threads=2).answers([lines[:100], [], lines[100:]]))
        else:
            for line in lines:
                predictor.answers([line])
        tallies.append(drift.total)
    first = tallies[0]
    assert first.records == 300
    for tally in tallies[1:]:
        assert (tally.records, tally.novelty) == (first.records, first.novelty)
        assert tally.lengths.tolist() == first.lengths.tolist()
        assert tally.scores.tolist() == first.scores.tolist()
        assert tally.score_sum == pytest.approx(first.score_sum)


def test_nothing_is_lost_between_threads(trained: Trained) -> None:
    drift = Drift(profile(trained))
    ids = np.full((3, 1024), 2, np.int32)
    ids[0] = 0  # An empty text.
    scores = np.array([0.1, np.nan, 0.2], np.float32)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: drift.observe(ids, scores) or drift.total, range(500)))
    tally = drift.total
    assert tally.records == 1500 and tally.lengths.sum() == 1500
    assert tally.scores.sum() == 1000  # A score that is not finite has no place.
    assert tally.lengths[0] == 500
    assert tally.novelty.characters == 1000 * 1024


def test_what_a_caller_does_with_its_arrays_afterwards_does_not_matter(trained: Trained) -> None:
    drift = Drift(profile(trained))
    ids, scores = np.full((1, 32), 2, np.int32), np.array([0.5], np.float32)
    drift.observe(ids, scores)
    ids[:], scores[:] = 0, np.nan
    assert drift.total.novelty.characters == 32 and drift.total.scores.sum() == 1


def test_the_recent_records_are_the_last_few_thousand(trained: Trained) -> None:
    drift = Drift(profile(trained))
    for _ in range(3 * WINDOW // 100):
        drift.observe(np.full((100, 32), 1, np.int32), np.full(100, 0.1, np.float32))
    assert drift.total.records == 3 * WINDOW
    assert WINDOW <= drift.recent.records <= 2 * WINDOW
    before = drift.recent.lengths.argmax()
    for _ in range(2 * WINDOW // 100):
        drift.observe(np.full((100, 1024), 1, np.int32), np.full(100, 0.1, np.float32))
    assert drift.recent.lengths[before] == 0


def test_nothing_scored_says_so(trained: Trained) -> None:
    assert describe_drift(Drift(profile(trained))) == [
        "nothing was scored that could be compared with the training rows"
    ]
    assert Drift(profile(trained)).total.novelty == Novelty()


def test_prometheus_reads_counters_histograms_and_what_to_compare_them_with(
    watched: tuple[Predictor, Drift],
) -> None:
    predictor, drift = watched
    with serving(predictor.answers, Limits(), drift=drift) as running:
        empty = running.call("GET", "/metrics").body.decode()
        assert 'model3_stability_index{of="score"} 0.0' in empty
        lines = other_log(40)
        for start in range(0, 40, 10):
            records = [json.loads(line) for line in lines[start : start + 10]]
            assert running.post(records).status == 200
        text = running.call("GET", "/metrics").body.decode()
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    total, known = drift.total, drift.profile
    new = total.novelty
    assert total.records == 40
    assert found["model3_characters_total",] == new.characters > 0
    assert found["model3_unseen_characters_total",] == new.unseen_characters > 0
    assert found["model3_ngrams_total",] == new.ngrams
    assert found["model3_unseen_ngrams_total",] == new.unseen_ngrams
    assert found["model3_length_count",] == found["model3_score_count",] == 40
    assert found["model3_length_sum",] == new.characters
    assert found["model3_score_sum",] == pytest.approx(total.score_sum)
    assert found["model3_heldout_unseen_ratio", ("of", "ngrams")] == 0
    assert found["model3_stability_index", ("of", "length")] == indices(drift)[0] > 0.1
    for name, distribution in (("length", known.lengths), ("score", known.scores)):
        ends = {key[1] for key in found if key[0] == f"model3_{name}_bucket"}
        assert len(ends) == len(distribution.counts)
        # So that a query can subtract one from the other.
        shares = {key[1:] for key in found if key[0] == "model3_reference_ratio"}
        assert {of[0] for of in shares if of[1] == ("of", name)} == ends
        assert found["model3_reference_ratio", ("le", "+Inf"), ("of", name)] == 1
    assert re.search(r"^# TYPE model3_length histogram$", text, re.MULTILINE)
