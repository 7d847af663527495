"""Faults of the machine: its clock, its memory, and somebody else at work on the same study."""

import contextlib
import random
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.crashes.faults import OUT_OF_THE_BLUE, Fault, Scene

_CGROUPS = Path("/sys/fs/cgroup")
_BYTES = 4 << 20


class ClockSetBack(Fault):
    """The clock is set back by hours while the search runs; soon after all is killed."""

    name, statuses, is_prepared = "clock-back", OUT_OF_THE_BLUE, True

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
        group = self._group(f"probe-{time.monotonic_ns()}")
        if group is None:
            return "no memory cgroup can be made here"
        group.rmdir()
        return ""

    def hurt(self, scene: Scene) -> bool:
        victim = scene.victim()
        group = self._group(f"{scene.run.process.pid}-{time.monotonic_ns()}")
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

    def _group(self, name: str) -> Path | None:
        """Make a control group of little memory, of either version; None where that is refused."""
        for parent, limit in ((_CGROUPS / "memory", "memory.limit_in_bytes"),
                              (_CGROUPS, "memory.max")):  # fmt: skip
            group = parent / f"model3-search-{name}"
            try:
                group.mkdir()
            except OSError:
                continue
            try:
                (group / limit).write_text(str(_BYTES))
                return group
            except OSError:
                group.rmdir()
        return None


class TwoParents(Fault):
    """The same command is started once more while it runs; one of the two is killed later."""

    name, statuses, ends, keeps_order = "two-parents", OUT_OF_THE_BLUE, False, False

    def hurt(self, scene: Scene) -> bool:
        first, second = scene.run, scene.again()
        with contextlib.suppress(subprocess.TimeoutExpired):
            first.process.wait(scene.random.uniform(0, 12))
        if first.has_ended or scene.random.random() < 0.4:
            # Both go on to the end.
            scene.others.append(first)
        else:
            first.kill()
        scene.run = second
        return True
