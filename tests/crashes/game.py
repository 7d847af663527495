"""One search, hurt at random moments and resumed until it ends; then its end is looked at."""

import time
from collections.abc import Callable
from typing import Literal

from tests.crashes import checks, journal, outcome, searches
from tests.crashes.faults import Fault, Scene
from tests.crashes.journal import Told
from tests.crashes.lane import Lane
from tests.crashes.searches import PATIENCE, STUDY, Kind, Running

Moment = Literal["start", "trials", "end"]

# Workers that die one after the other end a search, as they should.
_MOST_DEATHS = 4
# About how long each part takes; a fault may come at any time within.
_SECONDS = {"start": 6.0, "trials": 3.0, "end": 6.0}


class Game:
    """One search.

    Args:
        lane: Where.
        kind: Which search.
        kills: How often it is to be hurt.
    """

    def __init__(self, lane: Lane, kind: Kind, kills: int) -> None:
        self.lane, self.kind, self.left = lane, kind, kills
        self.random, self.tally = lane.random, lane.tally
        self.scene: Scene | None = None
        # All that was ever seen as reported, as it was seen first.
        self.seen: dict[int, Told] = {}
        self.starts = 0

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
            if self.scene is not None:
                for run in (self.scene.run, *self.scene.others):
                    run.kill()

    def _place_logs(self) -> None:
        """Let the workers' logs lie elsewhere in every other search: open, they hold a disk."""
        if self.random.random() < 0.5:
            logs = self.lane.folder / f"logs-{time.monotonic_ns()}"
            logs.mkdir()
            (self.lane.out / STUDY).mkdir()
            (self.lane.out / STUDY / "logs").symlink_to(logs)

    def _has_ended_by_itself(self) -> bool:
        """Start the search, hurt it until it is over; whether it came to its end unhurt."""
        fault = self._draw(is_fresh=True)
        prepared = fault.environment(self.lane.folder, self.random) if fault else {}
        self.tally.resumes += self.starts > 0
        self.starts += 1

        def start() -> Running:
            return searches.start(
                self.kind, self.lane.out, self.lane.output(), prepared, self.lane.core
            )

        lane = self.lane
        self.scene = Scene(start(), lane.folder, lane.out, lane.is_mounted, self.random, start)
        deaths = 0
        while fault is not None and deaths < _MOST_DEATHS:
            moment = self._moment()
            if not self._comes(moment):
                break
            if self._hurt(fault, moment) and fault.ends:
                return False
            deaths += not fault.ends
            fault = self._draw(is_fresh=False)
        self._wait()
        return True

    def _draw(self, *, is_fresh: bool) -> Fault | None:
        if self.left <= 0:
            return None
        return self.lane.draw(is_fresh=is_fresh, keeps_order=self.kind.is_repeatable)

    def _moment(self) -> Moment:
        assert self.scene is not None
        run = self.scene.run
        ended = {trial.slot for trial in searches.reported(run).values()}
        if len(ended) >= self.kind.budget:
            return self.random.choice(("start", "end", "end"))
        return self.random.choice(("start", "trials", "trials"))

    def _comes(self, moment: Moment) -> bool:
        """Wait for a moment; whether it came before the search was over."""
        assert self.scene is not None
        run = self.scene.run
        begun: dict[Moment, Callable[[bytes], bool]] = {
            "start": lambda news: True,
            "trials": journal.has_claimed,
            "end": journal.has_chosen,
        }
        end = time.monotonic() + PATIENCE
        while not begun[moment](run.news()):
            if time.monotonic() > end:
                self._wrong(f"it hangs: {run.text()[-800:]}")
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
        """Let a fault happen, and look at what it left; whether it did happen."""
        scene = self.scene
        assert scene is not None
        self._see(scene.run)
        happened = fault.hurt(scene)
        if happened:
            self.left -= 1
            self.tally.faults[fault.name] += 1
            self.tally.moments[moment] += 1
        self.lane.say(f"{self.kind.name}: {fault.name} at {moment}: {happened}")
        if happened and fault.ends:
            self._end(fault, scene)
        self._see(scene.run)
        return happened

    def _end(self, fault: Fault, scene: Scene) -> None:
        run = scene.run
        if not run.wait(PATIENCE):
            self._wrong(f"after {fault.name} it hangs: {run.text()[-800:]}")
        fault.heal(scene)
        status, text = run.process.returncode, run.text()
        if status not in fault.statuses | {0}:
            self._wrong(f"{fault.name} led to exit status {status}: {text[-800:]}")
        # Before the command runs, Ctrl-C is Python's own affair.
        if status != -2:
            for problem in checks.unkind(text):
                self._wrong(f"after {fault.name}, {problem}: {text[-800:]}")
        for problem in checks.torn(run.folder):
            self._wrong(f"after {fault.name}, {problem}")

    def _see(self, run: Running) -> None:
        """Compare what is there with all that was seen before."""
        now = searches.reported(run)
        trials = journal.read(run.journal)
        for problem in (*checks.lost(self.seen, trials), *checks.doubled(trials)):
            self._wrong(problem)
        self.seen = now | self.seen

    def _wait(self) -> None:
        scene = self.scene
        assert scene is not None
        for run in (scene.run, *scene.others):
            if not run.wait(PATIENCE):
                self._wrong(f"it hangs: {run.text()[-800:]}")
            elif run.process.returncode != 0:
                self._wrong(f"it ended with {run.process.returncode}: {run.text()[-800:]}")
            for problem in checks.unkind(run.text()):
                self._wrong(f"{problem}: {run.text()[-800:]}")

    def _look_at_the_end(self, expected: outcome.Outcome | None) -> None:
        assert self.scene is not None
        folder = self.lane.out / STUDY
        self._see(self.scene.run)
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

    def _wrong(self, problem: str) -> None:
        outputs = f"{self.lane.folder}, up to the last of its files"
        self.tally.problems.append(f"{self.kind.name}: {problem} (see {outputs})")
        self.lane.say(f"PROBLEM {self.tally.problems[-1]}")
