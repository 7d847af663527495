"""The leaderboard in one sentence: who won, by how much, and whether that is luck."""

from collections import Counter

from results.leaderboard.row import LINEAR, MODEL2, Leaderboard, Row
from results.scoring import SIGNIFICANT_BELOW
from results.study import ACCURACY, refit_name

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


def verdict(leaderboard: Leaderboard) -> str:
    """Say who won and whether it is luck.

    "beats" is said only of the champion, if the difference is above 0 and its p, Holm-corrected
    over its two references, is below .05. Where there is no champion, the best row was picked by
    its held-out score, so that no p of it can show a win.

    A second sentence tells of the champion's refit, where there is one, beside the references'.

    Args:
        leaderboard: The ranked rows.

    Returns:
        One line, e.g. "Model 3 (trial 17) beats Model 2 by 1.4 points (.9967 against .9828,
        p < .0001), but does not beat the linear baseline: ...".
    """
    champion = leaderboard.champion
    if champion is not None:
        said = (_sentence(champion, leaderboard), _refit_sentence(leaderboard))
        return ". ".join(sentence for sentence in said if sentence)
    scored = (row for row in leaderboard.rows if row.heldout_accuracy is not None)
    best = next((row for row in scored if row.kind != "refit"), None)
    why = _why_no_champion(leaderboard)
    return why if best is None else f"{why}; best of the rest: {_sentence(best, leaderboard)}"


def _subject(row: Row, leaderboard: Leaderboard) -> str:
    """Name the row; of a champion that was not chosen by accuracy, say by what."""
    if not row.selected or leaderboard.choice == ACCURACY:
        return title(row)
    return f"Model 3 ({printable(row.name)}, chosen by {leaderboard.choice.best})"


def title(row: Row) -> str:
    """Return the name of a row as a person would say it.

    Args:
        row: A row of the leaderboard.
    """
    if row.kind == "trial" or row.champion_refit:
        return f"Model 3 ({printable(row.name)})"
    if row.kind == "refit":
        titles = {refit_name(name): refit_name(said) for name, said in TITLES.items()}
        return titles.get(row.name) or printable(row.name)
    return TITLES.get(row.name) or printable(row.name)


def printable(text: str) -> str:
    """Replace what could steer a terminal or break a line.

    Args:
        text: Any text, e.g. a name or an exception's message.

    Returns:
        Printable characters, as many as before.
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def format_share(value: float | None) -> str:
    """Write a figure between 0 and 1 without its leading zero: ".9967", or "1.0000".

    Args:
        value: The figure; None gives "-".
    """
    return "-" if value is None else f"{value:.4f}".removeprefix("0")


def format_p_value(value: float | None) -> str:
    """Write a p-value: "< .0001", or "= .0312".

    Args:
        value: The p-value; None gives "-".
    """
    if value is None:
        return "-"
    return "< .0001" if value < 0.0001 else f"= {format_share(value)}"


def format_p(value: float | None) -> str:
    """Write a p-value for a table: "<.0001", or ".0312".

    Args:
        value: The p-value; None gives "-".
    """
    return format_p_value(value).removeprefix("= ").replace("< ", "<")


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
        interval = f"{format_share(row.heldout_low)} to {format_share(row.heldout_high)}"
        phrases = [f"reaches {format_share(row.heldout_accuracy)} ({interval} at 95 %)"]
    alike = len({phrase.startswith("beats") for phrase in phrases}) == 1
    sentence = f"{_subject(row, leaderboard)} {(' and ' if alike else ', but ').join(phrases)}"
    sentence += _over_seeds(row, leaderboard.find(MODEL2))
    if missing:
        names = " and ".join(missing)
        sentence += f"; {names} {'are' if len(missing) > 1 else 'is'} not there to compare with"
    return sentence


def _refit_sentence(leaderboard: Leaderboard) -> str:
    """Say how the champion did when it was trained on all training rows; "" where it was not."""
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
    interval = f"({format_share(refit.heldout_low)} to {format_share(refit.heldout_high)} at 95 %)"
    return f"{subject} reaches {format_share(refit.heldout_accuracy)} " + (
        f"against {against}" if against else interval
    )


def _beside(name: str, p: float | None, rival: Row | None) -> str:
    """Return ".9966 of the linear baseline (p = ...)"; "" where either is not known."""
    score = _score(rival)
    if rival is None or score is None or p is None:
        return ""
    title = TITLES[name] + (", which diverged" if rival.status == "diverged" else "")
    luck = "" if p < SIGNIFICANT_BELOW else ", not significant"
    return f"{format_share(score)} of {title} (p {format_p_value(p)}{luck})"


def _over_seeds(row: Row, rival: Row | None) -> str:
    """Return how both did over several seeds: the tests above know the luck of the rows alone."""
    if row.repeats_mean is None:
        return ""
    sides = [row, *([rival] if rival and rival is not row and rival.repeats_mean else [])]
    spread = [
        f"{format_share(side.repeats_mean)} ± {format_share(side.repeats_std)}" for side in sides
    ]
    return f"; over {row.repeats} seeds {' against '.join(spread)}"


def _compared(row: Row, delta: float | None, p: float | None, rival: Row | None) -> str:
    """Return "beats Model 2 by 1.4 points (...)" or its opposite; "" where neither is known."""
    score = _score(rival)
    if rival is None or score is None or delta is None or p is None:
        return ""
    luck = "" if p < SIGNIFICANT_BELOW else ", not significant"
    kind = "p" if row.selected else "exploratory p"
    scores = f"{format_share(row.heldout_accuracy)} against {format_share(score)}"
    figures = f"({scores}, {kind} {format_p_value(p)}{luck})"
    name = title(rival) + (", which diverged," if rival.status == "diverged" else "")
    # Below a tenth of a point one digit would say "0.0 points ahead".
    points = f"{abs(delta) * 100:.{1 if abs(delta) >= 0.001 else 2}f} points"
    where = "level" if delta == 0 else f"{points} {'ahead' if delta > 0 else 'behind'}"
    if not row.selected:
        joint = "with " if delta == 0 else "of " if delta > 0 else ""
        return f"is {where} {joint}{name} {figures}"
    if not luck:
        return f"{'beats' if delta > 0 else 'loses to'} {name} by {points} {figures}"
    return f"does not beat {name}: {where} {figures}"


def _score(row: Row | None) -> float | None:
    return None if row is None else row.heldout_accuracy
