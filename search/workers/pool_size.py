"""How many workers a search has, and how many threads each of them."""

from dataclasses import dataclass

import joblib
import psutil

# The most that a worker of the Model 3 space held by itself: tests.benchmarks.worker_memory.
WORKER_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Workforce:
    """The worker processes of one machine.

    Attributes:
        workers: How many there are.
        threads: How many cores each may use.
    """

    workers: int
    threads: int


def cores() -> int:
    """Give the cores that this process may use: its affinity and its container's share count."""
    return int(joblib.cpu_count())


def workforce(wanted: int | None, tasks: int | None) -> Workforce:
    """Share this machine's cores among workers.

    Left to us there is one worker a core, since workers of one thread finish more trials than fewer
    with more threads (README: How fast), but none that would find no task or no memory.

    Args:
        wanted: How many the user asks for; None leaves it to us.
        tasks: How many things there are to train at the same time; None where time is the limit.

    Returns:
        The workers.
    """
    have = cores()
    if wanted is None:
        fitting = psutil.virtual_memory().available // WORKER_BYTES
        wanted = max(1, min(have, fitting, have if tasks is None else tasks))
    return Workforce(wanted, max(1, have // wanted))
