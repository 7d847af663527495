"""The leaderboard in words: who won and whether it is luck, and what stands below the table."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

from data.common import printable
from results.leaderboard.columns import CHAMPION, Column, Row, format_p, format_share
from results.leaderboard.leaderboard import LINEAR, MODEL2, Leaderboard
from results.leaderboard.selection import RULES
from results.scoring import SIGNIFICANT_BELOW
from results.study import ACCURACY, BEHIND, BUDGET_ENDED, refit_name

TITLES = {
    "model1": "Model 1",
    "model1-as-run": "Model 1 as run",
    MODEL2: "Model 2",
    "model3-notebook": "the notebook's Model 3",
    LINEAR: "the linear baseline",
    "regex": "the regular expression",
    "majority": "the majority class",
}
_ENDS = {"pruned": "was stopped", "diverged": "diverged", "failed": "failed"}

_REFIT = (
    "refit: trained again on all training rows, which leaves none to validate on, and compared "
    "with refits alone: vs M2 and p are against that of model2, and the champion's p is corrected "
    "over the two in the same way."
)
# A larger share of held-out texts that a model has been trained on may decide who wins.
_REPEATED_SHARE = 0.05
# These headings explain themselves.
_NOT_IN_LEGEND = ("rank", "name", "status")
# How many of those that share a reason are named.
_NAMED = 3


def verdict(leaderboard: Leaderboard) -> str:
    """Describe who won, and whether the difference is significant.

    "beats" is said only of the champion, if the difference is above 0 and its p, Holm-corrected
    over its two references, is below .05. Without a champion the best row was picked by its
    held-out score, so that no p of it can show a win.

    A second sentence tells of the champion's refit, if there is one, beside the references'. All is
    one line, e.g. "Model 3 (trial 17) beats Model 2 by 1.4 points (.9967 against .9828, p < .0001),
    but does not beat the linear baseline: ...".
    """
    champion = leaderboard.champion
    if champion is not None:
        said = (_sentence(champion, leaderboard), _refit_sentence(leaderboard))
        return ". ".join(sentence for sentence in said if sentence)
    scored = (row for row in leaderboard.rows if row.heldout_accuracy is not None)
    best = next((row for row in scored if row.kind != "refit"), None)
    why = _why_no_champion(leaderboard)
    return why if best is None else f"{why}; best of the rest: {_sentence(best, leaderboard)}"


def title(row: Row) -> str:
    """Name a row as a person would, e.g. "Model 3 (trial 17)" or "the linear baseline"."""
    if row.kind == "trial" or row.champion_refit:
        return f"Model 3 ({printable(row.name)})"
    if row.kind == "refit":
        titles = {refit_name(name): refit_name(said) for name, said in TITLES.items()}
        return titles.get(row.name) or printable(row.name)
    return TITLES.get(row.name) or printable(row.name)


def has_known_texts(data: Mapping[str, Any]) -> bool:
    """Return whether many held-out texts were trained on, by a run's facts of the data."""
    rows = data.get("slices", {}).get("held-out", 0)
    # Earlier versions did not count them.
    return bool(data.get("heldout_repeated", 0) > _REPEATED_SHARE * rows)


def describe_known_texts(leaderboard: Leaderboard) -> str:
    """Describe the accuracies on held-out texts that were not trained on; "" if nearly all are."""
    data = leaderboard.data
    if not has_known_texts(data):
        return ""
    count, rows = data["heldout_repeated"], data["slices"]["held-out"]
    said = (
        f"{count:,} of the {rows:,} held-out rows ({count / rows:.1%}) have a text that stands in "
        "the training rows too"
    )
    best = leaderboard.champion or next(iter(leaderboard.rows), None)
    shown = {row.name: row for row in (best, *leaderboard.compared()) if row is not None}
    scores = [
        f"{title(row)} {format_share(row.unrepeated_accuracy)}"
        for row in shown.values()
        if row.unrepeated_accuracy is not None
    ]
    if scores:
        said += f". Accuracy on the others: {', '.join(scores)}"
    return f"{said}. --drop-duplicates leaves them out."


