"""The service under a real client's load while it ends: nothing that it accepted is lost."""

import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.benchmarks.serve_load import result, start, write_script
from tests.results.serving.running import command

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="Debian's wrk is not installed"),
]


@pytest.mark.parametrize("connections", [1, 8, 64])
def test_what_was_accepted_before_sigterm_is_answered(
    kept: Path, log_file: Path, tmp_path: Path, connections: int
) -> None:
    script = write_script(str(log_file), 1, tmp_path)
    with command(kept / "best") as (server, port):
        client = start(script, port, connections, 5)
        time.sleep(2)
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=30)
        load = result(client)
    assert server.returncode == 0
    assert (load.status, load.timeout) == (0, 0)
    # It tried again after the end and was refused, which wrk tells as any of the three.
    assert load.connect + load.read + load.write > 0
    answered = re.search(r"stopped after ([\d,]+) requests", said)
    assert answered is not None
    assert load.requests == int(answered[1].replace(",", "")) > 0
