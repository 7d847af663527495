"""Faults of the disk: full, over the quota, read-only, and a journal that was cut."""

import json
import resource
import subprocess
import time

import psutil

from tests.crashes.faults import OUT_OF_THE_BLUE, REFUSED, Fault, Scene
from tests.crashes.journal import REPORTED

_FILLER = "filler"


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
            for process in (psutil.Process(scene.run.process.pid), *scene.run.workers()):
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
        # Refused while a file is open for writing, as the workers' logs are where they lie there.
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

    name, statuses = "torn-journal", OUT_OF_THE_BLUE

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
