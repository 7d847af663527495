"""One process of the fuzzer: coverage tells atheris which inputs lead somewhere new.

A failure does not end it: the input is kept under a name that tells what went wrong, and the rest
of the inputs are tried as well.
"""

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["data", "results.serving.lines"]):
    from tests.fuzz.check import check

from tests.fuzz.mutate import changed

LONGEST = 8192
_EVERY = 1000


class Campaign:
    """Counts what was executed and keeps what failed."""

    def __init__(self, folder: Path, inputs: int, scratch: Path) -> None:
        """Begin."""
        self._folder = folder
        self._inputs = inputs
        self._scratch = scratch
        self._started = time.monotonic()
        self._executed = 0
        self._read = 0
        self._longest = 0.0
        self._failures: dict[str, int] = {}

    def __call__(self, data: bytes) -> None:
        """Execute one input."""
        try:
            outcome = check(data, self._scratch)
            self._read += outcome.was_read
            self._longest = max(self._longest, outcome.seconds)
        except Exception as error:
            self._keep(data, error)
        self._executed += 1
        if self._executed % _EVERY == 0 or self._executed >= self._inputs:
            self._write()

    def _keep(self, data: bytes, error: Exception) -> None:
        innermost = error.__traceback__
        while innermost is not None and innermost.tb_next is not None:
            innermost = innermost.tb_next
        assert innermost is not None
        place = innermost.tb_frame.f_code
        words = "".join(c if c.isalnum() else "-" for c in str(error).partition(":")[0][:60])
        name = f"{type(error).__name__}-{place.co_name}-{innermost.tb_lineno}-{words}"
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] <= 3:
            digest = hashlib.sha256(data).hexdigest()[:8]
            (self._folder / "failures").mkdir(exist_ok=True)
            (self._folder / "failures" / f"{name}-{digest}").write_bytes(data)

    def _write(self) -> None:
        counted = {
            "executed": self._executed,
            "read": self._read,
            "seconds": time.monotonic() - self._started,
            "longest": self._longest,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "failures": self._failures,
        }
        (self._folder / "counted.json").write_text(json.dumps(counted))


def main(argv: Sequence[str]) -> None:
    """Fuzz; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.target")
    parser.add_argument("folder", type=Path, help="takes the corpus, the failures and the count")
    parser.add_argument("seeds", type=Path)
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args(argv)
    (options.folder / "corpus").mkdir(parents=True, exist_ok=True)
    in_memory = Path("/dev/shm")
    scratch = tempfile.mkdtemp(dir=in_memory if in_memory.is_dir() else None)
    tempfile.tempdir = scratch
    campaign = Campaign(options.folder, options.inputs, Path(scratch))

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        return changed(data, most, seed, lambda content: atheris.Mutate(content, LONGEST))

    words = [
        sys.argv[0],
        f"-runs={options.inputs}",
        f"-max_len={LONGEST}",
        f"-seed={options.seed}",
        "-rss_limit_mb=2048",
        "-timeout=20",
        "-print_final_stats=1",
        f"-artifact_prefix={options.folder}/",
        str(options.folder / "corpus"),
        str(options.seeds),
    ]
    atheris.Setup(words, campaign, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
