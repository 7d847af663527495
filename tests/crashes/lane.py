"""One lane of the harness: it hurts one search after another until each ends by itself."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.crashes import checks, journal, outcome, searches
from tests.crashes.faults import Fault, Scene
from tests.crashes.journal import JournalTrial
from tests.crashes.searches import PATIENCE, STUDY, RunningSearch, SearchKind

Moment = Literal["start", "trials", "end"]

# When each part of a search begins, by what its journal got since the search was started.
_BEGUN: dict[Moment, Callable[[bytes], bool]] = {
    "start": lambda news: True,
    "trials": journal.has_claimed,
    "end": journal.has_chosen,
}
# About how long each part takes; a fault may come at any time within.
_SECONDS: dict[Moment, float] = {"start": 6.0, "trials": 3.0, "end": 6.0}
# Workers that die one after the other end a search, as they should.
_MOST_DEATHS = 4


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
        """Add what another lane did."""
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
        folder: A folder for what they print; it stays if something went wrong.
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

    def reference(self, kind: SearchKind) -> outcome.Outcome:
        """Run a search without harm, once for each kind, and return what it left."""
        if kind.name not in self._references:
            self.clear()
            run = self.start(kind)
            assert run.wait(PATIENCE), f"the uninterrupted search hangs: {run.text()}"
            assert run.process.returncode == 0, run.text()
            wrong = checks.inexact(journal.read(run.journal), kind.budget)
            assert not wrong, wrong
            self._references[kind.name] = outcome.read(run.folder)
        return self._references[kind.name]

    def start(self, kind: SearchKind, environment: dict[str, str] | None = None) -> RunningSearch:
        """Start or resume a search."""
        self._count += 1
        output = self.folder / f"{self._count}.txt"
        return searches.start(kind, self.out, output, environment, self.core)

    def clear(self) -> None:
        """Remove the run, and the baselines with it: they would not be trained again."""
        for name in (STUDY, "baselines"):
            shutil.rmtree(self.out / name, ignore_errors=True)

    def draw(self, *, is_fresh: bool, keeps_order: bool) -> Fault:
        """Draw the next fault; all come up equally often.

        `is_fresh` says whether the search is yet to be started, so that it can be prepared;
        `keeps_order` whether the order of trials must stay what it was.
        """
        if not self._bag:
            self._bag = self.random.sample(list(self.faults), len(self.faults))
        for index, fault in enumerate(self._bag):
            if (is_fresh or not fault.is_prepared) and (fault.keeps_order or not keeps_order):
                return self._bag.pop(index)
        # What could not happen now is still to come.
        self._bag += self.random.sample(list(self.faults), len(self.faults))
        return self.draw(is_fresh=is_fresh, keeps_order=keeps_order)


class HurtSearch:
    """One search: hurt at random moments, resumed until it ends, and then looked at."""

    def __init__(self, lane: Lane, kind: SearchKind, kills: int) -> None:
        self.lane, self.kind, self.left = lane, kind, kills
        self.random, self.tally = lane.random, lane.tally
        self.scene: Scene
        self.starts = 0
        # All trials that were ever reported, as they were seen first.
        self.seen: dict[int, JournalTrial] = {}

    def play(self) -> None:
        """Hurt the search, resume it, and compare its end with that of an uninterrupted one."""
        expected = self.lane.reference(self.kind) if self.kind.is_repeatable else None
        self.lane.clear()
        self._place_logs()
        try:
            while not self._has_ended_by_itself():
                pass
            self._look_at_the_end(expected)
        finally:
            if self.starts:
                for run in (self.scene.run, *self.scene.others):
                    run.kill()

    def _place_logs(self) -> None:
        """Put the workers' logs elsewhere in every other search: open files hold a disk."""
        if self.random.random() < 0.5:
            logs = self.lane.folder / f"logs-{time.monotonic_ns()}"
            logs.mkdir()
            (self.lane.out / STUDY).mkdir()
            (self.lane.out / STUDY / "logs").symlink_to(logs)

    def _has_ended_by_itself(self) -> bool:
        """Start the search and hurt it until it is over; return whether it ended unhurt."""
        lane = self.lane
        fault = self._draw(is_fresh=True)
        prepared = dict(fault.environment(lane.folder, self.random)) if fault else {}

        def start() -> RunningSearch:
            return lane.start(self.kind, prepared)

        self.scene = Scene(start(), lane.folder, lane.out, lane.is_mounted, self.random, start)
        self.tally.resumes += self.starts > 0
        self.starts += 1
        deaths = 0
        while fault is not None and deaths < _MOST_DEATHS:
            moment = self._moment()
            if not self._comes(moment):
                break
            if self._hurt(fault, moment) and fault.ends:
                return False
            deaths += not fault.ends
            fault = self._draw(is_fresh=False)
        for run in (self.scene.run, *self.scene.others):
            if not run.wait(PATIENCE):
                self._wrong("it hangs", run)
            elif run.process.returncode != 0:
                self._wrong(f"it ended with {run.process.returncode}", run)
            for problem in checks.unkind(run.text()):
                self._wrong(problem, run)
        return True

    def _draw(self, *, is_fresh: bool) -> Fault | None:
        if self.left <= 0:
            return None
        return self.lane.draw(is_fresh=is_fresh, keeps_order=self.kind.is_repeatable)

    def _moment(self) -> Moment:
        ended = {trial.index for trial in searches.reported(self.scene.run).values()}
        if len(ended) >= self.kind.budget:
            return self.random.choice(("start", "end", "end"))
        return self.random.choice(("start", "trials", "trials"))

    def _comes(self, moment: Moment) -> bool:
        """Wait for a moment; return whether it came before the search was over."""
        run = self.scene.run
        end = time.monotonic() + PATIENCE
        while not _BEGUN[moment](run.news()):
            if time.monotonic() > end:
                self._wrong("it hangs", run)
                return False
            if run.has_ended:
                return False
            time.sleep(0.05)
        end = time.monotonic() + self.random.uniform(0, _SECONDS[moment])
        while time.monotonic() < end and not run.has_ended:
            run.workers()
            time.sleep(0.02)
        return not run.has_ended

    def _hurt(self, fault: Fault, moment: Moment) -> bool:
        """Let a fault happen, and look at what it left; return whether it did happen."""
        self._look_at_trials()
        happened = fault.hurt(self.scene)
        if happened:
            self.left -= 1
            self.tally.faults[fault.name] += 1
            self.tally.moments[moment] += 1
        self.lane.say(f"{self.kind.name}: {fault.name} at {moment}: {happened}")
        if happened and fault.ends:
            self._look_at_the_harm(fault)
        self._look_at_trials()
        return happened

    def _look_at_the_harm(self, fault: Fault) -> None:
        run = self.scene.run
        if not run.wait(PATIENCE):
            self._wrong(f"after {fault.name} it hangs", run)
        fault.heal(self.scene)
        status = run.process.returncode
        if status not in fault.statuses | {0}:
            self._wrong(f"{fault.name} led to exit status {status}", run)
        # Before the command runs, Python itself answers Ctrl-C.
        if status != -2:
            for problem in checks.unkind(run.text()):
                self._wrong(f"after {fault.name}, {problem}", run)
        for problem in checks.torn(run.folder):
            self._wrong(f"after {fault.name}, {problem}")

    def _look_at_trials(self) -> None:
        """Compare what is there with all that was seen before."""
        now = searches.reported(self.scene.run)
        trials = journal.read(self.scene.run.journal)
        for problem in (*checks.lost(self.seen, trials), *checks.doubled(trials)):
            self._wrong(problem)
        self.seen = now | self.seen

    def _look_at_the_end(self, expected: outcome.Outcome | None) -> None:
        folder = self.lane.out / STUDY
        self._look_at_trials()
        trials = journal.read(folder / "journal.log")
        for problem in (*checks.inexact(trials, self.kind.budget), *checks.torn(folder)):
            self._wrong(f"at the end, {problem}")
        self.tally.searches[self.kind.name] += 1
        self.tally.trials += len(journal.reported(trials))
        is_same = not self.kind.learns or journal.in_order(trials)
        if expected is not None and is_same and not journal.given_up(trials):
            self.tally.compared += 1
            for problem in outcome.differences(expected, outcome.read(folder)):
                self._wrong(f"it differs from the uninterrupted one: {problem}")

    def _wrong(self, problem: str, run: RunningSearch | None = None) -> None:
        said = f": {run.text()[-800:]}" if run else ""
        files = f"{self.lane.folder}, up to the last of its files"
        self.tally.problems.append(f"{self.kind.name}: {problem}{said} (see {files})")
        self.lane.say(f"PROBLEM {self.tally.problems[-1]}")
