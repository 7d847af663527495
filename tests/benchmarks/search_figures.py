"""What is read off two or three searches that ran for some time: counts, ratios, the way up."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate

FINISHED = ("complete", "pruned", "diverged")
SIDES = ("stock", "ours", "optuna")
TITLES = {
    "stock": "stock KerasTuner RandomSearch",
    "ours": "search.run",
    "optuna": "plain Optuna (TPE, median)",
}
MINUTES = (1, 2, 5, 10, 20)
TARGET_RATIO, TARGET_SHARE = 15, 0.1


@dataclass(frozen=True)
class Finished:
    """A trial that has ended.

    Attributes:
        seconds: Since the side's process was started.
        status: One of `FINISHED`, "failed", or "cut" where only the budget's end stopped it.
        val_accuracy: On all validation rows; None where it is not complete.
    """

    seconds: float
    status: str
    val_accuracy: float | None


@dataclass(frozen=True)
class Side:
    """One search.

    Attributes:
        seconds: How long it was let run, from the start of its process.
        trials: Its ended trials by time.
    """

    seconds: float
    trials: tuple[Finished, ...]

    def within(self, seconds: float) -> list[Finished]:
        """Give the trials that had ended by then."""
        return [trial for trial in self.trials if trial.seconds <= seconds]

    def finished(self, seconds: float) -> int:
        """Count those that ended of themselves: pruned ones too, cut and failed ones not."""
        return sum(trial.status in FINISHED for trial in self.within(seconds))

    def count(self, status: str, seconds: float) -> int:
        """Count those of one status."""
        return sum(trial.status == status for trial in self.within(seconds))

    def an_hour(self) -> float:
        """Give the finished trials an hour, over all of its time."""
        return self.finished(self.seconds) / self.seconds * 3600

    def best(self, seconds: float) -> float | None:
        """Give the best validation accuracy of the complete trials by then."""
        known = [
            trial.val_accuracy
            for trial in self.within(seconds)
            if trial.status == "complete" and trial.val_accuracy is not None
        ]
        return max(known, default=None)

    def reached(self, accuracy: float) -> float | None:
        """Give the seconds after which a complete trial was that accurate; None for never."""
        for trial in self.within(self.seconds):
            if trial.status == "complete" and (trial.val_accuracy or 0.0) >= accuracy:
                return trial.seconds
        return None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Side":
        """Read what `to_json` gave."""
        return cls(value["seconds"], tuple(Finished(**trial) for trial in value["trials"]))

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)


def common(sides: dict[str, Side]) -> float:
    """Give the seconds that all of the sides were let run."""
    return min(side.seconds for side in sides.values())


def trial_ratio(sides: dict[str, Side], other: str = "stock") -> float | None:
    """Divide our finished trials by another side's, in the time that both had; None without any."""
    both = {name: sides[name] for name in ("ours", other)}
    seconds = common(both)
    theirs = both[other].finished(seconds)
    return both["ours"].finished(seconds) / theirs if theirs else None


def rate_ratio(sides: dict[str, Side], other: str = "stock") -> float | None:
    """Divide our trials an hour by another side's, each over its whole time; None without any."""
    theirs = sides[other].an_hour()
    return sides["ours"].an_hour() / theirs if theirs else None


def share_of_time(sides: dict[str, Side]) -> float | None:
    """Divide our time to stock's best accuracy by stock's whole time; None if not reached."""
    best = sides["stock"].best(sides["stock"].seconds)
    reached = None if best is None else sides["ours"].reached(best)
    return None if reached is None else reached / sides["stock"].seconds


def counts_table(sides: dict[str, Side]) -> str:
    """Show how many trials each side finished in the time that all had."""
    seconds = common(sides)
    rows = []
    for name, side in sides.items():
        ratio = ""
        if "ours" in sides and name != "ours":
            found, mine = trial_ratio(sides, name), sides["ours"].finished(seconds)
            ratio = f"above {mine}" if found is None else f"{found:.1f}"
        statuses = [side.count(status, seconds) for status in (*FINISHED, "failed", "cut")]
        rate = f"{side.an_hour():.1f}"
        rows.append([TITLES[name], side.finished(seconds), *statuses, ratio, rate])
    heads = [f"in {seconds:.0f} s", "finished", *FINISHED, "failed", "cut", "ours / theirs"]
    return _table(rows, [*heads, "an hour, in all"])


def way_table(sides: dict[str, Side]) -> str:
    """Show the best validation accuracy of each side by minutes; "-" before the first trial."""
    rows = [
        [
            TITLES[name],
            *[_number(side.best(minute * 60) if minute * 60 <= side.seconds else None, ".4f")
              for minute in MINUTES],
            _number(side.best(side.seconds), ".4f"),
            f"{side.seconds:.0f} s",
        ]
        for name, side in sides.items()
    ]  # fmt: skip
    heads = ["best val. accuracy after", *[f"{minute} min" for minute in MINUTES], "end", "ran for"]
    return _table(rows, heads)


def reached_line(sides: dict[str, Side]) -> str:
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
    return line + f"ours reached it after {reached:.0f} s, {share:.3f} of stock's time"


def summary(repeats: Sequence[dict[str, Side]]) -> str:
    """Show the two ratios over the repeats, with their targets."""
    whole = [sides for sides in repeats if {"stock", "ours"} <= sides.keys()]
    figures = [
        (f"trials in equal time, ours / stock (target {TARGET_RATIO})", trial_ratio, ".1f"),
        ("trials an hour, each over all of its time, ours / stock", rate_ratio, ".1f"),
        (f"time to stock's best, ours / stock (target {TARGET_SHARE})", share_of_time, ".3f"),
    ]
    rows = []
    for title, figure, form in figures:
        known = [value for value in map(figure, whole) if value is not None]
        spread = [pick(known) if known else None for pick in (statistics.median, min, max)]
        numbers = [_number(number, form) for number in spread]
        rows.append([title, *numbers, f"{len(known)} of {len(whole)}"])
    return _table(rows, ["", "median", "min", "max", "repeats"])


def show(repeats: Sequence[dict[str, Side]]) -> str:
    """Show everything.

    Args:
        repeats: The sides of each repeat by name, at least one.

    Returns:
        The tables.
    """
    parts = []
    for number, sides in enumerate(repeats, 1):
        parts += [f"repeat {number} of {len(repeats)}", counts_table(sides), way_table(sides)]
        if {"stock", "ours"} <= sides.keys():
            parts.append(reached_line(sides))
    return "\n\n".join([*parts, summary(repeats)])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(rows: list[list[Any]], heads: list[str]) -> str:
    text: str = tabulate(rows, heads, tablefmt="github", disable_numparse=True)
    return text
