"""The soak by itself: what it sees of a search, and that it can fail."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import soak
from tests.benchmarks.soak import STUDY, Sample, at, replay

FIRST = Sample(50, 50.0, 600 << 20, 30, 200 << 20, 12, 100_000)
LAST = Sample(500, 500.0, 650 << 20, 30, 220 << 20, 12, 1_000_000)


def test_samples_are_found_by_their_trials() -> None:
    assert at([FIRST, LAST], 50) == FIRST
    assert at([FIRST, LAST], 51) == at([FIRST, LAST], 600) == LAST


def test_a_file_that_is_open_for_a_moment_is_none_that_stays_open() -> None:
    busy = replace(LAST, worker_files=33, parent_files=14)
    assert at([FIRST, LAST, busy], 600) == LAST
    assert at([busy] * 9 + [replace(busy, trials=510)], 510).worker_files == 33


@pytest.mark.parametrize(
    ("last", "seconds", "status"),
    [
        (LAST, 0.5, 0),
        (replace(LAST, worker_bytes=661 << 20), 0.5, 1),
        (replace(LAST, worker_files=31), 0.5, 1),
        (LAST, 0.76, 1),
    ],
    ids=["flat", "memory", "files", "replay"],
)
def test_what_grows_is_a_failure(last: Sample, seconds: float, status: int) -> None:
    assert soak.judge(FIRST, last, 0.001, seconds) == status


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_short_soak_follows_a_real_search(tmp_path: Path) -> None:
    samples = soak.soak(4, tmp_path)
    assert [sample.trials for sample in samples] == sorted({sample.trials for sample in samples})
    # The worker may be gone before the look that would show its last trial.
    assert samples[-1].trials in (3, 4)
    assert samples[-1].worker_bytes > samples[-1].parent_bytes > 50 << 20
    journal = tmp_path / STUDY / "journal.log"
    assert samples[0].journal_bytes < samples[-1].journal_bytes <= journal.stat().st_size
    assert 0 < replay(journal, samples[-1].journal_bytes, tmp_path) < 5
