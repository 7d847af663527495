"""How many workers a search has by default, and how many cores there are for them."""

# The most memory that a worker of Model 3's space held by itself.
WORKER_BYTES = 2 * 2**30


def cores() -> int:
    """Return how many cores this process may use, by its affinity and its container's share."""
    import joblib

    return int(joblib.cpu_count())


def default_workers(tasks: int | None) -> int:
    """Choose the number of workers: one a core, unless tasks or memory are scarce.

    Workers of one thread finish more trials than fewer workers with more threads.

    Args:
        tasks: How many things can be trained at the same time; None if time is the limit.
    """
    import psutil

    have = cores()
    fitting = psutil.virtual_memory().available // WORKER_BYTES
    return max(1, min(have, fitting, have if tasks is None else tasks))
