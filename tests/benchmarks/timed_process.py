"""Runs a command for a given time, and ends it with all of its children."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
TELL_EVERY = 30.0


@dataclass(frozen=True)
class Ran:
    """How a command ran.

    Attributes:
        seconds: How long.
        status: Its exit status; None where it was killed because its time was over.
    """

    seconds: float
    status: int | None


def run_for(
    command: Sequence[str], log_file: Path, seconds: float | None, say: Callable[[], str]
) -> Ran:
    """Run a command in a process group of its own, and kill the group when the time is over.

    Args:
        command: The command.
        log_file: Where its output goes.
        seconds: After how many seconds to kill it; None to wait.
        say: What to tell of it now and then.

    Returns:
        How long it ran, and how it ended.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with log_file.open("ab") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                taken = time.monotonic() - started
                if seconds is not None and taken >= seconds:
                    return Ran(taken, None)
                left = TELL_EVERY if seconds is None else min(TELL_EVERY, seconds - taken)
                try:
                    process.wait(left)
                except subprocess.TimeoutExpired:
                    log.info("%s, %.0f s", say(), time.monotonic() - started)
        finally:
            _kill_group(process)
    return Ran(time.monotonic() - started, process.returncode)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    # There is no group left where all of its processes have ended.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