def describe_selection(leaderboard: Leaderboard) -> str:
    """Describe how much of its validation accuracy the champion owes to having been chosen.

    "" if nothing was chosen or measured.
    """
    champion, by, found = leaderboard.champion, leaderboard.choice, leaderboard.selection
    if champion is not None and by.name not in RULES:
        return printable(
            f"selection bias: not measured, since {champion.name} was chosen by {by.best}, and "
            "only a choice by accuracy or loss is repeated on bootstrap samples."
        )
    if found is None:
        return ""
    expected = format_share(found.expected_accuracy)
    points = round(found.optimism * 100, 2) + 0.0  # Never "-0.00".
    span = f"95 % of them {format_share(found.expected_low)} to {format_share(found.expected_high)}"
    last = f" (at the end {found.finalists} of them, by the mean of two seeds)"
    return printable(
        f"selection bias: {found.champion} was chosen by {by.best} among {found.candidates} "
        f"complete trial{'s' * (found.candidates != 1)}{last if found.finalists else ''}. "
        f"Its accuracy is {format_share(found.val_accuracy)} on the {found.rows:,} validation "
        f"rows, and {format_share(found.heldout_accuracy)} on the held-out rows. The choice "
        f"repeated on {found.resamples:,} bootstrap samples scores {expected} on the rows "
        f"left out ({span}): an optimism of {points:.2f} points. "
        f"{found.chosen_again:.0%} of the samples choose the same trial."
    )


def describe_export(leaderboard: Leaderboard) -> str:
    """Return which of the champion and its refit is exported, and why; "" without a refit."""
    champion, refit = leaderboard.champion, leaderboard.refit
    if champion is None or refit is None:
        return ""
    if leaderboard.exported == refit:
        return printable(f"exported: {refit.name}, the champion trained again.")
    how = "does not tell the classes apart" if refit.status == "complete" else _ENDS[refit.status]
    why = f"{refit.name} {how} ({refit.reason})"
    return printable(f"exported: {champion.name} as it was chosen, since {why}.")


def describe_legend(leaderboard: Leaderboard, columns: Mapping[str, Column]) -> str:
    """Explain the marks, and the columns that are shown under these headings."""
    explained = [
        f"{heading}: {column.explained(leaderboard.label_words)}"
        for heading, column in columns.items()
        if column.key not in _NOT_IN_LEGEND
    ]
    legend = (
        f"{CHAMPION} champion, chosen by {leaderboard.choice.best} before the held-out rows were "
        f"scored; {'; '.join(explained)}."
    )
    has_refits = any(row.kind == "refit" for row in leaderboard.rows)
    return f"{legend} {_REFIT}" if has_refits else legend


def describe_unseeded(leaderboard: Leaderboard) -> str:
    """Name the baselines that no seed changes, if the others were repeated; else ""."""
    names = [row.name for row in leaderboard.rows if row.kind == "baseline" and row.layers is None]
    if not names or not leaderboard.repeated:
        return ""
    return printable(f"no seed changes {', '.join(names)}: not repeated")


def describe_facts(leaderboard: Leaderboard) -> list[str]:
    """Return a line each on the data and the protocol, from whatever plain values they hold."""
    lines = []
    data = dict(leaderboard.data)
    if "label_words" in data:
        data |= {f"label {label}": word for label, word in enumerate(leaderboard.label_words)}
    for label, known in (("data", data), ("protocol", leaderboard.protocol)):
        values = [
            f"{key} {value}"
            for key, value in known.items()
            if isinstance(value, (str, int, float)) and value != ""
        ]
        if values:
            lines.append(printable(f"{label}: {', '.join(values)}"))
    return lines


