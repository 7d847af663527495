"""How fast `results.serve` answers a real client (Debian's `wrk`) over loopback.

    python -m tests.benchmarks.serve_load --data http-params.csv
        [--export runs/NAME/best] [--runtime onnx,keras] [--litserve PYTHON] [--earlier FOLDER]
        [--connections 1,16,64] [--records 1,100] [--seconds 10] [--rounds 1]

Client and servers share the machine. Each request carries that many of the log's records, others
each time; a connection sends its next request when it has its answer. Without --export the space's
default trial is served with the weights that it starts with.

All servers run side by side and are loaded in turn, so that each round compares them under the same
conditions: "times" is what the first one answers a second beside the server of the line, and its
99th percentile likewise; medians of the rounds, with the least and the greatest. `--litserve` names
the Python of an environment with LitServe, which serves the same model; `--earlier` a folder with
an earlier version of this project (`git worktree add FOLDER COMMIT`).
"""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from data.common import Parser, UserError, run
from data.source import open_lines
from tests.benchmarks.measuring import ROOT, spread
from tests.benchmarks.predict_throughput import export_elsewhere
from tests.results.serving.running import command

BODIES = 500
_SCRIPT = """
local bodies, next = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
request = function()
    next = next %% #bodies + 1
    return wrk.format("POST", "/predict", {["Content-Type"] = "application/json"}, bodies[next])
end
done = function(summary, latency)
    io.write(string.format(
        "\\nRESULT %%d %%d %%d %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), summary.errors.connect,
        summary.errors.read, summary.errors.write, summary.errors.status, summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What the client saw.

    Attributes:
        requests: Whole answers.
        seconds: How long it sent.
        p50_ms: Median milliseconds from request to answer.
        p99_ms: The 99th percentile.
        connect: Connections that were refused; wrk does not wait for a connection, and reports most
            refusals as a failed read or write.
        read: Connections that broke before an answer was whole.
        write: Requests that could not be sent.
        status: Answers without success.
        timeout: Answers that took longer than two seconds.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    connect: int
    read: int
    write: int
    status: int
    timeout: int


def write_script(data: str, records: int, folder: Path) -> Path:
    """Write the client's script, and the requests that it sends."""
    with open_lines(data) as lines:
        taken = [line.rstrip("\n") for line in itertools.islice(lines, BODIES * records)]
    bodies = taken if records == 1 else [taken[i::BODIES] for i in range(min(BODIES, len(taken)))]
    (folder / "bodies").write_text("".join(json.dumps(body) + "\n" for body in bodies))
    (folder / "load.lua").write_text(_SCRIPT % (folder / "bodies"))
    return folder / "load.lua"


def start(script: Path, port: int, connections: int, seconds: int) -> "subprocess.Popen[str]":
    """Start the client on one thread."""
    words = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
    return subprocess.Popen(
        ["wrk", *words, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True
    )


def result(client: "subprocess.Popen[str]") -> Load:
    """Wait for the client."""
    out, _ = client.communicate()
    found = re.search(r"^RESULT (.*)$", out, re.MULTILINE)
    if client.returncode or found is None:
        raise RuntimeError(f"wrk ended with {client.returncode}: {out}")
    requests, microseconds, p50, p99, *errors = map(int, found[1].split())
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3, *errors)


@contextlib.contextmanager
def service(words: Sequence[str | Path], folder: Path, path: str) -> Iterator[int]:
    """Run a command that serves on the port that is its last word, and wait until it answers.

    Args:
        words: The command without its last word.
        folder: Where it runs.
        path: What a GET answers with 200 once it serves.

    Yields:
        The port.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*map(str, words), str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while not _answers(port, path):
                if process.poll() is not None:
                    log.seek(0)
                    raise UserError(f"{words[0]} ended: {log.read()[-500:]}")
                time.sleep(0.2)
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", path)
        return connection.getresponse().status == 200
    return False


def check_sides(litserve: str | None, earlier: Path | None) -> None:
    """Refuse a server that is not there, before anything is made."""
    try:
        if litserve:
            has_it = [litserve, "-c", "import litserve, onnxruntime, numpy"]
            subprocess.run(has_it, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(
            f"--litserve is '{litserve}', which has no LitServe; make an environment of its own, "
            "and there: pip install litserve onnxruntime numpy"
        ) from error
    if earlier and not (earlier / "results" / "serve.py").is_file():
        raise UserError(f"--earlier is '{earlier}', which has no results/serve.py")


def litserve(python: str, export: Path) -> contextlib.AbstractContextManager[int]:
    """Serve an export with LitServe, by a Python that has it."""
    script = Path(__file__).with_name("litserve_service.py")
    return service([python, script, export.absolute()], ROOT, "/health")


def earlier(folder: Path, export: Path) -> contextlib.AbstractContextManager[int]:
    """Serve an export with an earlier version of this project."""
    words = [sys.executable, "-m", "results.serve", export.absolute(), "--port"]
    return service(words, folder.absolute(), "/health")


def lines(sides: dict[str, list[Load]], records: int, connections: int) -> list[list[object]]:
    """Put what the client saw of each server, round by round, into lines of the table."""
    first = next(iter(sides.values()))
    table: list[list[object]] = []
    for name, loads in sides.items():
        rates = [load.requests / load.seconds for load in loads]
        pairs = list(zip(first, loads, strict=True))
        errors = sum(
            load.connect + load.read + load.write + load.status + load.timeout for load in loads
        )
        more = [own.requests / own.seconds * load.seconds / load.requests for own, load in pairs]
        slower = [own.p99_ms / load.p99_ms for own, load in pairs]
        table.append(
            [
                name,
                records,
                connections,
                spread(rates, 0),
                f"{statistics.median(rates) * records:,.0f}",
                f"{statistics.median(load.p50_ms for load in loads):,.1f}",
                f"{statistics.median(load.p99_ms for load in loads):,.1f}",
                "" if loads is first else spread(more),
                "" if loads is first else spread(slower, 2),
                errors,
            ]
        )
    return table


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.serve_load", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--runtime", default="onnx,keras")
    parser.add_argument("--litserve", metavar="PYTHON")
    parser.add_argument("--earlier", type=Path, metavar="FOLDER")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--records", default="1,100")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    check_sides(options.litserve, options.earlier)
    table = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as servers:
        folder = Path(name)
        export = options.export or export_elsewhere(options.data, folder / "export")
        ports = {}
        for runtime in options.runtime.split(","):
            ports[runtime] = servers.enter_context(command(export, "--runtime", runtime))[1]
        if options.litserve:
            ports["litserve"] = servers.enter_context(litserve(options.litserve, export))
        if options.earlier:
            ports["earlier"] = servers.enter_context(earlier(options.earlier, export))
        for records in map(int, options.records.split(",")):
            script = write_script(options.data, records, folder)
            for connections in map(int, options.connections.split(",")):
                sides: dict[str, list[Load]] = {side: [] for side in ports}
                for _ in range(options.rounds):
                    for side, port in ports.items():
                        client = start(script, port, connections, options.seconds)
                        sides[side].append(result(client))
                table += lines(sides, records, connections)
    headers = [
        "server",
        "records",
        "connections",
        "requests/s",
        "records/s",
        "p50 ms",
        "p99 ms",
        "times",
        "p99, share",
        "errors",
    ]
    print(tabulate(table, headers, tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    run(main)
