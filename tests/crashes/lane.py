"""One lane of the harness: search after search is hurt again and again until it ends by itself."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crashes import checks, journal, outcome, searches
from tests.crashes.faults import Fault
from tests.crashes.searches import PATIENCE, STUDY, Kind


@dataclass
class Tally:
    """What a lane has done and found.

    Attributes:
        faults: Faults that happened, by name.
        moments: The same, by the moment they were aimed at.
        resumes: How often a search was started again.
        searches: Searches that came to their end, by kind.
        compared: How many of them were compared with an uninterrupted run.
        trials: Trials that they have reported.
        problems: What was wrong, and where.
    """

    faults: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    resumes: int = 0
    searches: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    trials: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many faults happened."""
        return self.faults.total()

    def add(self, other: "Tally") -> None:
        """Add what another lane did.

        Args:
            other: Its tally.
        """
        for name in ("faults", "moments", "searches"):
            getattr(self, name).update(getattr(other, name))
        self.resumes += other.resumes
        self.compared += other.compared
        self.trials += other.trials
        self.problems += other.problems


@dataclass
class Lane:
    """Where searches are hurt, one after the other.

    Attributes:
        folder: A folder for what they print; for what went wrong it stays.
        out: Where runs lie.
        is_mounted: Whether that is a file system of its own.
        faults: What may happen.
        random: Decides what does, and when.
        core: The one core that the searches may use; None for all.
        say: Told what happens.
        tally: What has happened.
    """

    folder: Path
    out: Path
    is_mounted: bool
    faults: Sequence[Fault]
    random: random.Random
    core: int | None = None
    say: Callable[[str], object] = lambda line: None
    tally: Tally = field(default_factory=Tally)
    _count: int = 0
    _bag: list[Fault] = field(default_factory=list)
    _references: dict[str, outcome.Outcome] = field(default_factory=dict)

    def reference(self, kind: Kind) -> outcome.Outcome:
        """Run a search without harm, once for each kind.

        Args:
            kind: Which.

        Returns:
            What it left.
        """
        if kind.name not in self._references:
            self.clear()
            run = searches.start(kind, self.out, self.output(), core=self.core)
            assert run.wait(PATIENCE), f"the uninterrupted search hangs: {run.text()}"
            assert run.process.returncode == 0, run.text()
            wrong = checks.inexact(journal.read(run.journal), kind.budget)
            assert not wrong, wrong
            self._references[kind.name] = outcome.read(run.folder)
        return self._references[kind.name]

    def clear(self) -> None:
        """Remove the run, and the baselines with it: they would not be trained again."""
        for name in (STUDY, "baselines"):
            shutil.rmtree(self.out / name, ignore_errors=True)

    def draw(self, *, is_fresh: bool, keeps_order: bool) -> Fault:
        """Draw the next fault; all come up equally often.

        Args:
            is_fresh: Whether the search is yet to be started, so that it can be prepared.
            keeps_order: Whether the order of trials must stay what it was.

        Returns:
            It.
        """
        if not self._bag:
            self._bag = self.random.sample(list(self.faults), len(self.faults))
        for index, fault in enumerate(self._bag):
            if (is_fresh or not fault.is_prepared) and (fault.keeps_order or not keeps_order):
                return self._bag.pop(index)
        # What could not happen now is still to come.
        self._bag += self.random.sample(list(self.faults), len(self.faults))
        return self.draw(is_fresh=is_fresh, keeps_order=keeps_order)

    def output(self) -> Path:
        """Name a new file for what a search prints."""
        self._count += 1
        return self.folder / f"{self._count}.txt"