def describe_reasons(leaderboard: Leaderboard, width: int) -> list[str]:
    """List, by reason, the trainings that did not complete, or do not tell the classes apart.

    A pruned trial that was behind its rivals is no news. Lines are cut at the width.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for row in leaderboard.rows:
        if row.reason and row.reason not in (BEHIND, BUDGET_ENDED):
            names.setdefault((row.status, row.reason), []).append(row.name)
    lines = []
    for (status, reason), whose in names.items():
        who = ", ".join(whose[:_NAMED])
        more = f" and {len(whose) - _NAMED} more" if len(whose) > _NAMED else ""
        end = "" if status == "complete" else f" {status}"
        lines.append(textwrap.shorten(printable(f"{who}{more}{end}: {reason}"), width))
    return lines


def _subject(row: Row, leaderboard: Leaderboard) -> str:
    """Name the row; of a champion that was not chosen by accuracy, say by what."""
    if not row.selected or leaderboard.choice == ACCURACY:
        return title(row)
    return f"Model 3 ({printable(row.name)}, chosen by {leaderboard.choice.best})"


def _why_no_champion(leaderboard: Leaderboard) -> str:
    trials = Counter(row.status for row in leaderboard.rows if row.kind == "trial")
    if not trials:
        return "No Model 3 was searched for"
    ends = ", ".join(f"{count} {status}" for status, count in sorted(trials.items()))
    return f"No Model 3 was chosen ({ends})"


def _sentence(row: Row, leaderboard: Leaderboard) -> str:
    if row.heldout_accuracy is None:
        return f"{_subject(row, leaderboard)} was chosen, but has no held-out score"
    against = [
        _compared(row, row.delta_vs_model2, row.p_vs_model2, leaderboard.find(MODEL2)),
        _compared(row, row.delta_vs_linear, row.p_vs_linear, leaderboard.find(LINEAR)),
    ]
    phrases = [phrase for phrase in against if phrase]
    missing = [
        TITLES[name]
        for name in (MODEL2, LINEAR)
        if row.name != name and _score(leaderboard.find(name)) is None
    ]
    if not phrases:
        phrases = [f"reaches {format_share(row.heldout_accuracy)} {_interval(row)}"]
    alike = len({phrase.startswith("beats") for phrase in phrases}) == 1
    sentence = f"{_subject(row, leaderboard)} {(' and ' if alike else ', but ').join(phrases)}"
    sentence += _over_seeds(row, leaderboard.find(MODEL2))
    if missing:
        names = " and ".join(missing)
        sentence += f"; {names} {'are' if len(missing) > 1 else 'is'} not there to compare with"
    return sentence


def _refit_sentence(leaderboard: Leaderboard) -> str:
    """Describe how the champion did when it was trained on all training rows; "" if it was not."""
    refit = leaderboard.refit
    if refit is None:
        return ""
    subject = "Trained again on all training rows it"
    if refit.status != "complete":
        return f"{subject} {_ENDS[refit.status]}"
    if refit.heldout_accuracy is None:
        return f"{subject} has no held-out score"
    beside = [
        _beside(MODEL2, refit.p_vs_model2, leaderboard.reference(refit, MODEL2)),
        _beside(LINEAR, refit.p_vs_linear, leaderboard.reference(refit, LINEAR)),
    ]
    against = " and ".join(phrase for phrase in beside if phrase)
    return f"{subject} reaches {format_share(refit.heldout_accuracy)} " + (
        f"against {against}" if against else _interval(refit)
    )


def _beside(name: str, p: float | None, rival: Row | None) -> str:
    """Return ".9966 for the linear baseline (p = ...)"; "" if either is not known."""
    score = _score(rival)
    if rival is None or score is None or p is None:
        return ""
    title = TITLES[name] + (", which diverged" if rival.status == "diverged" else "")
    return f"{format_share(score)} for {title} (p {_with_luck(p)})"


def _over_seeds(row: Row, rival: Row | None) -> str:
    """Return how both did over several seeds: the tests above know the luck of the rows alone."""
    if row.repeats_mean is None:
        return ""
    sides = [row, *([rival] if rival and rival is not row and rival.repeats_mean else [])]
    spread = [
        f"{format_share(side.repeats_mean)} ± {format_share(side.repeats_std)}" for side in sides
    ]
    said = f"; over {row.repeats} seeds {spread[0]}"
    if len(sides) == 1:
        return said
    others = "" if sides[1].repeats == row.repeats else f" over {sides[1].repeats} seeds"
    return f"{said} against {spread[1]} for {title(sides[1])}{others}"


def _compared(row: Row, delta: float | None, p: float | None, rival: Row | None) -> str:
    """Return "beats Model 2 by 1.4 points (...)" or its opposite; "" if neither is known."""
    score = _score(rival)
    if rival is None or score is None or delta is None or p is None:
        return ""
    kind = "p" if row.selected else "exploratory p"
    scores = f"{format_share(row.heldout_accuracy)} against {format_share(score)}"
    figures = f"({scores}, {kind} {_with_luck(p)})"
    name = title(rival) + (", which diverged," if rival.status == "diverged" else "")
    # Below a tenth of a point one digit would say "0.0 points ahead".
    digits = 1 if abs(delta) >= 0.001 else 2
    shown = f"{abs(delta) * 100:.{digits}f}" if abs(delta) >= 0.0001 else "less than 0.01"
    points = f"{shown} points"
    where = "level" if delta == 0 else f"{points} {'ahead' if delta > 0 else 'behind'}"
    if not row.selected:
        joint = "with " if delta == 0 else "of " if delta > 0 else ""
        return f"is {where} {joint}{name} {figures}"
    if p < SIGNIFICANT_BELOW:
        return f"{'beats' if delta > 0 else 'loses to'} {name} by {points} {figures}"
    return f"does not beat {name}: {where} {figures}"


def _with_luck(p: float) -> str:
    return format_p(p) + ("" if p < SIGNIFICANT_BELOW else ", not significant")


def _interval(row: Row) -> str:
    low, high = format_share(row.heldout_low), format_share(row.heldout_high)
    return f"({low} to {high} at 95 %)"


def _score(row: Row | None) -> float | None:
    return None if row is None else row.heldout_accuracy
