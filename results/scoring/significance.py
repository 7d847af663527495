"""Is a difference luck: Wilson's interval, McNemar's exact test and Holm's correction."""

from collections.abc import Sequence

from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

SIGNIFICANT_BELOW = 0.05


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Args:
        successes: How many succeeded.
        trials: How many were tried; at least one.
        confidence: How often such an interval holds the true share.

    Returns:
        Its lower and upper end, both within 0 and 1.

    Raises:
        ValueError: If there were no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes of {trials} trials are no share")
    low, high = proportion_confint(successes, trials, alpha=1 - confidence, method="wilson")
    return float(low), float(high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test of two classifiers.

    Only the rows on which exactly one of the two is right count: were both equally good, each
    such row would go to either with equal chance.

    Args:
        only_first: How many rows only the first classifier gets right.
        only_second: How many rows only the second classifier gets right.

    Returns:
        The p-value; 1.0 where there are no such rows.
    """
    table = [[0, only_first], [only_second, 0]]
    return float(statsmodels_mcnemar(table, exact=True).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected by Holm for being several, in the order given."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
