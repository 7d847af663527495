"""How fast `results.serve` answers a real client (Debian's `wrk`) over loopback.

    python -m tests.benchmarks.serve_load --data http-params.csv
        [--export runs/NAME/best] [--runtime onnx,keras] [--connections 1,16,64] [--records 1,100]
        [--seconds 10]

Client and server share the machine. Each request carries that many of the log's records, others
each time; a connection sends its next request when it has its answer. Without --export the space's
default trial is served with the weights that it starts with.
"""

import itertools
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from data.common import Parser, run
from data.reading import open_lines
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


def figures(load: Load, records: int) -> list[float]:
    """Return requests and records a second, both percentiles, and how many requests failed."""
    rate = load.requests / load.seconds
    errors = load.connect + load.read + load.write + load.status + load.timeout
    return [rate, rate * records, load.p50_ms, load.p99_ms, errors]


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.serve_load", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--runtime", default="onnx,keras")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--records", default="1,100")
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export = options.export or export_elsewhere(options.data, folder / "export")
        for runtime in options.runtime.split(","):
            with command(export, "--runtime", runtime) as (_, port):
                for records in map(int, options.records.split(",")):
                    script = write_script(options.data, records, folder)
                    for connections in map(int, options.connections.split(",")):
                        load = result(start(script, port, connections, options.seconds))
                        rows.append([runtime, records, connections, *figures(load, records)])
    headers = [
        "runtime",
        "records",
        "connections",
        "requests/s",
        "records/s",
        "p50 ms",
        "p99 ms",
        "errors",
    ]
    formats = ("", "", "", ",.0f", ",.0f", ".1f", ".1f", "")
    print(tabulate(rows, headers, tablefmt="github", floatfmt=formats))
    return 0


if __name__ == "__main__":
    run(main)
