"""How much training a log of another size than the assignment's gets."""

import pytest

from spaces import epochs_for, reports_for


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [
        (15_059, 3),  # the assignment's own
        (1_000_000, 3),
        (11_250, 4),
        (3_135, 14),
        (1_125, 40),
        (1, 40),
    ],
)
def test_a_log_gets_about_the_updates_of_the_assignments_within_bounds(
    rows: int, epochs: int
) -> None:
    assert epochs_for(rows) == epochs


@pytest.mark.parametrize(
    ("epochs", "reports"), [(1, 4), (3, 4), (4, 3), (6, 2), (11, 2), (12, 1), (40, 1)]
)
def test_a_long_training_reports_less_often_in_an_epoch(epochs: int, reports: int) -> None:
    assert reports_for(epochs) == reports
