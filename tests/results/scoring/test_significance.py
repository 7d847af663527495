"""Known values, worked out by hand or by the rule's own formula."""

import math

import pytest

from results.scoring import holm, mcnemar, wilson


def test_wilson_is_the_published_formula() -> None:
    z, share, n = 1.959963984540054, 0.95, 100
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    assert wilson(95, 100) == pytest.approx((middle - half, middle + half))
    # Newcombe 1998, table I, method 3: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_stays_inside_zero_and_one() -> None:
    # Newcombe 1998: 0 of 20 gives .0000 to .1611, 1 of 29 gives .0061 to .1718.
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(20, 20)[1] == pytest.approx(1.0)
    assert wilson(20, 20)[1] <= 1.0


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (3, 2), (-1, 2)])
def test_wilson_refuses_what_is_no_share(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, trials)


def test_mcnemar_is_twice_the_binomial_tail() -> None:
    # 2 * (C(20,0) + ... + C(20,5)) / 2**20
    tail = sum(math.comb(20, k) for k in range(6))
    assert mcnemar(5, 15) == pytest.approx(2 * tail / 2**20)
    assert mcnemar(15, 5) == mcnemar(5, 15)
    assert mcnemar(0, 5) == pytest.approx(0.0625)
    assert mcnemar(0, 6) == pytest.approx(0.03125)


def test_mcnemar_without_a_difference_is_one() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(7, 7) == 1.0


def test_holm_steps_down_and_keeps_the_order() -> None:
    # Sorted .01 .02 .03 .04: times 4, 3, 2, 1, then never falling.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []
