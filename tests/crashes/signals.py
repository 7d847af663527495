"""Faults that are signals: from the user, from the system, from nowhere."""

import contextlib
import os
import signal
import time

import psutil

from tests.crashes.faults import INTERRUPTED, OUT_OF_THE_BLUE, Fault, Scene


class KilledParent(Fault):
    """SIGKILL to the parent; its workers are left without one."""

    name, statuses = "sigkill-parent", OUT_OF_THE_BLUE

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


class KilledAll(Fault):
    """SIGKILL to all processes at once, as at a power cut."""

    name, statuses = "sigkill-all", OUT_OF_THE_BLUE

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


class Interrupted(Fault):
    """Ctrl-C: SIGINT to all processes of the terminal."""

    name, statuses = "ctrl-c", INTERRUPTED | {-signal.SIGINT}

    def hurt(self, scene: Scene) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(scene.run.process.pid, signal.SIGINT)
        return True


class InterruptedTwice(Interrupted):
    """Ctrl-C, and soon once more."""

    name = "ctrl-c-twice"

    def hurt(self, scene: Scene) -> bool:
        super().hurt(scene)
        time.sleep(scene.random.uniform(0, 0.7))
        return super().hurt(scene)
