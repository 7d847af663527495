"""What one trial asks after each batch."""

import time
from dataclasses import replace
from typing import Any

from results.study import INTERRUPTED
from search.training.fit import Recipe
from search.training.job import Job


def job(**values: Any) -> Job:
    bare: Any = None
    return replace(Job(bare, bare, Recipe(), (), seed=0), **values)


def test_the_clock_of_a_trial_starts_at_its_first_batch() -> None:
    stop = job(timeout=0.2).stopper()
    time.sleep(0.3)
    assert stop() is None
    assert stop() is None
    time.sleep(0.3)
    assert stop() == "it trained for longer than --trial-timeout 0.2s"


def test_each_trial_has_a_clock_of_its_own() -> None:
    common = job(timeout=0.1)
    first = common.stopper()
    first()
    time.sleep(0.2)
    assert first() is not None
    assert common.stopper()() is None


def test_the_jobs_own_reason_goes_before_the_clock() -> None:
    stop = job(timeout=1e-9, stop=lambda: INTERRUPTED).stopper()
    assert [stop(), stop()] == [INTERRUPTED, INTERRUPTED]
    assert job().stopper()() is None
