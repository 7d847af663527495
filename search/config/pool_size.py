"""How many workers a search has by default."""

from data.common import count_cores

# The most memory that a worker of Model 3's space held by itself.
WORKER_BYTES = 2 * 2**30


def default_workers(tasks: int | None) -> int:
    """Choose the number of workers: one a core, unless tasks or memory are scarce.

    Workers of one thread finish more trials than fewer workers with more threads.
    """
    import psutil

    have = count_cores()
    fitting = psutil.virtual_memory().available // WORKER_BYTES
    return max(1, min(have, fitting, have if tasks is None else tasks))
