"""Ten kills in one search, for CI; `python -m tests.crashes.run` makes hundreds."""

import random
from pathlib import Path

import pytest

from tests.crashes.lane import HurtSearch, Lane
from tests.crashes.run import disk, usable
from tests.crashes.searches import KINDS

KILLS = 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_that_is_hurt_ten_times_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    with disk(tmp_path / "out") as is_mounted:
        faults, _ = usable((), is_mounted)
        lane = Lane(tmp_path, tmp_path / "out", is_mounted, faults, random.Random(4))
        HurtSearch(lane, KINDS[0], KILLS).play()
    assert lane.tally.problems == []
    assert lane.tally.kills == KILLS
    assert len(lane.tally.faults) >= 8
    assert lane.tally.compared == 1
    assert lane.tally.trials == KINDS[0].budget
