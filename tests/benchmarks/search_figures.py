"""The figures of searches beside each other: counts, ratios, accuracy by minutes, one JSON file."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from data.common import UserError, write_text

FINISHED = ("complete", "pruned", "diverged")
SIDES = ("stock", "ours", "optuna")
TITLES = {
    "stock": "stock KerasTuner RandomSearch",
    "ours": "search.run",
    "optuna": "plain Optuna (TPE, median)",
}
MINUTES = (1, 2, 5, 10, 20)
TARGET_RATIO, TARGET_SHARE = 25, 0.05


@dataclass(frozen=True)
class Finished:
    """A trial that has ended.

    Attributes:
        seconds: Since the side's process was started.
        status: One of `FINISHED`, "failed", or "cut" if only the budget's end stopped it.
        val_accuracy: On all validation rows; None if it is not complete.
    """

    seconds: float
    status: str
    val_accuracy: float | None


@dataclass(frozen=True)
class Side:
    """One search: for how many seconds it ran, and its ended trials by time."""

    seconds: float
    trials: tuple[Finished, ...]

    def within(self, seconds: float) -> list[Finished]:
        """List the trials that had ended by then."""
        return [trial for trial in self.trials if trial.seconds <= seconds]

    def finished(self, seconds: float) -> int:
        """Count those that ended by themselves: pruned ones too, cut and failed ones not."""
        return sum(trial.status in FINISHED for trial in self.within(seconds))

    def an_hour(self) -> float:
        """Compute the finished trials an hour, over all of its time."""
        return self.finished(self.seconds) / self.seconds * 3600

    def best(self, seconds: float) -> float | None:
        """Return the best validation accuracy of the complete trials by then."""
        known = [
            trial.val_accuracy
            for trial in self.within(seconds)
            if trial.status == "complete" and trial.val_accuracy is not None
        ]
        return max(known, default=None)

    def reached(self, accuracy: float) -> float | None:
        """Return the seconds after which a complete trial was that accurate; None for never."""
        for trial in self.within(self.seconds):
            if trial.status == "complete" and (trial.val_accuracy or 0.0) >= accuracy:
                return trial.seconds
        return None


Repeat = dict[str, Side]


def trial_ratio(sides: Repeat, other: str = "stock") -> float | None:
    """Divide our finished trials by another side's, in the time that both had; None without any."""
    seconds = min(sides[name].seconds for name in ("ours", other))
    theirs = sides[other].finished(seconds)
    return sides["ours"].finished(seconds) / theirs if theirs else None


def rate_ratio(sides: Repeat) -> float | None:
    """Divide our trials an hour by stock's, each over its whole time; None without any."""
    theirs = sides["stock"].an_hour()
    return sides["ours"].an_hour() / theirs if theirs else None


def share_of_time(sides: Repeat) -> float | None:
    """Divide our time to stock's best accuracy by stock's own; None if we did not reach it."""
    stock = sides["stock"]
    best = stock.best(stock.seconds)
    if best is None:
        return None
    reached, own = sides["ours"].reached(best), stock.reached(best)
    return None if reached is None or own is None else reached / own


def show(repeats: Sequence[Repeat]) -> str:
    """Show one or more repeats, each with its sides by name."""
    parts = []
    for number, sides in enumerate(repeats, 1):
        parts += [f"repeat {number} of {len(repeats)}", _counts(sides), _by_minutes(sides)]
        if {"stock", "ours"} <= sides.keys():
            parts.append(_reached(sides))
    return "\n\n".join([*parts, _summary(repeats)])


def _counts(sides: Repeat) -> str:
    """Show how many trials each side finished in the time that all had."""
    seconds = min(side.seconds for side in sides.values())
    rows = []
    for name, side in sides.items():
        ratio = ""
        if "ours" in sides and name != "ours":
            found, mine = trial_ratio(sides, name), sides["ours"].finished(seconds)
            ratio = f"above {mine}" if found is None else f"{found:.1f}"
        found_statuses = [trial.status for trial in side.within(seconds)]
        counts = [found_statuses.count(status) for status in (*FINISHED, "failed", "cut")]
        rate = f"{side.an_hour():.1f}"
        rows.append([TITLES[name], side.finished(seconds), *counts, ratio, rate])
    heads = [f"in {seconds:.0f} s", "finished", *FINISHED, "failed", "cut", "ours / theirs"]
    return _table(rows, [*heads, "an hour, in all"])


