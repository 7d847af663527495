"""A stream gives what each line alone would get, in order, however its lines arrive."""

import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from results.serving import Predictor, Stream
from tests.results.conftest import Trained


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("window", [7, 100, 8192])
@pytest.mark.parametrize("size", [1, 50])
def test_answers_are_those_of_each_line_in_order(
    predictor: Predictor, trained: Trained, threads: int, window: int, size: int
) -> None:
    lines = trained.path.read_text().splitlines()
    lines[3:3] = ["no record", ""]
    stream = Stream(predictor, threads=threads, window=window, batch_size=16)
    batches = [lines[start : start + size] for start in range(0, len(lines), size)]
    found = [answer for answers in stream.answers(batches) for answer in answers]
    expected = predictor.answers(lines)
    assert [sorted(answer) for answer in found] == [sorted(answer) for answer in expected]
    assert [found[3], found[4]] == [expected[3], expected[4]]
    scores = [[answer.get("score", 0.0) for answer in part] for part in (found, expected)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_all_that_was_read_is_answered_at_a_pause(predictor: Predictor, trained: Trained) -> None:
    lines = trained.path.read_text().splitlines()
    read = 0
    given = 0

    def feed() -> Iterator[list[str]]:
        nonlocal read
        for start in range(0, 120, 40):
            yield lines[start : start + 40]
            read += 40
            yield []
            assert given == read

    for answers in Stream(predictor).answers(feed()):
        given += len(answers)
    assert given == read == 120


def test_lines_that_cannot_be_scored_wait_for_no_batch(predictor: Predictor) -> None:
    read = given = 0

    def feed() -> Iterator[list[str]]:
        nonlocal read
        for _ in range(5):
            yield ["{broken"] * 20
            read += 20
            assert given == read

    for answers in Stream(predictor).answers(feed()):
        given += len(answers)
    assert given == 100


def test_no_more_lines_wait_than_the_window_holds(predictor: Predictor, trained: Trained) -> None:
    lines = trained.path.read_text().splitlines()
    read = given = most = 0

    def feed() -> Iterator[list[str]]:
        nonlocal read, most
        for start in range(0, 280, 20):
            yield lines[start : start + 20]
            read += 20
            most = max(most, read - given)

    for answers in Stream(predictor, window=60).answers(feed()):
        given += len(answers)
    assert given == 280
    # Without the bound they would all wait: no length fills a batch of 256.
    assert most <= 60


def test_batches_are_computed_side_by_side(predictor: Predictor, trained: Trained) -> None:
    both = threading.Barrier(2)

    class Meeting(Predictor):
        def __init__(self) -> None:
            self.__dict__.update(predictor.__dict__)

        def probabilities(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
            both.wait(timeout=20)  # Breaks unless a second batch comes meanwhile.
            return super().probabilities(ids)

    line = trained.path.read_text().splitlines()[1]
    stream = Stream(Meeting(), threads=2, batch_size=4)
    found = [answer for answers in stream.answers([[line] * 8]) for answer in answers]
    assert len(found) == 8
