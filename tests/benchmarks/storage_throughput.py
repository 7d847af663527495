"""How many trials a second a storage takes: ask, three values, tell; by number of clients.

    python -m tests.benchmarks.storage_throughput [--seconds 10] [--clients 1,8,64]

The journal and SQLite lie in a temporary folder; PostgreSQL is a server of the benchmark's own,
left out if it is not installed. Clients are processes that do nothing else: a search asks for a
trial every few seconds, so one storage serves many more workers than these figures say.
"""

import multiprocessing
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
from tabulate import tabulate

from data.common import Parser, run
from results.study import open_storage
from tests.search.postgresql import programs, server

STUDY = "throughput"
HEARTBEAT = 60


def client(folder: Path, url: str | None, seconds: float, barrier: object, counts: object) -> None:
    """Ask and tell until the time is over, then add to the count."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    study = optuna.load_study(
        study_name=STUDY,
        storage=open_storage(folder, url, HEARTBEAT),
        sampler=optuna.samplers.RandomSampler(),
    )
    barrier.wait()  # type: ignore[attr-defined]
    done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        trial = study.ask()
        value = sum(trial.suggest_float(name, 0.0, 1.0) for name in "xyz")
        study.tell(trial, value)
        done += 1
    counts.put(done)  # type: ignore[attr-defined]


def measure(folder: Path, url: str | None, clients: int, seconds: float) -> float:
    """Give the trials a second that all clients together reach."""
    context = multiprocessing.get_context("fork")
    storage = open_storage(folder, url, HEARTBEAT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.create_study(study_name=STUDY, storage=storage)
    barrier, counts = context.Barrier(clients), context.Queue()
    arguments = (folder, url, seconds, barrier, counts)
    processes = [context.Process(target=client, args=arguments) for _ in range(clients)]
    for process in processes:
        process.start()
    total = sum(counts.get() for _ in processes)
    for process in processes:
        process.join()
    optuna.delete_study(study_name=STUDY, storage=storage)
    return total / seconds


@contextmanager
def urls(folder: Path) -> Iterator[dict[str, str | None]]:
    """Give the storages to measure by name."""
    found: dict[str, str | None] = {
        "journal file": None,
        "SQLite": f"sqlite:///{folder / 'study.db'}",
    }
    if programs() is None:
        yield found
        return
    home = Path(tempfile.mkdtemp(prefix="postgresql-"))
    home.chmod(0o755)
    try:
        with server(home) as running:
            yield found | {"PostgreSQL": running.url}
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main(argv: Sequence[str]) -> int:
    """Measure and print the table."""
    parser = Parser("python -m tests.benchmarks.storage_throughput", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", default="1,8,64")
    options = parser.parse_args(argv)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    clients = [int(count) for count in options.clients.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as name, urls(Path(name)) as storages:
        for storage, url in storages.items():
            speeds = [measure(Path(name), url, count, options.seconds) for count in clients]
            rows.append([storage, *speeds])
    headers = ["trials a second", *[f"{count} clients" for count in clients]]
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".0f"))
    return 0


if __name__ == "__main__":
    run(main)
