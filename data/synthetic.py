"""The embedded data set: a seeded log of a shop's API, honest requests and attacks, labeled.

python -m data.synthetic --rows 26773 synthetic.csv
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from data.common import Parser, UserError, new_file, run, track
from data.synthesis import Endpoint, Recorder, Request, Shop, family, normal_rows, write_rows

DEFAULT_ROWS = 26_773
_START = 1_700_000_000_000  # milliseconds since 1970
_PAUSE = 1_000.0  # milliseconds between two requests at the busiest hour, on average
_CAMPAIGN_PAUSE = 60.0


class LabeledRow(NamedTuple):
    """One row of the log, and what the generator knows about it."""

    record: str
    label: int  # 0 normal, 1 malicious
    kind: str  # "plain", "hard" or the attack's family


def generate(rows: int, seed: int = 0) -> Iterator[tuple[str, int]]:
    """Make a log of so many rows, in a memory that does not grow with them; the seed decides all.

    Yields:
        The raw JSON record and its label (0 normal, 1 malicious), by time.

    Raises:
        UserError: If `rows` or `seed` is out of range.
    """
    return ((row.record, row.label) for row in explained(rows, seed))


def explained(rows: int, seed: int = 0) -> Iterator[LabeledRow]:
    """Make the log of `generate`, with the kind of each row."""
    if rows < 1:
        raise UserError(f"--rows is {rows}, but a log needs at least 1 row")
    if seed < 0:
        raise UserError(f"--seed is {seed}, but must be 0 or more")
    return _Traffic(rows, seed).rows()


class _Campaign(NamedTuple):
    """A burst of attacks: few clients, one endpoint, one family."""

    clients: tuple[str, ...]
    endpoint: Endpoint
    family: str
    end: int  # the first row after it


class _Traffic:
    """The course of time: who asks when, and how much of it is an attack."""

    def __init__(self, rows: int, seed: int) -> None:
        self._total = rows
        self._rng = Random(seed)
        self._shop = Shop()
        self._recorder = Recorder(seed)
        self._campaign: _Campaign | None = None
        self._time = float(_START)

    def rows(self) -> Iterator[LabeledRow]:
        row = 0
        for size, normal in normal_rows(self._total):
            malicious = size - normal
            for left in range(size, 0, -1):
                self._begin_or_end_campaign(row)
                label = int(self._rng.random() * left < self._lean(malicious, left))
                malicious -= label
                yield self._row(row, label)
                row += 1

    def _lean(self, malicious: int, left: int) -> float:
        """Return the attacks expected per `left` rows here: more inside a campaign than outside.

        The share of what is left still decides, so each slice ends with its exact count.
        """
        if malicious in (0, left):
            return float(malicious)
        odds = malicious / (left - malicious) * (4.0 if self._campaign else 0.4)
        return left * odds / (1 + odds)

    def _begin_or_end_campaign(self, row: int) -> None:
        rng = self._rng
        if self._campaign is not None:
            if row < self._campaign.end:
                return
            self._campaign = None
        if rng.random() < 0.02:
            clients = tuple(self._recorder.client(rng) for _ in range(1 + int(rng.random() * 4)))
            self._campaign = _Campaign(
                clients,
                self._shop.endpoint(rng),
                family(rng, row / self._total),
                row + int(rng.expovariate(1 / 40)),
            )

    def _row(self, row: int, label: int) -> LabeledRow:
        if label:
            request = self._attack(row)
        else:
            request = self._shop.honest(self._rng, 0.08 + 0.05 * row / self._total)
        client = self._client()
        self._time += 1 + self._pause()
        record = self._recorder.record(self._rng, request, int(self._time), client)
        return LabeledRow(record, label, request.kind)

    def _attack(self, row: int) -> Request:
        rng = self._rng
        progress = row / self._total
        disguised = 0.07 + 0.08 * progress
        campaign = self._campaign
        if campaign is not None and rng.random() < 0.35:
            return self._shop.attack(rng, campaign.endpoint, campaign.family, disguised)
        kind = family(rng, progress)
        return self._shop.attack(rng, self._shop.endpoint(rng), kind, disguised)

    def _client(self) -> str:
        # Attackers browse as well, so a campaign's address alone gives no row away.
        if self._campaign is not None and self._rng.random() < 0.7:
            return self._campaign.clients[int(self._rng.random() * len(self._campaign.clients))]
        return self._recorder.client(self._rng)

    def _pause(self) -> float:
        """Return milliseconds: short in a campaign, else by the hour, shortest in the afternoon."""
        if self._campaign is not None:
            return self._rng.expovariate(1 / _CAMPAIGN_PAUSE)
        hours_off = abs(self._time / 3_600_000 % 24 - 15)
        return self._rng.expovariate(1 / (_PAUSE * (1 + hours_off)))


def write(path: str | os.PathLike[str], rows: int = DEFAULT_ROWS, seed: int = 0) -> None:
    """Write a log as the assignment's CSV: no header, `|` as the quote, record and label.

    The rows go to a file beside it first, so `path` is either whole or untouched.

    Raises:
        UserError: If the file can't be written, or `rows` or `seed` is out of range.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise UserError(f"{target} is not a regular file; give the file to write")
    if not target.parent.is_dir():
        raise UserError(f"{target.parent} is not a folder; create it first")
    log = generate(rows, seed)
    with new_file(target) as beside:
        write_rows(beside, track(log, f"writing {target}", total=rows))


def main(arguments: Sequence[str]) -> int:
    """Run `python -m data.synthetic` with these arguments and return the exit status."""
    parser = Parser(
        prog="python -m data.synthetic",
        description="Write a labeled, seeded access log of a made-up shop.",
        epilog="example:\n  python -m data.synthetic --rows 26773 --seed 0 synthetic.csv",
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=DEFAULT_ROWS,
        metavar="N",
        help="how many rows (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="same seed, same log (default: %(default)s)"
    )
    parser.add_argument("out", metavar="OUT", help="the CSV file to write")
    options = parser.parse_args(arguments)
    write(options.out, options.rows, options.seed)
    print(f"{options.out}: {options.rows:,} rows", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run(main)
