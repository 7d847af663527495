"""What stands below the leaderboard: what its figures mean, rest on, and may owe to luck."""

import textwrap

from results.leaderboard.columns import CHAMPION, FRONT, PARTIAL
from results.leaderboard.row import Leaderboard
from results.leaderboard.selection import RULES
from results.leaderboard.wording import format_share, printable
from results.study import BEHIND, BUDGET_ENDED

_LEGEND = (
    f"val: accuracy on the validation rows, {PARTIAL} on a part of them, where a trial was stopped "
    "within an epoch; held: accuracy on the held-out rows, with its 95 % Wilson interval; "
    "vs M2: points of accuracy above Model 2; p: McNemar's exact test on the same rows, the "
    "champion's Holm-corrected over Model 2 and linear, all others exploratory and in parentheses; "
    "R@.1%, R@1%: recall at a false positive rate of at most .1 and 1 %; "
    "ECE: expected calibration error, 15 bins; s: seconds of training; "
    f"µs: median CPU time of one request alone, {FRONT} on the Pareto front of held-out accuracy "
    "against it."
)
_REFIT = (
    "refit: trained again on all training rows, which leaves none to validate on, and compared "
    "with refits alone: vs M2 and p are against that of model2, and the champion's p is corrected "
    "over the two in the same way."
)
# Of the columns that only a page has.
PAGE_LEGEND = (
    "brief: keeps Model 3's rules; kB: a network's weights, in thousands of bytes; vs linear, "
    "p linear: as vs M2 and p, against the linear baseline; FPR: false positive rate at .5; "
    "µs of 512: CPU time of one request among 512; p99: 99th percentile over the calls."
)

_NAMED = 3
# What is said of a complete training is a remark on its scores.
_ENDS = {"complete": "", "pruned": " pruned", "diverged": " diverged", "failed": " failed"}
_FAULTS = {
    "complete": "tells nothing apart",
    "pruned": "was stopped",
    "diverged": "diverged",
    "failed": "failed",
}


def legend(leaderboard: Leaderboard) -> str:
    """Say what the marks and columns mean that every form of the table has.

    Args:
        leaderboard: The ranked rows.
    """
    by = leaderboard.choice.best
    known = any(row.kind == "refit" for row in leaderboard.rows)
    return (
        f"{CHAMPION} champion, chosen by {by} before the held-out rows were scored; {_LEGEND}"
        f"{f' {_REFIT}' if known else ''}"
    )


def describe_selection(leaderboard: Leaderboard) -> str:
    """Say what the champion's validation accuracy owes to the choice among many trials.

    Args:
        leaderboard: The ranked rows.

    Returns:
        A few sentences; "" where nothing was chosen or measured.
    """
    champion, by, found = leaderboard.champion, leaderboard.choice, leaderboard.selection
    if champion is not None and by.name not in RULES:
        return printable(
            f"selection bias: not measured, since {champion.name} was chosen by {by.best} and not "
            "by a score on the validation rows."
        )
    if found is None:
        return ""
    expected = format_share(found.expected_accuracy)
    points = round(found.optimism * 100, 2) + 0.0  # Never "-0.00".
    span = f"{format_share(found.expected_low)} to {format_share(found.expected_high)}"
    last = f" (at the end {found.finalists} of them, by the mean of two seeds)"
    return printable(
        f"selection bias: {found.champion} was chosen by {by.best} among {found.candidates} "
        f"complete trials{last if found.finalists else ''}. Its accuracy is "
        f"{format_share(found.val_accuracy)} on the {found.rows:,} validation rows, and "
        f"{format_share(found.heldout_accuracy)} on the held-out rows. The choice repeated on "
        f"{found.resamples:,} bootstrap samples scores {expected} on the rows "
        f"left out ({span}): an optimism of {points:.2f} points. "
        f"{found.chosen_again:.0%} of the samples choose the same trial."
    )


def describe_export(leaderboard: Leaderboard) -> str:
    """Say which of the champion and its refit is exported, and why.

    Args:
        leaderboard: The ranked rows.

    Returns:
        A sentence; "" where the champion was not refit.
    """
    champion, refit = leaderboard.champion, leaderboard.refit
    if champion is None or refit is None:
        return ""
    if leaderboard.exported == refit:
        return printable(f"exported: {refit.name}, the champion trained again.")
    why = f"{refit.name} {_FAULTS[refit.status]} ({refit.reason})"
    return printable(f"exported: {champion.name} as it was chosen, since {why}.")


def fixed(leaderboard: Leaderboard) -> str:
    """Say which baselines were not repeated, because no seed changes them.

    Args:
        leaderboard: The ranked rows.

    Returns:
        A sentence; "" where nothing was repeated, or no such baseline is there.
    """
    names = [row.name for row in leaderboard.rows if row.kind == "baseline" and row.layers is None]
    if not names or all(row.repeats == 1 for row in leaderboard.rows):
        return ""
    return printable(f"no seed changes {', '.join(names)}: not repeated")


def facts(leaderboard: Leaderboard) -> list[str]:
    """Give a line each on the data and the protocol, from whatever plain values they hold.

    Args:
        leaderboard: The ranked rows.

    Returns:
        The lines.
    """
    lines = []
    for label, known in (("data", leaderboard.data), ("protocol", leaderboard.protocol)):
        values = [f"{key} {value}" for key, value in known.items() if _is_short(value)]
        if values:
            lines.append(printable(f"{label}: {', '.join(values)}"))
    return lines


def reasons(leaderboard: Leaderboard, width: int) -> list[str]:
    """Say why trainings diverged, failed or were stopped, and what is wrong with complete ones.

    To have been behind its rivals is no news of a pruned trial.

    Args:
        leaderboard: The ranked rows.
        width: Most characters in a line; longer reasons are cut.

    Returns:
        A line for each reason, with those that it holds for.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for row in leaderboard.rows:
        if row.reason and row.reason not in (BEHIND, BUDGET_ENDED):
            names.setdefault((row.status, row.reason), []).append(row.name)
    return [
        textwrap.shorten(printable(f"{_together(whose)}{_ENDS[status]}: {reason}"), width)
        for (status, reason), whose in names.items()
    ]


def _together(names: list[str]) -> str:
    """Join names, e.g. "trial 1, trial 2, trial 5 and 3 more"."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _is_short(value: object) -> bool:
    return isinstance(value, (str, int, float)) and value != ""
