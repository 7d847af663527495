"""The parts of a report, of which none that fails takes another with it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from data.common import UserError
from results.report.plots.plot import Plot
from results.report.text import visible

T = TypeVar("T")

LONGEST_REASON = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part(Generic[T]):
    """Something to show, or the reason why it is not there.

    Attributes:
        content: What there is; None where it could not be made.
        reason: Why not, as a sentence without a full stop.
    """

    content: T | None
    reason: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot and what is said of it.

    Attributes:
        title: What it shows.
        plot: The plot, or why there is none.
        caption: How it is read.
    """

    title: str
    plot: Part[Plot]
    caption: str = ""


def attempt(make: Callable[[], T]) -> Part[T]:
    """Make a part.

    Args:
        make: Makes it. A `ValueError` or `UserError` says in its message why it cannot.

    Returns:
        The part.
    """
    try:
        return Part(make())
    except (ValueError, UserError) as error:
        return Part(None, visible(error, LONGEST_REASON))
    except Exception as error:  # Whatever a plot stumbles over, the leaderboard must be shown.
        log.warning("a part of the report is missing: %s: %s", type(error).__name__, error)
        return Part(None, visible(f"{type(error).__name__}: {error}", LONGEST_REASON))


def figure(title: str, make: Callable[[], Plot], caption: str = "") -> Figure:
    """Make one figure.

    Args:
        title: What it shows.
        make: Makes its plot.
        caption: How it is read.
    """
    return Figure(title, _checked(attempt(make)), caption)


def figures(title: str, make: Callable[[], Mapping[str, Plot]]) -> list[Figure]:
    """Make figures that belong together.

    Args:
        title: What they show, for the one that stands in their place if they cannot be made.
        make: Makes their plots by title.
    """
    made = attempt(make)
    if made.content is None:
        return [Figure(title, Part(None, made.reason))]
    return [Figure(name, _checked(Part(plot))) for name, plot in made.content.items()]


def _checked(part: Part[Plot]) -> Part[Plot]:
    """Make sure that the page can draw it, while another can still be shown instead."""
    if part.content is None:
        return part
    ready = attempt(part.content.as_json)
    return part if ready.content is not None else Part(None, ready.reason)