def _by_minutes(sides: Repeat) -> str:
    """Show the best validation accuracy of each side by minutes; "-" before the first trial."""
    rows = []
    for name, side in sides.items():
        times = [minute * 60 for minute in MINUTES]
        bests = [side.best(time) if time <= side.seconds else None for time in times]
        numbers = [_number(best, ".4f") for best in (*bests, side.best(side.seconds))]
        rows.append([TITLES[name], *numbers, f"{side.seconds:.0f} s"])
    minutes = [f"{minute} min" for minute in MINUTES]
    return _table(rows, ["best val. accuracy after", *minutes, "end", "ran for"])


def _reached(sides: Repeat) -> str:
    """Say when each side was as accurate as stock's best trial."""
    stock, ours = sides["stock"], sides["ours"]
    best = stock.best(stock.seconds)
    if best is None:
        return f"stock completed no trial in {stock.seconds:.0f} s"
    line = (
        f"stock's best of {stock.seconds:.0f} s is {best:.4f}, after {stock.reached(best):.0f} s; "
    )
    reached, share = ours.reached(best), share_of_time(sides)
    if reached is None:
        return line + f"ours did not reach it in {ours.seconds:.0f} s"
    return line + f"ours reached it after {reached:.0f} s, {share:.3f} of stock's time to it"


def _summary(repeats: Sequence[Repeat]) -> str:
    """Show the ratios over the repeats, with their targets."""
    whole = [sides for sides in repeats if {"stock", "ours"} <= sides.keys()]
    figures = [
        (f"trials in equal time, ours / stock (target {TARGET_RATIO})", trial_ratio, ".1f"),
        ("trials an hour, each over all of its time, ours / stock", rate_ratio, ".1f"),
        (f"time to stock's best, ours / stock (target {TARGET_SHARE})", share_of_time, ".3f"),
    ]
    rows = []
    for title, figure, form in figures:
        known = [value for value in map(figure, whole) if value is not None]
        picked = [pick(known) if known else None for pick in (statistics.median, min, max)]
        numbers = [_number(number, form) for number in picked]
        rows.append([title, *numbers, f"{len(known)} of {len(whole)}"])
    return _table(rows, ["", "median", "min", "max", "repeats"])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(rows: list[list[Any]], heads: list[str]) -> str:
    text: str = tabulate(rows, heads, tablefmt="github", disable_numparse=True)
    return text


def in_order(sides: Repeat) -> Repeat:
    """Put the sides into the order of the tables."""
    return {name: sides[name] for name in SIDES if name in sides}


def save(path: Path, facts: dict[str, Any], repeats: list[Repeat]) -> None:
    """Write what was measured on (`facts`) and the sides, whole or not at all."""
    machine = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.platform(),
    }
    plain = [{name: asdict(side) for name, side in sides.items()} for sides in repeats]
    content = {"facts": facts, "machine": machine, "repeats": plain}
    write_text(path, json.dumps(content, indent=1))


def load(path: Path) -> tuple[dict[str, Any], list[Repeat]]:
    """Read what `save` wrote; a UserError says that it is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        repeats = [
            in_order(
                {
                    name: Side(side["seconds"], tuple(Finished(**one) for one in side["trials"]))
                    for name, side in sides.items()
                }
            )
            for sides in content["repeats"]
        ]
        return content["facts"], repeats
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: no figures of this benchmark can be read from it") from error


def load_to_continue(path: Path | None, facts: dict[str, Any]) -> list[Repeat]:
    """Read the repeats measured so far, if any; a UserError if they were measured on other data."""
    if path is None or not path.is_file():
        return []
    known, repeats = load(path)
    for key, value in facts.items():
        if known.get(key) != value:
            raise UserError(f"{path} was measured with {key} = {known.get(key)}, not {value}")
    return repeats
