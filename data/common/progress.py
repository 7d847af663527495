"""Progress for anything longer than two seconds: a bar on a terminal, log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_LINE_AFTER = 2.0
LINE_EVERY = 10.0


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items while showing how far the loop, called by its label, has come.

    On a terminal a bar on stderr shows the count and the time left; without one a log line is
    written after two seconds and every ten seconds after that, so short loops stay silent.
    """
    if sys.stderr.isatty():
        yield from _bar(items, label, total)
    else:
        yield from _lines(items, label, total)


def _bar(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=escape(label))


def _lines(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    next_line = time.monotonic() + FIRST_LINE_AFTER
    of_total = "" if total is None else f" of {total:,}"
    for count, item in enumerate(items, 1):
        yield item
        if time.monotonic() >= next_line:
            log.info("%s: %s%s", label, f"{count:,}", of_total)
            next_line = time.monotonic() + LINE_EVERY
