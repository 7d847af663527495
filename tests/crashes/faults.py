"""What can happen to a search, and how it may end then."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.crashes.searches import Running

OUT_OF_THE_BLUE = frozenset({-9})
INTERRUPTED = frozenset({130})
REFUSED = frozenset({2})


@dataclass
class Scene:
    """Where and to what a fault happens.

    Attributes:
        run: The search.
        folder: What the harness keeps.
        out: Where runs lie: a file system of its own where `is_mounted`.
        is_mounted: Whether it is.
        random: The harness's generator.
        again: Starts the same command once more.
        others: Further parents of the study that go on to the end.
    """

    run: Running
    folder: Path
    out: Path
    is_mounted: bool
    random: random.Random
    again: Callable[[], Running]
    others: list[Running] = field(default_factory=list)

    def victim(self) -> psutil.Process | None:
        """Choose a worker that is alive; None where there is none."""
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
        """Say what this machine lacks for it.

        Args:
            is_mounted: Whether runs lie on a file system of their own.

        Returns:
            The reason; "" where it can happen.
        """
        return ""

    def environment(self, folder: Path, chance: random.Random) -> Mapping[str, str]:
        """Give variables that the search must have been started with.

        Args:
            folder: A folder for what they name.
            chance: The harness's generator.

        Returns:
            The variables.
        """
        return {}

    @abstractmethod
    def hurt(self, scene: Scene) -> bool:
        """Let it happen.

        Args:
            scene: To what.

        Returns:
            Whether it did; not, where there was nothing to hurt.
        """

    def heal(self, scene: Scene) -> None:  # noqa: B027 - most have nothing to undo
        """Undo it, once the search has ended.

        Args:
            scene: To what it happened.
        """
