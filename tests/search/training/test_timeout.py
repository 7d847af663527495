"""What a training asks after each batch: whether it is to stop, and whether it took too long."""

import time

from results.study import INTERRUPTED
from search.training.fit import with_timeout


def test_the_clock_of_a_training_starts_at_its_first_batch() -> None:
    stop = with_timeout(lambda: None, 0.2)
    time.sleep(0.3)
    assert stop() is None
    assert stop() is None
    time.sleep(0.3)
    assert stop() == "it trained for longer than --trial-timeout 0.2s"


def test_another_reason_takes_precedence_over_the_clock() -> None:
    stop = with_timeout(lambda: INTERRUPTED, 1e-9)
    assert [stop(), stop()] == [INTERRUPTED, INTERRUPTED]
    assert with_timeout(lambda: None, None)() is None
