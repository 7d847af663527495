"""How many cores there are for this process."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def count_cores(groups: Path = _GROUPS) -> int:
    """Return how many cores this process may use, by its affinity and its container's share."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Linux alone has it.
        cores = os.cpu_count() or 1
    share = _share(groups)
    return cores if share is None else max(1, min(cores, math.ceil(share)))


def _share(groups: Path) -> float | None:
    """Return how many cores' time the container gets; None if that has no limit."""
    one = groups / "cpu"
    try:
        if (groups / "cpu.max").exists():
            quota, period = (groups / "cpu.max").read_text().split()
        else:
            quota, period = (
                (one / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no limit.
        return None
