"""Looks at a process's memory again and again while it works."""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from tests.benchmarks.memory import Process, of_process

EVERY = 0.2


@dataclass
class Watch:
    """Samples of one process's memory; a context manager that takes them.

    Attributes:
        pid: The process.
        samples: By time.
    """

    pid: int
    samples: list[Process] = field(default_factory=list)

    def __enter__(self) -> "Watch":
        """Start to sample."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(EVERY):
            with contextlib.suppress(psutil.Error):
                self.samples.append(of_process(self.pid))


@dataclass(frozen=True)
class Course:
    """A process's memory over a search.

    Attributes:
        before: When the data are there and no trial has begun.
        during: The most while trials ran, each figure for itself.
        after: After the last trial.
    """

    before: Process
    during: Process
    after: Process

    @classmethod
    def of(cls, before: Process, samples: Sequence[Process], after: Process) -> "Course":
        """Sum up what was sampled."""
        every = [before, *samples, after]
        most = Process(
            max(sample.unique for sample in every),
            max(sample.proportional for sample in every),
            max(sample.resident for sample in every),
        )
        return cls(before, most, after)
