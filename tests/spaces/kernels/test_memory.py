"""Memory is lent to one at a time, and used again."""

import numpy as np

from spaces.kernels.memory import Memory


def test_what_is_given_back_is_lent_again() -> None:
    memory = Memory()
    first = memory.take(10, 4)
    memory.give_back(first)
    assert np.shares_memory(memory.take(5, 8), first)


def test_what_is_lent_is_nobody_elses() -> None:
    memory = Memory()
    lent = [memory.take(3, 4) for _ in range(3)]
    assert not any(np.shares_memory(a, b) for a in lent for b in lent if a is not b)


def test_a_larger_array_takes_the_place_of_one_too_small() -> None:
    memory = Memory()
    memory.give_back(memory.take(10))
    large = memory.take(1000)
    assert large.shape == (1000,)
    memory.give_back(large)
    assert np.shares_memory(memory.take(10), large)


def test_a_much_larger_array_makes_way_for_one_that_fits() -> None:
    memory = Memory()
    long = memory.take(10_000_000)
    memory.give_back(long)
    short = memory.take(1_000_000)
    assert not np.shares_memory(short, long)
    memory.give_back(short)
    assert not np.shares_memory(memory.take(10_000_000), long)


def test_nothing_is_lent_for_nothing() -> None:
    memory = Memory()
    nothing = memory.take(0, 7)
    assert nothing.shape == (0, 7)
    memory.give_back(nothing)
    assert memory.take(2).shape == (2,)


def test_nothing_takes_no_room_from_others() -> None:
    memory = Memory()
    room = memory.take(10)
    memory.give_back(room)
    memory.give_back(memory.take(0, 7))
    assert np.shares_memory(memory.take(10), room)
