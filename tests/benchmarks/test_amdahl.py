"""Amdahl's law, and the table of workers that is read by it."""

import pytest

from tests.benchmarks import amdahl
from tests.benchmarks.amdahl import Searched


def test_the_serial_share_is_what_amdahls_law_was_given() -> None:
    alone, serial = 80.0, 0.2
    for workers in (2, 4, 16):
        together = alone * (serial + (1 - serial) / workers)
        assert amdahl.serial_share(alone, together, workers) == pytest.approx(serial)
        assert amdahl.speed_up(serial, workers) == pytest.approx(alone / together)


def test_the_searches_are_compared_and_carried_on_to_more_cores() -> None:
    trials = frozenset({("trial 0", 10), ("trial 1", 20)})
    searches = [(1, 1, 100.0), (1, 2, 80.0), (2, 2, 60.0)]
    rows, said = amdahl.table([Searched(*one, trials) for one in searches])
    assert [len(row) for row in rows] == [len(amdahl.HEADS)] * 3
    assert rows[1][3:] == [pytest.approx(100 / 80), pytest.approx(0.6)]
    assert rows[2][3:] == [pytest.approx(100 / 60), pytest.approx(0.2)]
    assert "the same trials: yes" in said
    assert "20.0%, 16 cores would be 4.0 times" in said and "60.0%" not in said
    other = Searched(2, 2, 60.0, frozenset())
    assert "the same trials: NO" in amdahl.table([Searched(1, 1, 9.0, trials), other])[1]
