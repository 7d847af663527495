"""What can happen to a search, and how it may end then."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.crashes.journal import REPORTED
from tests.crashes.searches import RunningSearch
from tests.search.processes import fork_server

KILLED = frozenset({-signal.SIGKILL})
INTERRUPTED = frozenset({130})
REFUSED = frozenset({2})

_FILLER = "filler"
_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP_BYTES = 4 << 20


@dataclass
class Scene:
    """Where and to what a fault happens.

    Attributes:
        run: The search.
        folder: What the harness keeps.
        out: Where runs lie: a file system of its own if `is_mounted`.
        is_mounted: Whether it is.
        random: The harness's generator.
        again: Starts the same command once more.
        others: Further parents of the study that go on to the end.
    """

    run: RunningSearch
    folder: Path
    out: Path
    is_mounted: bool
    random: random.Random
    again: Callable[[], RunningSearch]
    others: list[RunningSearch] = field(default_factory=list)

    def victim(self) -> psutil.Process | None:
        """Choose a worker that is alive; None if there is none."""
        workers = self.run.workers()
        return self.random.choice(workers) if workers else None


class Fault(ABC):
    """Something that happens to a search.

    Attributes:
        name: Its name on the command line.
        statuses: The exit statuses that it may lead to, besides 0 of a search that had ended.
        ends: Whether the search is over then; one that is not goes on, and may be hurt again.
        is_prepared: Whether the search must have been started for it.
        keeps_order: Whether the order of trials stays what it was.
    """

    name: str
    statuses: frozenset[int]
    ends = True
    is_prepared = False
    keeps_order = True

    def missing(self, is_mounted: bool) -> str:
        """Say what this machine lacks for it; "" if it can happen.

        `is_mounted` says whether runs lie on a file system of their own.
        """
        return ""

    def environment(self, folder: Path, chance: random.Random) -> Mapping[str, str]:
        """Return variables that the search must have been started with."""
        return {}

    @abstractmethod
    def hurt(self, scene: Scene) -> bool:
        """Let it happen; return whether there was something to hurt."""

    def heal(self, scene: Scene) -> None:  # noqa: B027 - most have nothing to undo
        """Undo it, once the search has ended."""


# Signals


class KilledParent(Fault):
    """SIGKILL to the parent; its workers are left without one."""

    name, statuses = "sigkill-parent", KILLED

    def hurt(self, scene: Scene) -> bool:
        scene.run.workers()
        scene.run.process.kill()
        return True


class KilledWorker(Fault):
    """SIGKILL to one worker; the parent is to go on with another."""

    name, statuses, ends = "sigkill-worker", frozenset({0}), False

    def hurt(self, scene: Scene) -> bool:
        victim = scene.victim()
        if victim is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        return victim is not None


class KilledForkServer(Fault):
    """SIGKILL to the process that workers are copies of, which tells how they ended."""

    name, statuses, ends = "sigkill-fork-server", frozenset({0}), False

    def hurt(self, scene: Scene) -> bool:
        try:
            server = fork_server(psutil.Process(scene.run.process.pid))
            if server is not None:
                server.kill()
        except psutil.NoSuchProcess:
            return False
        return server is not None


class KilledAll(Fault):
    """SIGKILL to all processes at once, as at a power cut."""

    name, statuses = "sigkill-all", KILLED

    def hurt(self, scene: Scene) -> bool:
        scene.run.kill()
        return True


class Terminated(Fault):
    """SIGTERM to the parent, as `kill` and service managers send it."""

    # Before the workers and after them the signal has its usual effect.
    name, statuses = "sigterm", INTERRUPTED | {-signal.SIGTERM}

    def hurt(self, scene: Scene) -> bool:
        scene.run.process.terminate()
        return True


class CtrlC(Fault):
    """Ctrl-C: SIGINT to all processes of the terminal."""

    name, statuses = "ctrl-c", INTERRUPTED | {-signal.SIGINT}

    def hurt(self, scene: Scene) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(scene.run.process.pid, signal.SIGINT)
        return True


class CtrlCTwice(CtrlC):
    """Ctrl-C, and soon once more."""

    name = "ctrl-c-twice"

    def hurt(self, scene: Scene) -> bool:
        super().hurt(scene)
        time.sleep(scene.random.uniform(0, 0.7))
        return super().hurt(scene)


# Disks


class FullDisk(Fault):
    """The file system of the run is full, but for a few bytes."""

    name, statuses = "full-disk", REFUSED

    def missing(self, is_mounted: bool) -> str:
        return "" if is_mounted else "no small file system can be mounted here"

    def hurt(self, scene: Scene) -> bool:
        left = scene.random.choice((0, 0, 4096, 40_960, 400_000))
        with (scene.out / _FILLER).open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
            except OSError:
                file.truncate(max(file.tell() - left, 0))
        return True

    def heal(self, scene: Scene) -> None:
        (scene.out / _FILLER).unlink()


class Quota(Fault):
    """No file may grow beyond a size that the journal is about to reach."""

    name, statuses = "quota", REFUSED

    def hurt(self, scene: Scene) -> bool:
        if not scene.run.journal.is_file():
            return False
        size = scene.run.journal.stat().st_size + scene.random.randrange(3000)
        try:
            parent = psutil.Process(scene.run.process.pid)
            for process in (parent, *parent.children(recursive=True)):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        return True


class ReadOnly(Fault):
    """The file system of the run is read-only, as after an error of its disk."""

    name, statuses = "read-only", REFUSED

    def missing(self, is_mounted: bool) -> str:
        return "" if is_mounted else "no file system can be mounted here"

    def hurt(self, scene: Scene) -> bool:
        # Refused while a file on it is open for writing; the workers' logs may be there.
        end = time.monotonic() + 3
        while not _remount(scene, "ro"):
            if time.monotonic() > end:
                return False
        return True

    def heal(self, scene: Scene) -> None:
        assert _remount(scene, "rw")


def _remount(scene: Scene, how: str) -> bool:
    words = ["mount", "-o", f"remount,{how}", str(scene.out)]
    return subprocess.run(words, capture_output=True).returncode == 0


class TornJournal(Fault):
    """A power cut in the middle of an append: all is killed, the last record is half there."""

    name, statuses = "torn-journal", KILLED

    def hurt(self, scene: Scene) -> bool:
        scene.run.kill()
        journal = scene.run.journal
        content = journal.read_bytes() if journal.is_file() else b""
        if not content.endswith(b"\n"):
            return True
        last = content[content[:-1].rfind(b"\n") + 1 :]
        cut = scene.random.randrange(1, len(last))
        if json.loads(last).get("state") in REPORTED:
            # It was acknowledged, so it is on the disk. The next one is not.
            journal.write_bytes(content + last[:cut])
        else:
            journal.write_bytes(content[:-cut])
        return True


# The machine: its clock, its memory, and another search of the same study


class ClockSetBack(Fault):
    """The clock is set back by hours while the search runs; soon after all is killed."""

    name, statuses, is_prepared = "clock-back", KILLED, True

    def missing(self, is_mounted: bool) -> str:
        return "" if shutil.which("cc") else "there is no C compiler to make a clock with"

    def environment(self, folder: Path, chance: random.Random) -> Mapping[str, str]:
        library, offset = folder / "clock.so", folder / "clock"
        if not library.is_file():
            source = Path(__file__).with_name("clock.c")
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        offset.write_text(f"{chance.randrange(2, 48) * 3600}\n")
        return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}

    def hurt(self, scene: Scene) -> bool:
        (scene.folder / "clock").write_text("0\n")
        with contextlib.suppress(subprocess.TimeoutExpired):
            scene.run.process.wait(scene.random.uniform(0, 3))
        scene.run.kill()
        return True


class OutOfMemory(Fault):
    """The system is out of memory and ends a worker."""

    name, statuses, ends = "out-of-memory", frozenset({0}), False

    def missing(self, is_mounted: bool) -> str:
        # Each lane asks, at the same moment.
        group = _memory_group(f"probe-{time.monotonic_ns()}")
        if group is None:
            return "no memory cgroup can be made here"
        group.rmdir()
        return ""

    def hurt(self, scene: Scene) -> bool:
        victim = scene.victim()
        group = _memory_group(f"{scene.run.process.pid}-{time.monotonic_ns()}")
        if victim is None or group is None:
            return False
        try:
            (group / "cgroup.procs").write_text(str(victim.pid))
        except OSError:
            group.rmdir()
            return False
        _, alive = psutil.wait_procs([victim], timeout=30)
        with contextlib.suppress(OSError):
            group.rmdir()
        return not alive


def _memory_group(name: str) -> Path | None:
    """Make a control group of little memory, of either version; None if that is refused."""
    for parent, limit in ((_CGROUPS / "memory", "memory.limit_in_bytes"), (_CGROUPS, "memory.max")):
        group = parent / f"model3-search-{name}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(_CGROUP_BYTES))
            return group
        except OSError:
            group.rmdir()
    return None


class TwoParents(Fault):
    """The same command is started once more while it runs; one of the two is killed later."""

    name, statuses, ends, keeps_order = "two-parents", KILLED, False, False

    def hurt(self, scene: Scene) -> bool:
        first, second = scene.run, scene.again()
        with contextlib.suppress(subprocess.TimeoutExpired):
            first.process.wait(scene.random.uniform(0, 12))
        if first.has_ended or scene.random.random() < 0.4:
            scene.others.append(first)  # Both go on to the end.
        else:
            first.kill()
        scene.run = second
        return True


FAULTS: tuple[Fault, ...] = (
    KilledParent(),
    KilledWorker(),
    KilledForkServer(),
    KilledAll(),
    Terminated(),
    CtrlC(),
    CtrlCTwice(),
    FullDisk(),
    Quota(),
    ReadOnly(),
    TornJournal(),
    TwoParents(),
    ClockSetBack(),
    OutOfMemory(),
)
