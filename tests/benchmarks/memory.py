"""How much memory a process has, and had at most."""

import contextlib
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")


def resident() -> int:
    """Return the resident memory of this process in bytes, shared pages counted in full."""
    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """Return the most resident memory in bytes since `forget_peak`, or ever where it can't."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    # macOS counts bytes, all others kilobytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Make `peak` start from what is resident now, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


@dataclass(frozen=True)
class Process:
    """The memory of a process, its children left out.

    Attributes:
        unique: What would be free if it ended, in bytes (USS).
        proportional: Its pages, each divided by how many processes share it, in bytes (PSS); equal
            to `unique` where the system does not tell.
        resident: All pages in memory, shared ones counted in full, in bytes (RSS).
    """

    unique: int
    proportional: int
    resident: int


def of_process(pid: int) -> Process:
    """Measure a process by its id."""
    full = psutil.Process(pid).memory_full_info()
    return Process(full.uss, getattr(full, "pss", full.uss), full.rss)
